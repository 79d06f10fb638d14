#!/usr/bin/env bash
# Writes the tables of settings in the services' READMEs anew, from the declarations in services/NAME/settings.py.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2s/^# //p' "$0"
    exit
fi

seen_venv local
exec .venv/bin/python -m scripts.update_docs
