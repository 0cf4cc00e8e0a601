#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs the tests: first the native programs of tests/native, then pytest against the checked host
# (allocation, locks and system calls on the audio thread end the test). Arguments go to pytest.

set -eu
. "$(dirname "$0")/common.sh"
cd "$ROOT"

if compgen -G "tests/native/*.cpp" >/dev/null; then
    say "native tests"
    tools/setup/native.sh tests
    "$VENV/bin/ctest" --test-dir build/native --output-on-failure --parallel "$(nproc)"
fi

export ISOBOOTH_CHECKED=1
preload=${LD_PRELOAD:-}
if [ -e host/librtcheck.so ]; then
    # Sees what libraries do on the audio thread, which no macro of ours can.
    preload="$ROOT/host/librtcheck.so${preload:+:$preload}"
fi

# All of them, more at a time than there are cores, because they wait more than they compute; some of
# them, which somebody looks at, one by one.
streams=${STREAMS:-$((($(nproc) * 3 + 1) / 2))}
[[ $streams =~ ^[0-9]+$ ]] && [ "$streams" -gt 0 ] ||
    fail 2 "STREAMS is '$streams': expected how many tests may run at a time"
aside=()
if [ $# -eq 0 ] && [ "$streams" -gt 1 ]; then
    if tools/setup/apart.sh --possible; then
        # Named from here: a path with a space in it would be two words to pytest.
        aside=(--dist worksteal --maxprocesses "$streams"
            --tx "$streams*popen//python=tools/setup/apart.sh")
    else
        say "one at a time: this user may not give several a /dev/shm and processes of their own"
    fi
fi
tests() { # ARGUMENTS... to pytest
    env ${preload:+LD_PRELOAD="$preload"} "$VENV/bin/python" -m pytest "$@"
}
say "Python tests"
code=0
tests "${aside[@]}" "$@" || code=$?
[ $code -eq 1 ] && [ ${#aside[@]} -gt 0 ] || exit $code

# A test that plays in real time may fail only because others ran beside it. Each that failed is
# asked again, alone, and by its name: one that fails again has failed.
say "once more alone: what failed above"
tests --last-failed --last-failed-no-failures none -v
say "the tests that failed beside others have passed alone"
