"""What the HTTP benchmark compares Seen with: the same requests in one plain FastAPI process on the same databases."""
