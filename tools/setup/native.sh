#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the C++ half, incrementally: only what changed is compiled.
#
#   native.sh modules          ipc._native, sandbox._native, host._native: beside their packages
#   native.sh tests            the test programs of tests/native, into build/native
#   native.sh address [PROGRAM]  modules and test programs with Address- and UBSanitizer, build/asan
#   native.sh thread           the *_threads test programs with ThreadSanitizer, build/tsan
#
# Needs the virtual environment, which `make setup` makes.

set -eu
. "$(dirname "$0")/common.sh"

[ -x "$VENV/bin/ninja" ] && [ -x "$VENV/bin/cmake" ] ||
    fail 2 "$VENV has no cmake and ninja; run 'make setup' first"

# Configures a build folder when it is new, or was made with other options, by another Python or in
# another place; then builds TARGETS (or all).
build() { # FOLDER "CMAKE OPTIONS" TARGETS...
    local folder="$ROOT/build/$1" options=$2 made_with
    shift 2
    made_with="$folder $options ${CXX:-} $("$VENV/bin/python" -V)"
    if [ ! -e "$folder/build.ninja" ] ||
        [ "$(cat "$folder/made-with" 2>/dev/null)" != "$made_with" ]; then
        say "configuring ${folder#"$ROOT"/}"
        rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles" "$folder/made-with"
        # shellcheck disable=SC2086 # options are several words, none with spaces but the paths here
        "$VENV/bin/cmake" -S "$ROOT" -B "$folder" -G Ninja --log-level=NOTICE \
            -DCMAKE_MAKE_PROGRAM="$VENV/bin/ninja" -DPython_EXECUTABLE="$VENV/bin/python" \
            $options ${OUTPUT:+-DISOBOOTH_OUTPUT="$OUTPUT"}
        echo "$made_with" >"$folder/made-with"
    fi
    # -k 0: one broken module hides neither the others' errors nor keeps them from being built.
    nice "$VENV/bin/cmake" --build "$folder" ${1:+--target "$@"} -- -k 0
}

case "${1:-modules}" in
modules)
    OUTPUT=$ROOT locked native build modules ""
    ;;
tests)
    locked tests build native "-DISOBOOTH_MODULES=OFF -DISOBOOTH_TESTS=ON"
    ;;
address)
    OUTPUT=$ROOT/build/asan/tree locked asan build asan \
        "-DISOBOOTH_TESTS=ON -DISOBOOTH_SANITIZE=address,undefined" "${@:2}"
    ;;
thread)
    targets=()
    for source in "$ROOT"/tests/native/*_threads.cpp; do
        [ -e "$source" ] && targets+=("$(basename "$source" .cpp)")
    done
    [ ${#targets[@]} -gt 0 ] || fail 2 "tests/native has no *_threads.cpp to build"
    locked tsan build tsan \
        "-DISOBOOTH_MODULES=OFF -DISOBOOTH_TESTS=ON -DISOBOOTH_SANITIZE=thread" "${targets[@]}"
    ;;
*)
    fail 2 "unknown build '$1': use modules, tests, address or thread"
    ;;
esac
