"""The path of a request, from the socket to a handler and back."""
