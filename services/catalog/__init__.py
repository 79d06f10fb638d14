"""The program of every dataset: items from MongoDB, served as seen.v1.Catalog, and the loader that imports them."""
