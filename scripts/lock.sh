#!/bin/sh
# Refresh the lock files: every version and hash, for every platform and Python from 3.11 on, no index address.
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null 2>&1 || { echo "lock: needs uv on PATH; nothing was changed" >&2; exit 1; }

# compile LOCK ARGUMENTS...
compile() {
    lock=$1
    shift
    # With extras: pip takes "coverage[toml]" for a requirement of its own, which has to be locked too.
    uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-strip-extras \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        --output-file "$lock" "$@"
}

# requirements/build.in: what builds the package itself, since pip runs without build isolation.
compile requirements/runtime.txt pyproject.toml requirements/build.in
compile requirements/dev.txt --extra dev --constraints requirements/runtime.txt pyproject.toml requirements/build.in
# Plug-ins for the tests' projects, with what both environments have in the same versions: pip need load it only once.
compile requirements/plugins.txt --constraints requirements/dev.txt requirements/plugins.in

# A pytest for the tests' projects on Python 3.9 and 3.10.
uv pip compile --quiet --generate-hashes --python-version 3.9 --no-annotate \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --output-file requirements/py39.txt requirements/py39.in
