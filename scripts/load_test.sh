#!/usr/bin/env bash
# Runs simulated users against a suite on this machine and writes a table and plots; see --help.
set -euo pipefail
# Paths given to --out and --suite are relative to the caller's folder.
SEEN_CALLED_FROM=$PWD
export SEEN_CALLED_FROM
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

seen_venv local
seen_venv locust
exec .venv/bin/python -m load.locust_users.run "$@"
