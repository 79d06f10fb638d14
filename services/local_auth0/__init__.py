"""A stand-in for Auth0 on a developer's machine and in tests: its addresses, behaviour and tokens. Never deployed."""
