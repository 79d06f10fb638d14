#!/usr/bin/env bash
# Checks style and types, then runs tests.
#
#   scripts/test.sh            all tests: unit, deploy, integration, end to end
#   scripts/test.sh --quick    unit tests only; about a minute. More arguments go to pytest
#   scripts/test.sh PATH…      any arguments of pytest, such as -k suggest, --lf, or -n0 to run one test at a time
#
# On Debian and Ubuntu, as root, the first form installs missing tools (MariaDB, Chromium, promtool, Java). The other
# forms install no system package. Tests whose tools are missing are skipped and listed.
set -uo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit
fi
# shellcheck source=scripts/lib/venv.sh
source "$(dirname "$0")/lib/venv.sh"
cd "$root" || exit

[[ $# == 0 && $(id -u) == 0 ]] && command -v apt-get >/dev/null && may_install=1
# A busy machine may be too slow for a test of real processes. Up to five failed tests, unit tests excepted, run once
# more, and the summary lists them as RERUN with their failures.
reruns=()
[[ $# == 0 ]] && reruns=(--reruns 1 --max-suite-reruns 5 --rerun-exclude-path tests/unit --rerun-show-tracebacks)
quick=""
if [[ ${1:-} == --quick ]]; then
    quick=1
    shift
    set -- tests/unit "$@"
fi

skipped=() missing=()
need() { # PACKAGE COMMAND…: any of the commands will do
    local package=$1 command
    shift
    for command in "$@"; do
        PATH=$PATH:/usr/sbin command -v "$command" >/dev/null && return
    done
    missing+=("$package")
}
if [[ ! $quick ]]; then # the unit tests need none of these
    need mariadb-server mariadbd mysqld
    need chromium chromium chromium-browser google-chrome
    need prometheus promtool
    need default-jre-headless java
fi
if ((${#missing[@]})) && [[ ${may_install:-} ]]; then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update >/dev/null 2>&1
fi
for package in ${missing[@]+"${missing[@]}"}; do
    if [[ ! ${may_install:-} ]]; then
        skipped+=("tests that need $package: it is not installed")
    elif ! output=$(apt-get -q -y --no-install-recommends install "$package" 2>&1); then
        tail -n 5 <<<"$output" >&2
        skipped+=("tests that need $package: apt-get could not install it")
    fi
done

seen_venv test || exit

# All checks run even if one fails. tests/conftest.py repeats failed ones in pytest's summary.
failed=()
check() { # NAME COMMAND…
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
    skipped+=("shellcheck: it is not installed")
fi

SEEN_SKIPPED_CHECKS=$(printf '%s\n' "${skipped[@]-}")
SEEN_FAILED_CHECKS=$(printf '%s\n' "${failed[@]-}")
export SEEN_SKIPPED_CHECKS SEEN_FAILED_CHECKS
echo '== pytest'
# Two files at a time: most tests wait for a database to start or a deadline to pass. Files are started in the order of
# testpaths in pyproject.toml.
python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder ${reruns[@]+"${reruns[@]}"} "$@"
code=$?
((code == 0 && ${#failed[@]})) && code=1
exit "$code"
