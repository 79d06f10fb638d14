"""The suggestion model: what it is trained from, when it is trained, and its stored file."""
