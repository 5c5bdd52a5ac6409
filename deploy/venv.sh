#!/bin/sh
# Usage: deploy/venv.sh DIRECTORY
# Makes the virtual environment DIRECTORY afresh: the pinned dependencies, and crudmq itself from this tree.
# PYTHON names the Python to take; by default the first from 3.13 to 3.11 that works.
set -eu

directory=${1:?the directory of the environment}

say() { echo "venv: $*" >&2; }

fail() {
    say "$*"
    exit 1
}

# Runs a command in silence; its output is shown only if it fails.
quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        fail "failed: $*"
    fi
}

fits() { "$1" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; }

pip() { "$directory/bin/python" -m pip "$@"; }

has_ensurepip() { "$1" -c 'import ensurepip' >/dev/null 2>&1; }

# Prints the Python to take: one with ensurepip, which Debian packs on its own, if there is one.
find_python() {
    fallback=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        fits "$candidate" || continue
        if has_ensurepip "$candidate"; then
            echo "$candidate"
            return
        fi
        fallback=${fallback:-$candidate}
    done
    echo "$fallback"
}

install_ensurepip() {
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    command -v apt-get >/dev/null 2>&1 || fail "$1 has no ensurepip: install it, or set PYTHON to another Python"
    [ "$(id -u)" -eq 0 ] || fail "$1 has no ensurepip: type 'sudo apt-get install $package' and try again"
    say "installing Debian's package $package"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt-get update
    quietly apt-get install --yes --no-install-recommends "$package"
}

python=$(find_python)
[ -n "$python" ] || fail "no Python from 3.11 to 3.13${PYTHON:+ at PYTHON=$PYTHON}: install one, or set PYTHON to its path"
has_ensurepip "$python" || install_ensurepip "$python"

say "making $directory with $("$python" --version)"
quietly "$python" -m venv --clear "$directory"

export PIP_DISABLE_PIP_VERSION_CHECK=1
say "installing the dependencies that constraints.txt pins"
quietly pip install --require-hashes --requirement constraints.txt
say "installing crudmq from this tree"
quietly pip install --no-deps --no-build-isolation --editable .
