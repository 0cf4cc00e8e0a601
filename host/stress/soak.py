# SPDX-License-Identifier: GPL-3.0-or-later
"""One plugin, for as long as wanted: loaded, played, killed, restored and unloaded, over and over.

What a short check cannot see: one crash in a thousand, a state that fades a little with each
restoration, a worker that grows.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from host.stress.call_log import LogTooLarge, write_log
from host.stress.checks.fuzz import CallMaker
from host.stress.checks.state import settled, step_of
from host.stress.death import PluginDied, PluginRefused
from host.stress.rig import Rig, open_rig
from host.stress.workshop import Workshop
from ipc.rig_calls import AnyCall, Recreate, Render, SaveState

_PORTION = 32
_TOLERANCE = 0.01
_ACTS = {"play": 8, "recreate": 2, "kill": 2, "unload": 2}
_MOST_LOGS = 20
_NAMED = 4  # parameters


class SoakReport(msgspec.Struct, kw_only=True):
    """`acts`: how often each was done. `problems`: how often each happened, by what it is."""

    plugin: str
    seed: int
    seconds: float = 0.0
    calls: int = 0
    frames: int = 0
    lives: int = 0  # of workers
    acts: dict[str, int] = {}
    problems: dict[str, int] = {}
    logs: list[str] = []
    memory_bytes: list[int] = []  # of the worker, at the end of each life


def soak(
    workshop: Workshop,
    plugin: str,
    *,
    seconds: float,
    seed: int = 1,
    logs: Path | None = None,
    stop: Callable[[], None] = lambda: None,
    tell: Callable[[SoakReport], None] = lambda report: None,
) -> SoakReport:
    """Raises PluginRefused where it cannot be created at all, and what `stop` raises, after what
    has been found is in what `tell` was given last."""
    report = SoakReport(plugin=plugin, seed=seed)
    numbers = random.Random(repr((seed, plugin)))
    life = _Life(report, numbers)
    acts: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    began = time.monotonic()
    attempts = 0
    while (now := time.monotonic() - began) < seconds or attempts == 0:
        stop()
        attempts += 1
        report.seconds = round(now, 1)
        rig: Rig | None = None
        try:
            with open_rig(workshop, plugin) as rig:
                report.lives += 1
                problem = life.begin(rig)
                if problem:
                    problems[problem] += 1
                act = "play"
                while act not in ("kill", "unload") and time.monotonic() - began < seconds:
                    stop()
                    act = numbers.choices(list(_ACTS), list(_ACTS.values()))[0]
                    acts[act] += 1
                    life.do(rig, act)
                    report.acts = dict(acts)
                    report.seconds = round(time.monotonic() - began, 1)
                    tell(report)
                if act != "kill":
                    report.memory_bytes.append(rig.idle().memory_bytes)
        except PluginRefused:
            if report.lives == 0:
                raise
            problems["it refused to be created again"] += 1
        except PluginDied as died:
            problems[str(died).partition(";")[0]] += 1
            if rig is not None and logs is not None and len(report.logs) < _MOST_LOGS:
                path = logs / f"soak-{report.lives}.json"
                with contextlib.suppress(LogTooLarge):
                    write_log(rig.log, path)
                    report.logs.append(str(path))
            life.forget()
        report.problems = dict(problems)
        tell(report)
    return report


class _Life:
    """What is known of the plugin from one worker to the next."""

    def __init__(self, report: SoakReport, numbers: random.Random) -> None:
        self._report = report
        self._numbers = numbers
        self._maker: CallMaker | None = None
        self._state = b""
        self._values: list[float] = []
        self._kept: frozenset[int] = frozenset()

    def begin(self, rig: Rig) -> str:
        """Restores what the last one had; what is wrong with it then."""
        if self._maker is None:
            self._maker = CallMaker(rig.description, self._numbers)
            self._kept = settled(rig, self._numbers)
        if not self._state:
            return ""
        refused = rig.set_state(self._state)
        if refused:
            return f"its own state is refused: {refused}"
        rig.render(512, keep=False)
        now = rig.parameters()
        known = min(len(self._values), len(now))
        about = rig.description.parameters
        lost = [
            about[index].name
            for index in sorted(self._kept)
            if index < known
            and abs(self._values[index] - now[index]) > _TOLERANCE + step_of(about[index]) / 2
        ]
        return f"not as saved: {', '.join(lost[:_NAMED])}" if lost else ""

    def do(self, rig: Rig, act: str) -> None:
        if act == "recreate":
            self._perform(rig, [Recreate(48000.0, 512)])
        elif act == "play":
            assert self._maker is not None
            self._perform(rig, [self._maker.next() for _ in range(_PORTION)])
        if act in ("kill", "unload"):
            self._keep(rig)
        if act == "kill":
            rig.kill()

    def forget(self) -> None:
        """It died of something, perhaps of its state."""
        self._state, self._values = b"", []

    def _perform(self, rig: Rig, calls: list[AnyCall]) -> None:
        for call, result in zip(calls, rig.perform(calls), strict=True):
            self._report.calls += 1
            if isinstance(call, Render):
                self._report.frames += call.frames
            if isinstance(call, SaveState) and result.data and self._maker is not None:
                self._maker.states = [*self._maker.states[-3:], result.data]

    def _keep(self, rig: Rig) -> None:
        rig.render(512, keep=False)
        self._values = rig.parameters()
        self._state = rig.save_state()
