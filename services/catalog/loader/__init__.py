"""Imports a dataset's files, as their source publishes them, into MongoDB: python -m services.catalog.loader."""
