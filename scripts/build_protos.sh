#!/usr/bin/env bash
# Generates the Python package seen.v1 (messages, stubs and types) from protos/ into ./seen, which git ignores.
set -euo pipefail
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit
fi
cd "$(dirname "$0")/.."
python=${SEEN_PYTHON:-.venv/bin/python}

# Generated in a temporary folder and then moved, so that no process imports half a package.
out=$(mktemp -d .seen-protos.XXXXXX)
trap 'rm -rf "$out"' EXIT
PATH="$(dirname "$python"):$PATH" "$python" -m grpc_tools.protoc --proto_path=protos \
    --python_out="$out" --grpc_python_out="$out" --pyi_out="$out" --mypy_grpc_out="quiet:$out" \
    protos/seen/v1/*.proto
touch "$out/seen/__init__.py" "$out/seen/v1/__init__.py"
rm -rf seen
mv "$out/seen" seen
