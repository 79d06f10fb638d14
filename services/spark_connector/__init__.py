"""Answers two questions over all of IMDb: runs jobs of spark_jobs, and stores their answers."""
