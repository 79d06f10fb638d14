"""Translates the Istio objects into the configuration of a real Envoy, as istiod would, for a running suite."""
