"""Benchmarks: `http` (a request), `suggest` (suggestions), `training` and `quality` (their model), `spark` (IMDb)."""
