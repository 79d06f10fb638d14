#!/usr/bin/env bash
# Runs Locust's users against a suite on this machine and leaves a table and plots; --help says how.
set -euo pipefail
# DIR of --out DIR and --suite DIR is meant from where the caller stands.
SEEN_CALLED_FROM=$PWD
export SEEN_CALLED_FROM
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

seen_venv local
seen_venv locust
exec .venv/bin/python -m load.locust_users.run "$@"
