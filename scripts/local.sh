#!/usr/bin/env bash
# Runs the whole suite on this machine, from a fresh checkout on; --help says how.
set -euo pipefail
# DIR of --data DIR is meant from where the caller stands.
SEEN_CALLED_FROM=$PWD
export SEEN_CALLED_FROM
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

# Spark is large, so it is installed only for who asks for it.
extra=local
[[ " $* " =~ \ --spark[\ =]local\  ]] && extra=local-spark

seen_venv "$extra"
exec .venv/bin/python -m scripts.local "$@"
