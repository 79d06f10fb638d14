"""Tests of the deployment files and of the cloud scripts, without a cluster."""
