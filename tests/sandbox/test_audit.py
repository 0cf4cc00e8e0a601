# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin does inside process() is seen by name and place, and played on.

Each plugin is in a process of its own, with the library preloaded that sees allocation and locks.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ipc.rig_calls import CallResult, Place, Render, Violation
from sandbox._native import audit_sees_numbers, audit_sees_system_calls
from tests.fixtures.build import fixture_library

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "sandbox" / "libisobooth_audit.so"
BLOCK, BLOCKS = 64, 50

needs_library = pytest.mark.skipif(
    not LIBRARY.exists(), reason="sandbox/libisobooth_audit.so is not built (make native)"
)
needs_dispatch = pytest.mark.skipif(
    not audit_sees_system_calls(), reason="this machine has no Syscall User Dispatch"
)
needs_traps = pytest.mark.skipif(
    not audit_sees_numbers(), reason="this processor cannot trap bad numbers"
)

_PERFORM = """
import sys
import msgspec
from ipc.messages import Mount
from ipc.rig_calls import Render
from sandbox.rig import Rig

rig = Rig(Mount(sys.argv[1], 48000.0, 64), lambda name: None, lambda: None)
for call in msgspec.json.decode(sys.argv[2], type=list[Render]):
    print(msgspec.json.encode(rig.perform(call)).decode())
"""


def perform(label: str, *calls: Render, preload: Path | None = LIBRARY) -> list[CallResult]:
    """What comes of the calls to the fixture."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", _PERFORM, f"ladspa:{fixture_library('audit_fixture')}#{label}"),
            msgspec.json.encode(calls).decode(),
        ],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(preload or "")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [msgspec.json.decode(line, type=CallResult) for line in done.stdout.splitlines()]


def render(audit: bool = True, trap: str = "", blocks: int = BLOCKS) -> Render:
    return msgspec.convert(
        {
            **{"call": "render", "frames": BLOCK * blocks, "source": "noise"},
            **{"audit": audit, "trap": trap, "denormals": True},
        },
        Render,
    )


def found(label: str, trap: str = "") -> list[Violation]:
    """The violations; what is heard, and what changes, are as without an audit."""
    plain, looked_at, again = perform(
        label, render(audit=False), render(not trap, trap), render(audit=False)
    )
    assert plain.violations == again.violations == []
    assert looked_at.unseen == []
    assert plain.digest == looked_at.digest == again.digest
    assert plain.changed == looked_at.changed == again.changed == []
    return looked_at.violations


def the(violations: list[Violation], kind: str, what: str, label: str) -> Violation:
    """The one of that name, which the fixture did."""
    [one] = [v for v in violations if (v.kind, v.what) == (kind, what)]
    assert any(is_in(place, f"run_{label}") for place in one.stack), one
    return one


def is_in(place: Place, function: str) -> bool:
    return place.function == function and place.file.startswith("audit_fixture-")


@needs_library
def test_a_clean_plugin_has_no_violations() -> None:
    assert found("clean") == []
    assert found("clean", trap="invalid") == []
    assert found("clean", trap="denormal") == []


@needs_library
def test_allocation_is_seen_with_the_function_that_allocates_on_top() -> None:
    violations = found("allocates")
    for what in ("malloc", "free"):
        one = the(violations, "allocation", what, "allocates")
        assert one.count == BLOCKS
        assert is_in(one.stack[0], "run_allocates")
    assert len(violations) == 2
    assert any("_native" in place.file for place in one.stack)  # on to the rig that called it


@needs_library
def test_a_function_that_is_not_exported_is_known_by_its_place() -> None:
    one = the(found("odd"), "allocation", "malloc", "odd_\\xff")
    assert one.stack[0].function == ""
    assert one.stack[0].library == str(fixture_library("audit_fixture"))


@needs_library
def test_a_lock_that_nobody_held_is_seen() -> None:
    violations = found("locks")
    assert the(violations, "lock", "pthread_mutex_lock", "locks").count == BLOCKS
    assert len(violations) == 1


@needs_dispatch
@needs_library
def test_a_system_call_without_any_library_is_seen() -> None:
    violations = found("asks")
    calls = [v for v in violations if v.what == "getpid"]
    assert [v.count for v in calls] == [BLOCKS, BLOCKS]  # the instruction, and libc's
    assert is_in(calls[0].stack[0], "run_asks")
    assert is_in(calls[1].stack[1], "run_asks")


@needs_dispatch
@needs_library
@pytest.mark.parametrize(("label", "what"), [("writes", "write"), ("sleeps", "clock_nanosleep")])
def test_system_calls_of_libc_are_seen(label: str, what: str) -> None:
    one = the(found(label), "system-call", what, label)
    assert one.count == BLOCKS
    assert "libc.so" in one.stack[0].file


@needs_dispatch
@needs_library
def test_calls_from_two_places_are_told_apart() -> None:
    opened = [v for v in found("opens") if v.what == "openat"]
    assert [v.count for v in opened] == [BLOCKS, BLOCKS]
    assert opened[0].stack[0] == opened[1].stack[0]
    assert opened[0].stack[1] != opened[1].stack[1]


@needs_dispatch
@needs_library
def test_a_plugin_that_starts_threads_still_can() -> None:
    violations = found("starts")
    names = {v.what for v in violations}
    assert "rt_sigprocmask" in names and names & {"clone", "clone3"}, names


@needs_traps
def test_the_instruction_that_makes_nan_is_found() -> None:
    [one] = found("nan", trap="invalid")
    assert (one.kind, one.what, one.count) == ("invalid", "invalid operation", BLOCKS)
    assert is_in(one.stack[0], "run_nan")
    assert found("nan", trap="denormal") == []


@needs_traps
def test_the_instruction_that_makes_denormals_is_found() -> None:
    violations = found("denormal", trap="denormal")
    one = the(violations, "denormal", "underflow", "denormal")
    assert one.count == BLOCKS
    assert is_in(one.stack[0], "run_denormal")
    assert found("denormal", trap="invalid") == []


@needs_traps
def test_the_instruction_of_the_x87_that_makes_nan_is_found() -> None:
    [one] = found("wide", trap="invalid")
    assert (one.kind, one.what, one.count) == ("invalid", "invalid operation (x87)", BLOCKS)
    assert is_in(one.stack[0], "run_wide")


@needs_traps
@pytest.mark.parametrize("label", ["rounds", "pends", "fills"])
@pytest.mark.parametrize("options", [{"audit": False}, {}, {"audit": False, "trap": "invalid"}])
def test_what_a_plugin_leaves_in_the_x87_is_told_and_cleared_away(
    label: str, options: dict[str, Any]
) -> None:
    results = perform(label, render(**options), render(**options))
    for result in results:
        assert result.changed == ["the floating-point mode of the audio thread"]
        assert result.refused == "" and result.digest == results[0].digest


@needs_dispatch
@needs_library
def test_a_plugin_gets_back_the_handlers_that_it_has_set() -> None:
    found("handles")


@needs_library
def test_many_blocks_stay_within_the_table() -> None:
    [result] = perform("allocates", render(blocks=10_000))
    assert [(v.what, v.count) for v in result.violations] == [("malloc", 10_000), ("free", 10_000)]
    assert result.unseen == []


def test_what_cannot_be_seen_is_said() -> None:
    [result] = perform("allocates", render(), preload=None)
    assert result.unseen[0].startswith("allocation and locks")
    assert result.violations == []
