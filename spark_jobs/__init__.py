"""Two questions over all of IMDb, for Spark and DuckDB. README.md describes how to run them."""
