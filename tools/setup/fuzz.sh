#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tries random and damaged input for MINUTES (10): first what workers can write into shared memory,
# under Address- and UndefinedBehaviorSanitizer, then messages and files. `make test` tries a little
# of the same. Other input each time; a failure prints what repeats it.

set -eu
. "$(dirname "$0")/common.sh"
cd "$ROOT"

minutes=${MINUTES:-10}
[[ $minutes =~ ^[0-9]+$ ]] && [ "$minutes" -gt 0 ] ||
    fail 2 "MINUTES is '$minutes': expected a whole number of minutes"
export ISOBOOTH_FUZZ_SECONDS=$((minutes * 30)) # a half for each
export UBSAN_OPTIONS=print_stacktrace=1

tools/setup/native.sh address hostile_memory_fuzz
say "shared memory: $ISOBOOTH_FUZZ_SECONDS s"
# Sanitizers of gcc 12 reserve fixed addresses, which newer kernels may give to a library.
without_randomness=()
if setarch -R true 2>/dev/null; then without_randomness=(setarch -R); fi
"${without_randomness[@]}" build/asan/hostile_memory_fuzz

say "messages and files: $ISOBOOTH_FUZZ_SECONDS s"
end=$((SECONDS + ISOBOOTH_FUZZ_SECONDS))
rounds=0
while [ "$rounds" -eq 0 ] || [ $SECONDS -lt $end ]; do
    seed=$RANDOM$RANDOM
    "$VENV/bin/python" -m pytest tests/fuzz -q --timeout 3600 --hypothesis-seed "$seed" "$@"
    rounds=$((rounds + 1))
done
say "nothing found in $rounds rounds"
