#!/usr/bin/env bash
# Runs the whole suite on this machine and installs what it needs; --help says how.
set -euo pipefail
# DIR of --data DIR is relative to the caller's folder.
SEEN_CALLED_FROM=$PWD
export SEEN_CALLED_FROM
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

# Spark is large, so it is installed only if it is asked for.
extra=local
[[ " $* " =~ \ --spark[\ =]spark-submit\  ]] && extra=local-spark

seen_venv "$extra"
exec .venv/bin/python -m scripts.local "$@"
