#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The project's Python, on what is to it a machine of its own: it and all that it starts see no other
# processes, no other shared memory and no other temporary files. So several runs of the tests, each
# of which looks at all of these, go on side by side.
#
#   apart.sh ARGUMENTS...   to Python
#   apart.sh --possible     whether this user may do that

set -eu
. "$(dirname "$0")/common.sh"

apart() { # COMMAND...
    # The shell is process 1 there: it reaps what nobody waits for.
    # shellcheck disable=SC2016 # the inner shell's words
    unshare --mount --pid --fork --kill-child --mount-proc "$BASH" -c '
        mount -t tmpfs -o mode=1777 isobooth-apart /dev/shm && "$@"; exit $?' apart "$@"
}

if [ "${1:-}" = --possible ]; then
    command -v unshare >/dev/null && apart true 2>/dev/null
    exit
fi

place=$(mktemp -d "${TMPDIR:-/tmp}/isobooth-apart-XXXXXX")
trap 'rm -rf "$place"' EXIT
chmod 1777 "$place" # servers that refuse to be root have their folders there, too
mkdir -m 700 "$place/run"
export TMPDIR=$place XDG_RUNTIME_DIR=$place/run
apart "$VENV/bin/python" "$@"
