# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a plugin crashed or hangs, in a few words."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from host.backtrace.brief import crash_place, hang_place
from host.backtrace.frames import Backtrace, Frame, ThreadTrace


def _trace(*names: str) -> ThreadTrace:
    """Of FUNCTION@FILE, innermost first."""
    frames = []
    for name in names:
        function, _, module = name.rpartition("@")
        frames.append(
            Frame(module=module, build_id=None, offset=16, function=function, function_start=0)
        )
    return ThreadTrace(thread_id=1, name="isb-rig", frames=frames)


PROCESS = "process@/p/x.clap"


@pytest.mark.parametrize(
    ("looks", "spins", "words"),
    [
        ([(PROCESS,), (PROCESS,)], True, "spinning in process in x.clap"),
        (
            [("dot@/p/x.clap", PROCESS), ("sum@/p/x.clap", PROCESS)],
            True,
            "spinning in process in x.clap and what it calls",
        ),
        (
            [("sin@/lib/libm.so.6", PROCESS), (PROCESS,)],
            True,
            "spinning in process in x.clap and what it calls",
        ),
        (
            [("pause@/lib/libc.so.6", PROCESS)] * 2,
            False,
            "waiting in pause for process in x.clap",
        ),
        (
            [
                (
                    "__GI___lll_lock_wait@/lib/libc.so.6",
                    "__pthread_mutex_lock@GLIBC_2.2.5@/lib/libc.so.6",
                    "pthread_mutex_lock@/i/libisobooth_audit.so",
                    PROCESS,
                )
            ],
            False,
            "waiting in pthread_mutex_lock for process in x.clap",
        ),
        (
            [("?@/lib/libc.so.6", "__poll@/lib/libc.so.6", PROCESS)],
            False,
            "waiting in poll for process in x.clap",
        ),
        ([(PROCESS,)], False, "waiting in process in x.clap"),
        ([()], True, "spinning"),
    ],
)
def test_a_hang_is_told_in_words(looks: list[tuple[str, ...]], spins: bool, words: str) -> None:
    first, *more = (_trace(*look) for look in looks)
    assert hang_place(Backtrace(threads=[first], samples=more), spins=spins) == words


def test_a_hang_without_a_stack_is_told_too() -> None:
    assert hang_place(None, spins=False) == "waiting"
    assert hang_place(Backtrace(note="not allowed"), spins=True) == "spinning"


MAPS = b"""\
1000-3000 r-xp 00004000 08:01 77 /p/x.clap
7000-9000 r-xp 00000000 08:01 78 /lib/libc.so.6
a000-b000 rwxp 00000000 00:00 0
"""


@dataclass
class _Snapshot:
    pc: int
    maps: bytes = MAPS


@pytest.mark.parametrize(
    ("pc", "place"),
    [(0x1234, "/p/x.clap+0x4234"), (0x7010, ""), (0xA010, ""), (0, ""), (1 << 63, "")],
)
def test_a_crash_has_a_place_only_in_a_plugin(pc: int, place: str) -> None:
    assert crash_place(cast(Any, _Snapshot(pc))) == place


def test_a_map_of_nonsense_has_no_places() -> None:
    assert crash_place(cast(Any, _Snapshot(0x1234, b"\xff\x00 nonsense"))) == ""


def test_names_are_one_line_whatever_a_plugin_calls_its_functions() -> None:
    odd = Frame(
        module="/p/x\n.clap",
        build_id=None,
        offset=16,
        function="f\n\x1b[2J" + "g" * 500,
        function_start=0,
    )
    trace = Backtrace(threads=[ThreadTrace(thread_id=1, name="isb-rig", frames=[odd])])
    for spins in (True, False):
        words = hang_place(trace, spins=spins)
        assert words.isprintable() and len(words) < 300
