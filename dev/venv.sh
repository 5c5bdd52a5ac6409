#!/bin/sh
# Makes the virtual environments, and finds the Python for them. PYTHON names the Python to take; by default the
# first from 3.14 to 3.11, else a newer python3, that works.
#   dev/venv.sh make DIRECTORY           makes DIRECTORY afresh: requirements/run.txt, and crudmq from this tree
#   dev/venv.sh add DIRECTORY LOCK...    adds requirements/LOCK.txt; a later LOCK replaces versions of an earlier one
#   dev/venv.sh python ARGUMENT...       runs that Python, outside of any environment
set -eu

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

is_supported() { "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

has_ensurepip() { "$1" -c 'import ensurepip' >/dev/null 2>&1; }

# Prints the Python to take: preferably one with ensurepip, which Debian packs on its own.
find_python() {
    fallback=
    for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        is_supported "$candidate" || continue
        if has_ensurepip "$candidate"; then
            echo "$candidate"
            return
        fi
        fallback=${fallback:-$candidate}
    done
    [ -n "$fallback" ] || fail "no Python 3.11 or newer${PYTHON:+ at PYTHON=$PYTHON}: install one, or set PYTHON to its path"
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

# A lock is complete: pip need not resolve dependencies.
install_lock() {
    lock=requirements/$1.txt
    shift
    quietly "$directory/bin/python" -m pip install --no-deps --require-hashes --requirement "$lock" "$@"
}

make_environment() {
    python=$(find_python)
    has_ensurepip "$python" || install_ensurepip "$python"
    say "making $directory with $("$python" --version)"
    quietly "$python" -m venv --clear "$directory"
    say "installing requirements/run.txt, and crudmq from this tree"
    install_lock run
    # The build backend is not needed afterwards, so it stays out of the environment.
    install_lock build --target "$directory/build"
    PYTHONPATH=$directory/build quietly "$directory/bin/python" -m pip install \
        --no-deps --no-build-isolation --editable .
    rm -rf "$directory/build"
}

export PIP_DISABLE_PIP_VERSION_CHECK=1
command=${1:-}
[ $# -eq 0 ] || shift
case $command in
make)
    directory=${1:?the directory of the environment}
    make_environment
    ;;
add)
    directory=${1:?the directory of the environment}
    shift
    for name in "$@"; do
        say "adding requirements/$name.txt to $directory"
        install_lock "$name"
    done
    ;;
python)
    python=$(find_python)
    exec "$python" "$@"
    ;;
*)
    fail "usage: dev/venv.sh make|add|python ..."
    ;;
esac
