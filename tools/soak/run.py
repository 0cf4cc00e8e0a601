# SPDX-License-Identifier: GPL-3.0-or-later
"""One soak from the first song to the report."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from host.config import FaultPolicy, HostConfig
from host.host import Host
from host.store.database import Database
from ipc.errors import IsoboothError
from tools.bench.common import machine
from tools.soak.footprint import Footprint, look
from tools.soak.song import make_media, make_song
from tools.soak.trouble import Trouble
from tools.soak.verdict import WARM_UP_SONGS, Verdict, judge

SCHEMA = 1

# Quick to give up and never tired of trying: every fault ends in a restart.
_POLICY = FaultPolicy(
    hang_limit_s=0.4, next_restart_s=0.05, longest_restart_s=0.2, crash_limit=2**31 - 1
)
_EDIT_EVERY_S = 0.05
_PROBLEMS_SHOWN = 20
_CLOCK_LIMIT_S = 10.0


class SoakReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes."""

    schema: int = SCHEMA
    machine: dict[str, object]
    seconds: float
    songs: int
    blocks: int
    late_blocks: int
    restarts: int
    deeds: dict[str, int]  # how often each thing was done to the playing host
    problems: tuple[str, ...]  # slots that were lost, clocks that stood: beside growth, failures
    verdict: Verdict
    looks: list[Footprint]

    @property
    def passed(self) -> bool:
        return not self.verdict.growth and not self.problems


class Soak:
    """Plays songs one after the other for `seconds`, at least so many that a verdict can be had."""

    def __init__(self, seconds: float, song_s: float, tell: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._song_s = song_s
        self._tell = tell
        self._began = time.monotonic()
        self._looks: list[Footprint] = []
        self._deeds: dict[str, int] = {}
        self._problems: list[str] = []
        self._blocks = self._late = self._restarts = 0

    def run(self) -> SoakReport:
        songs = 0
        with tempfile.TemporaryDirectory(prefix="isobooth-soak-") as name:
            folder = Path(name)
            make_media(folder)
            database = Database(folder)
            try:
                while self._elapsed() < self._seconds or songs < WARM_UP_SONGS + 2:
                    self._play(folder, database, songs)
                    songs += 1
                    self._note(playing=False)
            finally:
                database.close()
        return SoakReport(
            machine=machine(),
            seconds=round(self._elapsed(), 1),
            songs=songs,
            blocks=self._blocks,
            late_blocks=self._late,
            restarts=self._restarts,
            deeds=dict(sorted(self._deeds.items())),
            problems=tuple(self._problems[:_PROBLEMS_SHOWN]),
            verdict=judge(self._looks),
            looks=self._looks,
        )

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _note(self, playing: bool) -> None:
        self._looks.append(look(self._elapsed(), playing))

    def _play(self, folder: Path, database: Database, number: int) -> None:
        song = make_song(folder, number)
        with Host(HostConfig(faults=_POLICY, ignore_blacklist=True), database) as host:
            host.load(song)
            host.start()
            trouble = Trouble(host, number)
            until = time.monotonic() + self._song_s
            disturbed = heard = time.monotonic()
            blocks = 0
            while (now := time.monotonic()) < until:
                trouble.edit()
                if now - disturbed >= 1.0:
                    disturbed = now
                    trouble.disturb()
                    self._note(playing=True)
                if host.engine.block_count != blocks:
                    blocks, heard = host.engine.block_count, now
                elif now - heard > _CLOCK_LIMIT_S:
                    raise IsoboothError(f"{song.name}: nothing drives the mix any more")
                host.engine.read_blocks()
                host.engine.read_misses()
                time.sleep(_EDIT_EVERY_S)
            self._count(host, trouble, song.name)

    def _count(self, host: Host, trouble: Trouble, song: str) -> None:
        self._blocks += host.engine.block_count
        self._late += host.engine.late_blocks
        for name, count in trouble.done.items():
            self._deeds[name] = self._deeds.get(name, 0) + count
        restarts = 0
        for slot in host.slots():
            restarts += slot.restarts
            if slot.status in ("failed", "quarantined"):
                self._problems.append(f"{song}: {slot.id} is {slot.status}: {slot.reason}")
        self._restarts += restarts
        self._tell(f"{song}: {host.engine.block_count} blocks, {restarts} restarts")
