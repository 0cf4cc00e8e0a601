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

say "Python tests"
export ISOBOOTH_CHECKED=1
preload=${LD_PRELOAD:-}
if [ -e host/librtcheck.so ]; then
    # Sees what libraries do on the audio thread, which no macro of ours can.
    preload="$ROOT/host/librtcheck.so${preload:+:$preload}"
fi
exec env ${preload:+LD_PRELOAD="$preload"} "$VENV/bin/python" -m pytest "$@"
