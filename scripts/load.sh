#!/usr/bin/env bash
# Loads a dataset from its published files; --help says how. Without SEEN_MONGO_URIS, into the suite of scripts/local.sh.
set -euo pipefail
# shellcheck source=scripts/lib/venv.sh
source "$(dirname "$0")/lib/venv.sh"

seen_venv local
seen_module scripts.loader "$@"
