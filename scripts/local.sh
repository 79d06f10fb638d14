#!/usr/bin/env bash
# Runs the whole suite on this machine, from a fresh checkout on; --help says how.
set -euo pipefail
# DIR of --data DIR is meant from where the caller stands.
SEEN_CALLED_FROM=$PWD
export SEEN_CALLED_FROM
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

seen_venv local
exec .venv/bin/python -m scripts.local "$@"
