#!/usr/bin/env bash
# Updates the tables of settings in the services' READMEs from the declarations in services/NAME/settings.py.
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit
fi
# shellcheck source=scripts/lib/venv.sh
source "$(dirname "$0")/lib/venv.sh"

seen_venv local
seen_module scripts.update_docs
