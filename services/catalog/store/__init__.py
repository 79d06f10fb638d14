"""A dataset's items in MongoDB, spread over one or more shards."""
