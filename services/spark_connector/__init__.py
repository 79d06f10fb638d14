"""Runs long computations: two questions over all of IMDb, with spark_jobs, and trainings of the suggestion model."""
