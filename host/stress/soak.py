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
from host.stress.check import Subject
from host.stress.checks.fuzz import CallMaker
from host.stress.checks.state import settled, step_of
from host.stress.death import PluginDied, PluginRefused
from host.stress.restored import is_heard, sound_now
from host.stress.rig import Rig, Sound, open_rig
from host.stress.workshop import Workshop
from ipc.rig_calls import AnyCall, Recreate, Render, SaveState

_PORTION = 32
_TOLERANCE = 0.01
_ACTS = {"play": 8, "recreate": 2, "kill": 2, "unload": 2}
_MOST_LOGS = 20
_NAMED = 4  # parameters
_REST_FRAMES = 24000  # for what it has played to die away


class SoakReport(msgspec.Struct, kw_only=True):
    """`acts`: how often each was done. `problems` and `warnings`: how often each happened, by what
    it is; severe is what is so for `isobooth stress`, too."""

    plugin: str
    seed: int
    seconds: float = 0.0
    calls: int = 0
    frames: int = 0
    lives: int = 0  # of workers
    acts: dict[str, int] = {}
    problems: dict[str, int] = {}
    warnings: dict[str, int] = {}
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
    life = _Life(workshop, report, numbers)
    acts: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
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
                    (problems if life.is_severe else warnings)[problem] += 1
                    report.problems, report.warnings = dict(problems), dict(warnings)
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
            log = died.log or (rig.log if rig is not None else None)
            if log is not None and logs is not None and len(report.logs) < _MOST_LOGS:
                path = logs / f"soak-{report.lives}.json"
                with contextlib.suppress(LogTooLarge):
                    write_log(log, path)
                    report.logs.append(str(path))
            life.forget()
        report.problems = dict(problems)
        tell(report)
    return report


class _Life:
    """What is known of the plugin from one worker to the next."""

    def __init__(self, workshop: Workshop, report: SoakReport, numbers: random.Random) -> None:
        self._workshop = workshop
        self._report = report
        self._numbers = numbers
        self._maker: CallMaker | None = None
        self._state = b""
        self._values: list[float] = []
        self._kept: frozenset[int] = frozenset()
        self._subject: Subject | None = None
        self._sound: Sound | None = None  # of the last one, at its end
        self._heard: dict[tuple[int, ...], bool] = {}
        self.is_severe = True  # what `begin` has told

    def begin(self, rig: Rig) -> str:
        """Restores what the last one had; what is wrong with it then."""
        self.is_severe = True
        if self._maker is None or self._subject is None:
            self._subject = Subject(
                self._report.plugin, rig.description, 5, self._report.seed, self._workshop
            )
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
            index
            for index in sorted(self._kept)
            if index < known
            and abs(self._values[index] - now[index]) > _TOLERANCE + step_of(about[index]) / 2
        ]
        if not lost:
            return ""
        self.is_severe = self._hears(self._subject, lost)
        told = ", ".join(f"'{about[index].name}'" for index in lost[:_NAMED])
        told += f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        return f"the state does not hold {told}{'' if self.is_severe else ', which is not heard'}"

    def _hears(self, subject: Subject, lost: list[int]) -> bool:
        """Of the same parameters, looked at once: it takes workers of its own."""
        key = tuple(lost)
        if key not in self._heard and self._sound is not None:
            values = {index: self._values[index] for index in lost}
            try:
                self._heard[key] = is_heard(subject, self._state, values, self._sound)
            except PluginDied as died:
                died.log = subject.log
                raise
        return self._heard.get(key, False)

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
        self._state, self._values, self._sound = b"", [], None

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
        if self._subject is not None and self._state:
            rig.render(_REST_FRAMES, keep=False)
            self._sound = sound_now(self._subject, rig)
