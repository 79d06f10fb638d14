"""Answers two questions over all of IMDb: runs jobs of spark_jobs, and keeps their answers."""
