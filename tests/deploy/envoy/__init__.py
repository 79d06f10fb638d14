"""A mesh of one real Envoy: the Istio objects as istiod would hand them to it, in front of a suite that runs here."""
