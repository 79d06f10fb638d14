"""The two questions over generated IMDb files of any size, in Spark and DuckDB."""
