#!/usr/bin/env bash
# Compiles requirements.lock from pyproject.toml: every extra, every platform, with hashes, without the host of an index.
# Keeps locked versions that still fit; --upgrade takes the newest of all, --upgrade-package NAME of one.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib/venv.sh

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,3s/^# //p' "$0"
    exit
fi
# Installs uv alone, in the version that is locked now.
seen_venv install
.venv/bin/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url --no-header \
    --quiet --output-file requirements.lock "$@"
echo "requirements.lock is up to date; the scripts install from it the next time they run"
