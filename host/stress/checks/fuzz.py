# SPDX-License-Identifier: GPL-3.0-or-later
"""Anything that a host may do, in any order, from a seed."""

import random
from collections.abc import Callable

from host.stress.check import Check, Subject
from host.stress.checks.sound import look_at_level
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.rig_calls import (
    AnyCall,
    Change,
    Idle,
    Midi,
    ReadParameters,
    Recreate,
    Render,
    SaveState,
    SetParameter,
    SetProgram,
    SetState,
    ShowText,
    Source,
)

_PORTION = 32
_SOURCES: tuple[Source, ...] = (
    "noise",
    "noise",
    "noise",
    "silence",
    "sine",
    "impulse",
    "dc",
    "denormal",
)
_RATES = (22050.0, 44100.0, 48000.0, 96000.0, 192000.0)
_SIZES = (1, 16, 64, 128, 512, 1024, 4096)
_KINDS: dict[str, float] = {
    "render": 10,
    "parameter": 6,
    "program": 1,
    "save": 1,
    "restore": 1,
    "read": 1,
}
_KINDS |= {"text": 1, "idle": 1, "recreate": 0.3}


class SurvivesAnything(Check):
    name = "survives-anything"
    level = 5
    what = (
        "parameters, notes, automation, transport, block sizes, programs, states, new beginnings "
        "in random order from the seed: 600 calls at level 5, twice as many with each further level"
    )
    means = "somebody will do this to it one day"

    def run(self, subject: Subject) -> None:
        calls = 600 * 2 ** max(0, subject.level - 5)
        numbers = subject.random("anything")
        maker = CallMaker(subject.description, numbers)
        with subject.open(max_frames=1024) as rig:
            done = 0
            while done < calls:
                subject.stop()
                portion = [maker.next() for _ in range(_PORTION)]
                for call, result in zip(portion, rig.perform(portion), strict=True):
                    if isinstance(call, Render) and result.refused:
                        subject.find(Verdict.FAIL, f"it does not play: {result.refused}")
                    elif isinstance(call, Render):
                        when = f"after {len(rig.log.calls)} random calls"
                        look_at_level(subject, result, when, is_extreme=True)
                    if isinstance(call, SaveState) and result.data:
                        maker.states = [*maker.states[-3:], result.data]
                done += _PORTION


class CallMaker:
    """Makes calls up, for a plugin that is described. `states`: what it has saved so far."""

    def __init__(self, description: PluginDescription, numbers: random.Random) -> None:
        self._about = description
        self._numbers = numbers
        self.states: list[bytes] = []
        self._made: dict[str, Callable[[], AnyCall]] = {
            "render": self._render,
            "parameter": self._parameter,
            "program": lambda: SetProgram(numbers.randrange(len(description.programs))),
            "save": SaveState,
            "restore": lambda: SetState(numbers.choice(self.states)),
            "read": ReadParameters,
            "text": lambda: ShowText(self._index(), round(numbers.random(), 3)),
            "idle": Idle,
            "recreate": lambda: Recreate(numbers.choice(_RATES), numbers.choice(_SIZES)),
        }

    def next(self) -> AnyCall:
        kinds = [kind for kind in _KINDS if self._is_possible(kind)]
        weights = [_KINDS[kind] for kind in kinds]
        return self._made[self._numbers.choices(kinds, weights)[0]]()

    def _is_possible(self, kind: str) -> bool:
        if kind in ("parameter", "text"):
            return bool(self._about.parameters)
        if kind == "program":
            return bool(self._about.programs)
        return kind != "restore" or bool(self.states)

    def _index(self) -> int:
        return self._numbers.randrange(len(self._about.parameters))

    def _value(self) -> float:
        return self._numbers.choice((0.0, 1.0, round(self._numbers.random(), 3)))

    def _parameter(self) -> AnyCall:
        return SetParameter(self._index(), self._value())

    def _render(self) -> AnyCall:
        numbers = self._numbers
        frames = numbers.choice((1, 32, 512, numbers.randint(1, 8192)))
        blocks = [numbers.choice(_SIZES) for _ in range(numbers.choice((0, 1, 4)))]
        return Render(
            frames=frames,
            blocks=blocks,
            source=numbers.choice(_SOURCES),
            gain=numbers.choice((0.0, 0.25, 1.0, 4.0)),
            seed=numbers.randrange(1 << 16),
            midi=self._midi(frames) if self._about.accepts_midi else [],
            changes=self._changes(frames) if self._about.parameters else [],
            tempo=numbers.choice((1.0, 60.0, 120.0, 999.0)),
            position=numbers.choice((0, 12345, 10**9)),
            playing=numbers.random() < 0.8,
            key=numbers.choice(_SOURCES) if self._about.sidechain_channels else "silence",
        )

    def _midi(self, frames: int) -> list[Midi]:
        numbers = self._numbers
        count = numbers.choice((0, 1, 4, 64))
        places = sorted(numbers.randrange(frames) for _ in range(count))
        return [Midi(place, self._message()) for place in places]

    def _message(self) -> bytes:
        numbers = self._numbers
        kind, channel = numbers.choice((0x80, 0x90, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0)), 0
        if numbers.random() < 0.2:
            channel = numbers.randrange(16)
        size = 2 if kind in (0xC0, 0xD0) else 3
        return bytes([kind | channel, *(numbers.randrange(128) for _ in range(size - 1))])

    def _changes(self, frames: int) -> list[Change]:
        numbers = self._numbers
        count = numbers.choice((0, 0, 1, 16))
        places = sorted(numbers.randrange(frames) for _ in range(count))
        return [Change(place, self._index(), self._value()) for place in places]
