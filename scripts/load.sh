#!/usr/bin/env bash
# Loads a dataset from its published files; --help says how. Without SEEN_MONGO_URIS, into the suite of scripts/local.sh.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")/.."
root=$PWD
source scripts/lib/venv.sh

seen_venv local
cd "$called_from" # paths of files are relative to the caller's folder
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m scripts.loader "$@"
