# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's own work: mixing, and a command through the ring."""

import time
from typing import Any

import numpy as np

from host.engine_module import AudioClip, Engine, Plan, Strip
from tools.bench.common import BLOCK, RATE, summary
from tools.bench.reference import noise

_STRIPS = 32
_BLOCKS = 4000
_COMMANDS = 4096


def measure(tell: Any) -> dict[str, Any]:
    """mixer_us: 32 stereo strips with clip, gain, pan and meter into a master, a block of 128.
    command_us: one command from Python into the ring."""
    tell("mixing and commands")
    engine = Engine(float(RATE), BLOCK, offline=True)
    plan = Plan()
    strips = [Strip(number, BLOCK) for number in range(_STRIPS + 1)]
    samples = noise(RATE)
    for number, strip in enumerate(strips):
        engine.adopt_strip(strip)
        engine.set_gain(strip, 0.5 + number / 100)
        engine.set_pan(strip, number / _STRIPS - 0.5)
        clip = AudioClip(samples, loop=True) if number < _STRIPS else None
        plan.add_strip(strip, audio=clip)
    for number in range(_STRIPS):
        plan.add_feed(_STRIPS, number)
    plan.finish([list(range(_STRIPS)), [_STRIPS]], _STRIPS)
    engine.publish(plan)
    engine.play(True)
    engine.render(200)
    engine.read_blocks()
    engine.render(_BLOCKS)
    mixer = summary(engine.read_blocks()["duration_ns"])

    times = []
    strip = strips[0]
    for _ in range(50):
        started = time.perf_counter_ns()
        for _ in range(_COMMANDS):
            engine.set_gain(strip, 0.5)
        times.append((time.perf_counter_ns() - started) / _COMMANDS)
        engine.render(_COMMANDS // 1024 + 1)
    return {
        "mixer_us": mixer["median"],
        "mixer_series_us": mixer,
        "command_us": round(float(np.median(times)) / 1000, 3),
    }
