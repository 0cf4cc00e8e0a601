# SPDX-License-Identifier: GPL-3.0-or-later
"""Which build of the engine runs: the release build, or the checked one that traps violations.

ISOBOOTH_CHECKED=1 selects the checked build; `make test` sets it. Everything else imports the
engine from here, so that a process never mixes the two.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING or os.environ.get("ISOBOOTH_CHECKED", "0") in ("", "0"):
    from host import _native as engine_module
else:
    from host import _native_checked as engine_module

AudioClip = engine_module.AudioClip
Chain = engine_module.Chain
DelayLine = engine_module.DelayLine
Driver = engine_module.Driver
Engine = engine_module.Engine
MidiClip = engine_module.MidiClip
OwnTime = engine_module.OwnTime
Plan = engine_module.Plan
PluginSlot = engine_module.PluginSlot
Strip = engine_module.Strip
Watchdog = engine_module.Watchdog
capture_stacks = engine_module.capture_stacks
give_memory_back = engine_module.give_memory_back

BLOCK_ALL_MISSED = engine_module.BLOCK_ALL_MISSED
BLOCK_LATE = engine_module.BLOCK_LATE
BLOCK_MISSED = engine_module.BLOCK_MISSED
BLOCK_NULL_CLOCK = engine_module.BLOCK_NULL_CLOCK
LOGGED_STRIPS = engine_module.LOGGED_STRIPS
RT_CHECKS = engine_module.RT_CHECKS

__all__ = [
    "BLOCK_ALL_MISSED",
    "BLOCK_LATE",
    "BLOCK_MISSED",
    "BLOCK_NULL_CLOCK",
    "LOGGED_STRIPS",
    "RT_CHECKS",
    "AudioClip",
    "Chain",
    "DelayLine",
    "Driver",
    "Engine",
    "MidiClip",
    "OwnTime",
    "Plan",
    "PluginSlot",
    "Strip",
    "Watchdog",
    "capture_stacks",
    "give_memory_back",
]
