#!/bin/sh
# Usage: dev/lock.sh UV [OPTION...]
# Writes the locks in requirements/ with the program UV. Each lock pins by version and hash, and names no index.
# A lock takes the versions of the one before it, so that one environment can hold all of them.
set -eu

uv=${1:?the program uv}
shift

# compile LOCK OPTION... writes requirements/LOCK.txt
compile() {
    lock=requirements/$1.txt
    shift
    "$uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command 'make lock' --output-file "$lock" "$@"
}

compile run pyproject.toml --extra server --extra mysql "$@"
compile test pyproject.toml --extra server --extra mysql --group test --constraint requirements/run.txt "$@"
compile bench pyproject.toml --extra server --extra mysql --group bench --constraint requirements/test.txt "$@"
compile build --group build --constraint requirements/test.txt "$@"
# Replaces the version of the other locks: see `make test SQLALCHEMY=2.0`.
echo 'sqlalchemy == 2.0.*' | compile sqlalchemy-2.0 - --no-deps "$@"
