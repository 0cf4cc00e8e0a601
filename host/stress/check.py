# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, and what it is given."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from host.plugin_id import PluginFormat, PluginId
from host.stress.call_log import CallLog
from host.stress.death import PluginDied
from host.stress.rig import Rig, open_rig
from host.stress.verdict import Finding, Picture, Plot, Verdict
from host.stress.workshop import Workshop
from ipc.description import PluginDescription
from ipc.rig_calls import Source

# Whose plugins must take a block without frames: VST3 flushes parameters with it, LV2 the latency.
# CLAP forbids it to hosts, LADSPA says nothing of it.
EMPTY_BLOCK_FORMATS = frozenset({PluginFormat.VST3, PluginFormat.LV2})
_NOTES = (48, 60, 64, 67)


@dataclass
class Subject:
    """A plugin under one check. Every rig is a worker of its own; `log` is that of the last one.
    `stop` raises what ends the run."""

    plugin: str
    description: PluginDescription
    level: int
    seed: int
    workshop: Workshop
    stop: Callable[[], None] = lambda: None
    sample_rate: float = 48000.0
    max_frames: int = 512
    findings: list[Finding] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    doing: str = ""  # what it is in, or set to: told of a plugin that dies of it
    log: CallLog | None = None
    blamed_log: CallLog | None = None
    warned_log: CallLog | None = None

    @contextmanager
    def open(self, **options: Any) -> Iterator[Rig]:
        """The plugin in a new worker. Options are those of open_rig."""
        self.stop()
        settings = {"sample_rate": self.sample_rate, "max_frames": self.max_frames, **options}
        try:
            with open_rig(self.workshop, self.plugin, **settings) as rig:
                rig.log.seed = self.seed
                self.log = rig.log
                yield rig
        except PluginDied as died:
            if died.log is not None:
                died.log.seed = self.seed
                self.log = died.log
            raise

    def random(self, *words: object) -> random.Random:
        """The same numbers for the same seed, plugin and words."""
        return random.Random(repr((self.seed, self.plugin, *words)))

    @property
    def format(self) -> PluginFormat:
        return PluginId.parse(self.plugin).format

    @property
    def is_instrument(self) -> bool:
        return self.description.is_instrument or self.description.in_channels == 0

    def sources(self, source: Source) -> dict[str, Any]:
        """For Rig.render: what its input hears, and of the same kind what its side-chain hears, if
        it has one."""
        has_key = self.description.sidechain_channels > 0
        return {"source": source, "key": source if has_key else "silence"}

    def stimulus(self, frames: int, source: Source = "noise") -> dict[str, Any]:
        """What makes it sound, for Rig.render: a source, and a chord in the first half where it
        takes MIDI."""
        midi = []
        if self.description.accepts_midi:
            midi = [(0, bytes((0x90, note, 100))) for note in _NOTES]
            midi += [(frames // 2, bytes((0x80, note, 0))) for note in _NOTES]
        return {**self.sources(source), "gain": 0.25, "midi": midi}

    def find(
        self,
        verdict: Verdict,
        message: str,
        *,
        key: str = "",
        stack: list[str] | None = None,
        keeps_log: bool = False,
    ) -> None:
        """What is noticed more than once, by its key, is told once. `keeps_log`: of a warning, too,
        because a replay shows it."""
        key = key or message
        if any(known.key == key for known in self.findings):
            return
        self.findings.append(Finding(verdict=verdict, message=message, key=key, stack=stack or []))
        if self.blamed_log is None and verdict is Verdict.FAIL:
            self.blamed_log = self.log
        if self.warned_log is None and keeps_log:
            self.warned_log = self.log

    def tell_unseen(self, unseen: Iterable[str]) -> None:
        """What a rig could not look at."""
        for text in unseen:
            self.find(Verdict.PASS, f"not looked at here: {text}")


class Check(ABC):
    """One question about a plugin. `name` says how a plugin should behave; `means`, what it means
    that it does not. Levels: 1 takes seconds and is never wrong, 5 is what a release needs, 10 is
    everything, for hours."""

    name: ClassVar[str]
    level: ClassVar[int]
    what: ClassVar[str]
    means: ClassVar[str]
    formats: ClassVar[frozenset[PluginFormat]] = frozenset(PluginFormat)
    is_timed: ClassVar[bool] = False  # nothing else may run beside it
    needs_audit: ClassVar[bool] = False  # workers that see what is called inside process()

    def unfit(self, description: PluginDescription) -> str:
        """Why it makes no sense for such a plugin; empty: it does."""
        return ""

    @abstractmethod
    def run(self, subject: Subject) -> None:
        """Tells `subject` what it finds. Raises PluginDied as it comes."""
