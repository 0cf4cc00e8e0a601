#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks (`lint.sh check`) or rewrites (`lint.sh format`) the form of all sources. A check runs
# every tool before it fails, so that one run shows everything.

set -u
. "$(dirname "$0")/common.sh"
cd "$ROOT" || exit 2

PYTHON_SOURCES=(ipc host sandbox ui tools)
[ ! -e isobooth.py ] || PYTHON_SOURCES+=(isobooth.py)
mapfile -t NATIVE_SOURCES < <(find ipc host sandbox ui tools tests -type f \
    \( -name '*.cpp' -o -name '*.hpp' -o -name '*.c' -o -name '*.h' \) | LC_ALL=C sort)

failed=()
run() { # NAME COMMAND...
    local name=$1
    shift
    say "$name"
    "$@" || failed+=("$name")
}

# Names the files only; what is wrong in each is clang-format's to mend, not ours to read.
clang_format_check() {
    local file wrong=0
    for file in "${NATIVE_SOURCES[@]}"; do
        clang-format "$file" | cmp -s - "$file" || {
            echo "Would reformat: $file"
            wrong=1
        }
    done
    return "$wrong"
}

case "${1:-check}" in
check)
    run "ruff check" "$VENV/bin/ruff" check .
    run "ruff format" "$VENV/bin/ruff" format --check .
    run "mypy" "$VENV/bin/mypy" --strict "${PYTHON_SOURCES[@]}"
    run "clang-format" clang_format_check
    [ ${#failed[@]} -eq 0 ] || fail 1 "failed: ${failed[*]} ('make format' mends the form)"
    ;;
format)
    run "ruff check --fix" "$VENV/bin/ruff" check --fix .
    run "ruff format" "$VENV/bin/ruff" format .
    run "clang-format" clang-format -i "${NATIVE_SOURCES[@]}"
    [ ${#failed[@]} -eq 0 ] || fail 1 "left to mend by hand: ${failed[*]}"
    ;;
*)
    fail 2 "unknown action '$1': use check or format"
    ;;
esac
