"""Proof of what is deployed, without a cluster."""
