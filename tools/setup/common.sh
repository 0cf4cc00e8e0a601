# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the set-up scripts share: where things are, and how they speak. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VENV="$ROOT/.venv"
STATE="$ROOT/.setup" # stamps and locks of the set-up; safe to delete

# Exit code of a machine that lacks something the project cannot install itself.
EXIT_MACHINE=3

say() { printf '==> %s\n' "$*"; }

fail() { # CODE MESSAGE...
    local code=$1
    shift
    printf 'error: %s\n' "$*" >&2
    exit "$code"
}

# Runs a command while holding a lock, so that two shells never build one folder at once.
locked() { # NAME COMMAND...
    local name=$1
    shift
    mkdir -p "$STATE"
    (
        flock 9
        "$@"
    ) 9>"$STATE/$name.lock"
}
