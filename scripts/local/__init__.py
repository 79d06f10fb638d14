"""Runs the whole suite on one machine: real databases, all services, and a stand-in for Auth0, on loopback."""
