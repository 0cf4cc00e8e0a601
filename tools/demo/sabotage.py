# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to which plugin, and when: three ways in which plugins fail.

Each fault comes on a beat where its victim is heard, and a knob is turned just before it: only a
journal can bring that knob's new place back, no snapshot is so fresh.
"""

import math
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from host.config import HostConfig
from tools.demo.score import BEAT_S, BEATS_A_BAR, Form
from tools.demo.song import CRASHER, SAMPLE_RATE

KNOB_LEAD_S = 0.05  # how long before its fault a knob is turned


@dataclass(frozen=True)
class Sabotage:
    """One staged fault."""

    slot: str
    what: str  # what is done, for people
    short: str  # the same in a word or two, for the picture
    at_s: float
    knob: str  # the parameter that is turned just before
    value: float  # where to, normalized
    act: Callable[[int], None] | None  # done to the worker's process; None: the plugin does it


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def stage(length_s: float) -> tuple[Sabotage, ...]:
    """The faults of a demo of `length_s` seconds, in their order."""
    bars = Form.of(length_s).bars

    def on(share: float, beat: float) -> float:
        return (int(share * bars) * BEATS_A_BAR + beat) * BEAT_S

    return (
        Sabotage("keys-piano", "killed", "SIGKILL", on(0.33, 0.5), "Treble Boost", 0.62, kill),
        Sabotage("lead-delay", "frozen", "SIGSTOP", on(0.5, 0.5), "Feedback", 0.42, freeze),
        # In the second half: a restarted plugin counts its blocks anew, and must not crash again.
        Sabotage(CRASHER, "crashed by itself", "SIGSEGV", on(0.75, 3.0), "Gain", 0.772, None),
    )


def crash_after_blocks(sabotage: Sabotage, config: HostConfig) -> int:
    """The `after` of a fault: plugin that fails at this sabotage's time."""
    block = math.ceil(sabotage.at_s * SAMPLE_RATE / config.block_frames)
    return config.warm_up_blocks + block
