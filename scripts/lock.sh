#!/usr/bin/env bash
# Compiles requirements.lock from pyproject.toml, with hashes, for every extra and every platform. Locked versions that
# still fit are kept. Options go to uv pip compile:
#
#   scripts/lock.sh --upgrade                 newest version of every package
#   scripts/lock.sh --upgrade-package NAME    newest version of this package
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit
fi
# shellcheck source=scripts/lib/venv.sh
source "$(dirname "$0")/lib/venv.sh"

cd "$root"
# Installs uv alone, in the version that is locked now.
seen_venv install
.venv/bin/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-emit-index-url --no-header \
    --quiet --output-file requirements.lock "$@"
echo "requirements.lock is up to date; the scripts install from it the next time they run"
