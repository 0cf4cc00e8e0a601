# SPDX-License-Identifier: GPL-3.0-or-later
"""The sign of each verdict, the same in all reports. No two differ by colour alone, and all are in
every font that has Latin letters."""

from host.stress.verdict import Verdict

MARKS = {
    Verdict.PASS: "✓",
    Verdict.SKIP: "·",
    Verdict.WARN: "!",
    Verdict.FAIL: "×",
    Verdict.HANG: "∞",
    Verdict.CRASH: "†",
    Verdict.ERROR: "?",
}

# As they are counted: what did not apply comes last, it says least.
SHOWN = (*(verdict for verdict in Verdict if verdict is not Verdict.SKIP), Verdict.SKIP)

# As they are looked at: what is known to be bad before what is not known.
WORST_FIRST = (
    Verdict.CRASH,
    Verdict.HANG,
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.WARN,
    Verdict.SKIP,
    Verdict.PASS,
)

MEANINGS = {
    Verdict.PASS: "as it should be",
    Verdict.SKIP: "not for this plugin",
    Verdict.WARN: "not right, but no danger",
    Verdict.FAIL: "not as it must be",
    Verdict.HANG: "did not come back in time",
    Verdict.CRASH: "ended its process",
    Verdict.ERROR: "could not be checked",
}
