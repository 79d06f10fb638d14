"""Two questions over all of IMDb, for Spark and DuckDB. The README beside this file says how each is run."""
