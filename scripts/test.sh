#!/usr/bin/env bash
# Checks style and types, then runs all tests: unit, deploy, integration, end to end. Arguments go to pytest:
# scripts/test.sh tests/unit, scripts/test.sh -k suggest, scripts/test.sh --lf …; -n0 runs one test at a time.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
source scripts/lib/venv.sh

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,3s/^# //p' "$0"
    exit
fi

# What the tests need of the system: installed for root on Debian and Ubuntu, otherwise left out, and said so.
left_out=()
need() { # NAME OF THE PACKAGE, then commands of which any will do
    local package=$1 command
    shift
    for command in "$@"; do
        PATH=$PATH:/usr/sbin command -v "$command" >/dev/null && return
    done
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        missing+=("$package")
    else
        left_out+=("the tests that need $package (install it, or run this as root)")
    fi
}
missing=()
need mariadb-server mariadbd mysqld
need chromium chromium chromium-browser google-chrome
need prometheus promtool
need default-jre-headless java
need kubectl kubectl # in Debian from 13 on; its name before, kubernetes-client, is too old for k8s/
if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update >/dev/null 2>&1
    for package in "${missing[@]}"; do
        # Its output is shown only where it fails.
        if ! output=$(apt-get -q -y --no-install-recommends install "$package" 2>&1); then
            tail -n 5 <<<"$output" >&2
            left_out+=("the tests that need $package (apt-get could not install it)")
        fi
    done
fi

seen_venv test || exit

# All checks run, whatever the first one says; tests/conftest.py repeats what failed above pytest's last line.
failed=()
check() { # NAME, then the command
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}
export PATH=$PWD/.venv/bin:$PATH
check 'ruff check' ruff check --quiet .
check 'ruff format' ruff format --quiet --check --diff .
check mypy mypy --no-error-summary
if command -v shellcheck >/dev/null; then
    check shellcheck shellcheck --external-sources --source-path=SCRIPTDIR/.. .ci/run scripts/*.sh scripts/lib/*.sh docker/mysql/*.sh
else
    left_out+=("shellcheck, which is not installed")
fi

SEEN_FAILED_CHECKS=$(IFS=,; echo "${failed[*]-}")
SEEN_LEFT_OUT=$(IFS=,; echo "${left_out[*]-}")
export SEEN_FAILED_CHECKS SEEN_LEFT_OUT
echo '== pytest'
# Two files of tests at a time, for most of them wait: for a database to start, a service to notice, a deadline to pass.
python -m pytest --numprocesses 2 --dist loadfile "$@"
code=$?
((code == 0 && ${#failed[@]})) && code=1
exit "$code"
