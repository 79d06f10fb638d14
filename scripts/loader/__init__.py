"""scripts/load.sh: loads a dataset, or people's ratings, from files."""
