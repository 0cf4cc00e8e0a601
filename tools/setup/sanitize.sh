#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   sanitize.sh address   native tests, and the Python tests marked `sanitize`, under Address- and
#                         UndefinedBehaviorSanitizer
#   sanitize.sh thread    the *_threads native tests under ThreadSanitizer
#
# The sanitized modules must not stand beside the packages, where every other command would load
# them. So build/asan/tree holds a copy of the packages with sanitized modules in it, and
# build/asan/venv an interpreter that finds this copy first and then the packages of .venv; worker
# processes inherit the interpreter and with it the copy. The interpreter preloads the sanitizer by
# itself, because a launcher passes no LD_PRELOAD of its host's on to the workers.

set -eu
. "$(dirname "$0")/common.sh"
cd "$ROOT"

export UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

# Sanitizers of gcc 12 reserve fixed addresses, which newer kernels may give to a library.
fixed_addresses() {
    if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

make_sanitized_tree() {
    local tree=build/asan/tree venv=build/asan/venv site
    mkdir -p "$tree"
    find "$tree" -name '*.py' -delete # of modules that have been removed or renamed
    tar -cf - --exclude='*.so' --exclude=__pycache__ --exclude='./tests/native' \
        pyproject.toml docs ipc host sandbox ui tools tests $([ ! -e isobooth.py ] || echo isobooth.py) |
        tar -xf - -C "$tree"
    [ -e "$venv/pyvenv.cfg" ] || "$VENV/bin/python" -m venv --without-pip "$venv"
    write_sanitized_python "$venv/bin/python"
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    # A path named in a .pth file is searched, but its own .pth files are not read; so the editable
    # install in .venv does not come into play.
    printf '%s\n' "$ROOT/$tree" \
        "$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
        >"$site/isobooth.pth"
}

write_sanitized_python() { # PATH
    local runtime=()
    # Python is not linked to the sanitizer, which must be the first library of the process; nor to
    # libstdc++, without which the sanitizer cannot follow exceptions.
    for library in libasan.so libstdc++.so; do
        runtime+=("$(realpath "$("${CXX:-c++}" -print-file-name=$library)")")
    done
    # Python and its libraries keep memory to the end by design, so leaks are not sought here;
    # PYTHONMALLOC makes each Python object an allocation that the sanitizer sees.
    rm -f "$1"
    cat >"$1" <<END
#!/usr/bin/env bash
export LD_PRELOAD="$(IFS=: && echo "${runtime[*]}")" PYTHONMALLOC=malloc
export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}detect_leaks=0"
exec -a "\$0" "$("$VENV/bin/python" -c 'import sys; print(sys._base_executable)')" "\$@"
END
    chmod +x "$1"
}

run_sanitized_pytest() {
    local status=0
    say "Python tests with Address- and UndefinedBehaviorSanitizer"
    (
        cd build/asan/tree
        fixed_addresses ../venv/bin/python -m pytest -p no:cacheprovider -p no:pytest-qt \
            --ignore tests/ui -m sanitize "$@"
    ) || status=$?
    [ "$status" -ne 5 ] || { # pytest: nothing collected
        say "no Python test is marked 'sanitize'"
        return 0
    }
    return "$status"
}

run_native() { # FOLDER CTEST-ARGUMENTS...
    local folder=$1
    shift
    if compgen -G "tests/native/*.cpp" >/dev/null; then
        say "native tests in $folder"
        fixed_addresses "$VENV/bin/ctest" --test-dir "$folder" --output-on-failure "$@"
    fi
}

mode=${1:-address}
[ $# -eq 0 ] || shift
case "$mode" in
address)
    tools/setup/native.sh address
    make_sanitized_tree
    run_native build/asan
    run_sanitized_pytest "$@"
    ;;
thread)
    tools/setup/native.sh thread
    run_native build/tsan --tests-regex '_threads$'
    ;;
*)
    fail 2 "unknown sanitizer '$mode': use address or thread"
    ;;
esac
