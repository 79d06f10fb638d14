"""The dataset program: an adapter's items over MongoDB shards, served as seen.v1.Catalog, and the loader."""
