#!/bin/sh
# setup.sh runtime|dev: make .venv with the locked dependencies and this package, or say what is missing.
# Quick when nothing has changed: a stamp in .venv holds a checksum of the lock and of pyproject.toml.
set -eu
cd "$(dirname "$0")/.."

want=$1
lock=requirements/$want.txt
locks=$lock
[ "$want" != dev ] || locks="$lock requirements/py39.txt requirements/plugins.txt"
venv=.venv
stamp=$venv/.reknit-$want

say() { echo "setup: $*" >&2; }

# The path of the running tree is part of it: a moved checkout gets a new environment.
state() { { pwd -P; cat pyproject.toml $locks; } | cksum; }

# A name on PATH may be a shim that only prints an error, so each is tried.
find_python() {
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        path=$(command -v "$name" 2>/dev/null) || continue
        if "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$path"
            return 0
        fi
    done
    return 1
}

# The line to install what is missing, for this system and this interpreter.
install_line() {
    minor=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || minor=
    if [ -n "$minor" ] && [ "$(basename "$1")" != python3 ]; then
        echo "sudo apt-get install python$minor-venv"
    else
        echo "sudo apt-get install python3-venv"
    fi
}

if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(state)" ]; then
    exit 0
fi

python=$(find_python) || python=
if [ -n "$python" ] && "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    tool=pip
elif command -v uv >/dev/null 2>&1; then
    tool=uv
elif [ -n "$python" ]; then
    say "$python has no ensurepip, so it cannot make a virtual environment; nothing was made. Install it, then try again:"
    echo "    $(install_line "$python")" >&2
    exit 1
else
    say "found neither Python 3.11 or newer nor uv; nothing was made. Install one of them, then try again:"
    echo "    sudo apt-get install python3 python3-venv" >&2
    exit 1
fi

mark=$venv/.made-by-setup
if [ -e "$venv" ] && [ ! -e "$mark" ]; then
    say "$venv was not made by this script, so it was left alone; move it away, then try again"
    exit 1
fi

# Half an environment is worse than none: what this run began goes away unless it is finished.
begun=
trap '[ -z "$begun" ] || { rm -rf "$venv"; say "stopped; $venv was removed"; }' EXIT
trap 'exit 130' INT TERM
rm -f "$stamp"
if [ "$(cat "$mark" 2>/dev/null)" != "$(pwd -P)" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    say "making $venv with ${python:-uv}"
    rm -rf "$venv"
    begun=yes
    if [ $tool = pip ]; then
        "$python" -m venv "$venv"
    else
        uv venv --quiet --python '>=3.11' "$venv"
    fi
    pwd -P > "$mark"
fi
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then tool=uv; else tool=pip; fi

say "installing $lock and reknit"
if [ $tool = pip ]; then
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    "$venv/bin/python" -m pip install -qq --require-hashes -r "$lock"
    "$venv/bin/python" -m pip install -qq --no-deps --no-build-isolation -e .
else
    uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
fi
if [ "$want" = dev ]; then
    # A pytest for the oldest Pythons whose projects are healed, to be lent to them by tests; ours is too new for these.
    say "installing requirements/py39.txt beside it"
    rm -rf "$venv/py39"
    if [ $tool = pip ]; then
        "$venv/bin/python" -m pip install -qq --require-hashes --no-deps --only-binary :all: --python-version 3.9 \
            --target "$venv/py39" -r requirements/py39.txt
    else
        uv pip install --quiet --require-hashes --no-deps --only-binary :all: --python-version 3.9 \
            --target "$venv/py39" -r requirements/py39.txt
    fi
    # Pytest's plug-ins load where they are installed, so those of the tests' projects have an environment of their own.
    say "installing requirements/plugins.txt in $venv/plugins"
    rm -rf "$venv/plugins"
    if [ $tool = pip ]; then
        "$venv/bin/python" -m venv --without-pip "$venv/plugins"
        "$venv/bin/python" -m pip --python "$venv/plugins/bin/python" install -qq --require-hashes \
            --only-binary :all: -r requirements/plugins.txt
    else
        uv venv --quiet --python "$venv/bin/python" "$venv/plugins"
        uv pip install --quiet --compile-bytecode --python "$venv/plugins/bin/python" --require-hashes \
            --only-binary :all: -r requirements/plugins.txt
    fi
fi
begun=
state > "$stamp"
