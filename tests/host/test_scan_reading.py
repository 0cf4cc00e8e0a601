# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker says is hostile, and how it ended is told apart."""

import math
from typing import Any

import msgspec
import pytest

from host.scan.reading import described, status_of_end
from host.scan.verdict import ScannedPlugin, Status
from ipc.description import ParameterDescription, PluginDescription
from ipc.messages import DeepFindings, Probed
from ipc.permissions import Permissions
from ipc.worker_process import WorkerExit


def ended(**fields: Any) -> WorkerExit:
    known: dict[str, Any] = {
        "pid": 1,
        "signal": 11,
        "exit_code": None,
        "phase": "load",
        "killed_by_host": False,
        "uptime_s": 1.0,
        "user_s": 0.0,
        "system_s": 0.0,
        "max_rss_bytes": 2**20,
        "last_pss_bytes": None,
        "stderr_tail": "",
    }
    return WorkerExit(**{**known, **fields})


@pytest.mark.parametrize(
    ("exit", "status", "how"),
    [
        (ended(), Status.CRASHED, "crashed with SIGSEGV"),
        (ended(signal=None, exit_code=3), Status.CRASHED, "ended its process (exit code 3)"),
        (ended(signal=9), Status.FAILED, "was killed by someone else (out of memory?)"),
        (ended(signal=9, memory_ran_out=False), Status.FAILED, "was killed by someone else"),
        (
            ended(signal=9, memory_ran_out=True),
            Status.FAILED,
            "was killed by the kernel, short of memory",
        ),
        (
            ended(max_rss_bytes=240 * 2**20),
            Status.OUT_OF_MEMORY,
            "took 240 MiB of memory, of the 256 that it may have, and ended with SIGSEGV",
        ),
        (
            ended(signal=6, stderr_tail="qt.qpa.xcb: could not connect to display \nAborted"),
            Status.NEEDS_DISPLAY,
            "needs a display, and ended with SIGABRT without one",
        ),
        (
            ended(stderr_tail="no display, going on\n" + "work\n" * 10),
            Status.CRASHED,
            "crashed with SIGSEGV",
        ),
    ],
)
def test_ends_are_told_apart(exit: WorkerExit, status: Status, how: str) -> None:
    permissions = Permissions(memory_mb=256)
    assert status_of_end(exit, False, "", 30.0, permissions) == (status, how)


def test_hangs_and_nonsense_are_told_apart() -> None:
    killed = ended(signal=9, killed_by_host=True)
    permissions = Permissions()
    assert status_of_end(killed, True, "", 2.0, permissions)[0] is Status.HUNG
    status, how = status_of_end(killed, False, "a frame of 2 GiB", 2.0, permissions)
    assert status is Status.CRASHED and "broke its connection" in how


def test_forged_answers_cannot_break_the_catalogue() -> None:
    forged = Probed(
        description=PluginDescription(
            id="x",
            name="a\x1b[31m" + "b" * 100_000,
            format="ladspa",
            in_channels=2**63,
            out_channels=-5,
            latency_frames=2**70,
            tail_s=math.nan,
            parameters=[
                ParameterDescription(
                    index=0, id="i" * 9000, name="n", default=math.inf, min_value=math.nan
                )
            ]
            * 30_000,
            programs=["p"] * 30_000,
        ),
        phases_ms={},
        memory_bytes=2**53,
        peak=math.inf,
        nonfinite=1,
        refused_blocks=0,
        longest_block_ms=math.inf,
        process_ms=math.inf,
        deep=DeepFindings(measured_tail_s=math.inf, measured_latency_frames=2**70),
    )
    empty = ScannedPlugin(id="x", status=Status.OK, format="ladspa", path="/x.so")
    result = described(empty, forged)
    again = msgspec.json.decode(msgspec.json.encode(result), type=ScannedPlugin)
    assert again == result
    assert (again.in_channels, again.out_channels, again.latency_frames) == (2**53, 0, 2**53)
    assert (again.peak, again.process_ms, again.tail_s) == (0.0, 0.0, None)
    assert len(again.name) == 1000 and again.name.isprintable()
    assert len(again.parameters) == len(again.programs) == 20_000
    assert len(again.parameters[0].id) == 1000 and again.parameters[0].min_value is None
    assert again.deep is not None and again.deep.measured_tail_s is None
