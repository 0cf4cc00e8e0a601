# SPDX-License-Identifier: GPL-3.0-or-later
"""How to render, as the user asked for it."""

from dataclasses import dataclass, field, replace

import msgspec

from host.audio_file import SampleFormat
from host.config import HostConfig, offline_batch
from host.crash_report import Action
from host.permissions import PermissionRules
from host.song import Grouping, Song
from host.trust.settings import TrustSettings

SAMPLE_RATES = range(8000, 192_001)

# How long the disk may keep a render in real time waiting.
CAPTURE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
    """`sample_rate` and `tail_s`: None leaves them to the song. `realtime` plays to the null
    clock with all deadlines; otherwise it goes as fast as the plugins do. `keep_going`: a plugin
    that fails twice is bypassed from there on, instead of giving the file up."""

    realtime: bool = False
    block_frames: int = 128
    sample_rate: int | None = None
    pipelined: bool = False
    sample_format: SampleFormat = SampleFormat.INT24
    tail_s: float | None = None
    keep_going: bool = False
    permissions: PermissionRules = field(default_factory=PermissionRules)
    trust: TrustSettings = field(default_factory=TrustSettings)
    grouping: Grouping | None = None  # None: as the song says
    pin_workers: bool = True  # not where several songs are rendered at once: all use one core

    @property
    def goes_without(self) -> bool:
        """Whether a plugin that may not be loaded is left out, rather than the file."""
        return self.keep_going or self.realtime

    def apply_to(self, song: Song) -> Song:
        """The song as it is rendered."""
        if self.sample_rate is not None:
            song = msgspec.structs.replace(song, sample_rate=self.sample_rate)
        if self.tail_s is not None:
            song = msgspec.structs.replace(song, tail_s=self.tail_s)
        return song

    def host_config(
        self, song: Song, precise: bool = False, action: Action = Action.BYPASSED
    ) -> HostConfig:
        """`precise`: offline, block by block, so that a fault is placed to the block. Otherwise
        several at once, which gives the same bits sooner. `action`: what becomes of a fault."""
        config = HostConfig(
            sample_rate=song.sample_rate,
            block_frames=self.block_frames,
            offline=not self.realtime,
            offline_batch=1 if precise or self.pipelined else offline_batch(self.block_frames),
            offline_action=action,
            mode="pipelined" if self.pipelined else "relayed",
            pin_workers=self.pin_workers,
            permissions=self.permissions,
            trust=self.trust,
            # One that failed must not take others along: what they sounded like would be lost.
            grouping=Grouping.PLUGIN if precise else self.grouping,
        )
        return replace(config, capture_s=CAPTURE_S) if self.realtime else config
