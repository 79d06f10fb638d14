"""Loads a dataset's files as their source publishes them: python -m services.catalog.load."""
