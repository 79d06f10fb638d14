#!/usr/bin/env bash
# Adds a dataset to every deployment file: Compose, images, Kubernetes, Istio and Prometheus; --help says how.
set -euo pipefail
exec python3 "$(dirname "$0")/lib/add_dataset.py" "$@"
