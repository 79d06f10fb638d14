#!/usr/bin/env bash
# Loads a dataset's real files; --help says how. Without SEEN_MONGO_URIS, into the servers that scripts/local.sh runs.
set -euo pipefail
called_from=$PWD
cd "$(dirname "$0")/.."
root=$PWD
source scripts/lib/venv.sh

seen_venv local
# Files are meant from where the caller stands.
cd "$called_from"
PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m scripts.local.load "$@"
