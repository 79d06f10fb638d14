# shellcheck shell=bash
# Sourced by other scripts.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# seen_venv EXTRA: brings .venv (with that extra of pyproject.toml, as locked in requirements.lock) and ./seen up to date.
# Prints something only if that takes time. Scripts can call it at the same time.
seen_venv() {
    local python
    python=$(_seen_python) || return 1
    "$python" "$root/scripts/lib/install.py" "$1"
}

# seen_module MODULE ARGUMENT…: runs a module of this repository instead of the calling script. It stays in the caller's
# folder, to which paths in the arguments are relative.
seen_module() {
    PYTHONPATH=$root exec "$root/.venv/bin/python" -P -m "$@"
}

# Prints the Python of .venv if there is one, otherwise the first on the PATH that is new enough and has venv.
_seen_python() {
    local candidate without_venv=""
    for candidate in "$root/.venv/bin/python" python3.11 python3.12 python3.13 python3.14 python3 python; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        if [[ $candidate == "$root"/* ]] || "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
        without_venv=$candidate
    done
    if [[ $without_venv ]]; then
        echo "$without_venv lacks its venv module: install it (Debian and Ubuntu: apt-get install $without_venv-venv), then run this again" >&2
    else
        echo "no Python 3.11 or newer on the PATH: install one (Debian and Ubuntu: apt-get install python3 python3-venv), then run this again" >&2
    fi
    return 1
}
