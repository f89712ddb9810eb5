#!/bin/sh
# Run every check, all of them even if one fails; pytest last, so that its summary ends the output. Arguments are pytest's.
set -u
cd "$(dirname "$0")/.."
failed=
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# check NAME COMMAND...: one line when it passes, the tool's own words when it does not.
check() {
    name=$1
    shift
    if "$@" > "$log" 2>&1; then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        sed 's/^/        /' "$log"
        failed="$failed $name"
    fi
}

check lint .venv/bin/python -m ruff check .
check format .venv/bin/python -m ruff format --check .
check types .venv/bin/python -m mypy
[ -z "$failed" ] || echo "failed before the tests:$failed"
.venv/bin/python -m pytest -q -n auto "$@"
status=$?
[ -z "$failed" ] || [ $status -ne 0 ] || status=1
exit $status
