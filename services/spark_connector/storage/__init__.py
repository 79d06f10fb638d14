"""Files in folders and in Cloud Storage: the jobs' inputs, and stored answers."""
