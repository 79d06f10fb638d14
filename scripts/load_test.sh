#!/usr/bin/env bash
# Runs simulated users against a suite on this machine and writes a table and plots; see --help.
set -euo pipefail
# shellcheck source=scripts/lib/venv.sh
source "$(dirname "$0")/lib/venv.sh"

seen_venv local
seen_venv locust
seen_module load.locust_users.run "$@"
