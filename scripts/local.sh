#!/usr/bin/env bash
# Runs the whole suite on this machine and installs what it needs; --help says how.
set -euo pipefail
# shellcheck source=scripts/lib/venv.sh
source "$(dirname "$0")/lib/venv.sh"

# Spark is large, so it is installed only if it is asked for.
extra=local
[[ " $* " =~ \ --spark[\ =]spark-submit\  ]] && extra=local-spark

seen_venv "$extra"
seen_module scripts.local "$@"
