# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays a song to its end, in a loop, or until the user has had enough."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from host.config import HostConfig
from host.device import NULL_DEVICE, AudioDevice
from host.host import Host
from host.midi_input import MidiInput
from host.permissions import PermissionRules
from host.realtime import REALTIME_ADVICE
from host.session.folder import Playing
from host.session.recovery import Recovered
from host.session.session import Session
from host.song import Grouping, Song
from host.store.database import Database
from host.trust.settings import TrustSettings
from ipc.errors import InputError, IsoboothError
from ipc.permissions import Profile
from tools.block_log import BlockLog
from tools.foreground import Interrupted, Stop
from tools.play.report import PlayReport, make_report
from tools.play.screen import Screen, notice, status_line

_POLL_S = 0.05
_LINE_S = 0.25
# Without a block for so long, nothing drives the engine.
_CLOCK_LIMIT_S = 10.0
DEFAULT_BLOCK = 128


@dataclass(frozen=True, kw_only=True)
class PlaySettings:
    """`device`: None is the default device, "null" none. `block_frames` None: DEFAULT_BLOCK.
    `sample_rate` None: the song's. `seconds` None: to the song's end."""

    device: str | None = None
    block_frames: int | None = None
    sample_rate: int | None = None
    pipelined: bool = False
    loop: bool = False
    seconds: float | None = None
    profile: Profile | None = None  # as it was asked for; `permissions` hold it
    permissions: PermissionRules = field(default_factory=PermissionRules)
    trust: TrustSettings = field(default_factory=TrustSettings)
    grouping: Grouping | None = None  # None: as the song says

    @property
    def block(self) -> int:
        """Frames in a block."""
        return self.block_frames or DEFAULT_BLOCK


def play_song(
    song: Song,
    settings: PlaySettings,
    *,
    name: str,
    database: Database | None,
    stop: Stop,
    screen: Screen,
    resumes: Recovered | None = None,
) -> PlayReport:
    """Plays and reports. `name` is what the song is called in the report and among the sessions;
    `resumes` is a session, whose song this is, to go on with.

    Raises InputError, MachineError, IsoboothError, and Interrupted if the user stops it before
    it plays.
    """
    if settings.sample_rate is not None:
        song = msgspec.structs.replace(song, sample_rate=settings.sample_rate)
    config = HostConfig(
        sample_rate=song.sample_rate,
        block_frames=settings.block,
        mode="pipelined" if settings.pipelined else "relayed",
        permissions=settings.permissions,
        trust=settings.trust,
        grouping=settings.grouping,
    )
    kept = Session(name, _playing(settings, song), resumes=resumes)
    with Host(config, database, session=kept) as host:
        with _device(host, song, settings) as device:
            with stop.covering(host):
                screen.show("loading …")
                host.load(song)
                try:
                    stop.check()
                except Interrupted:
                    if resumes is not None or not stop.by_user:
                        kept.keep()  # what was recovered has not been heard yet
                    host.close()
                    raise
            with _midi(host, song) as midi:
                position = resumes.position_frames if resumes is not None else 0
                session = _Session(host, device, settings, stop, screen, position)
                session.play()
                report = make_report(
                    host,
                    device,
                    midi,
                    session.log,
                    song=name,
                    interrupted=stop.requested,
                    first_block=session.first_block,
                )
        if stop.requested:
            if not stop.by_user:
                kept.keep()  # nobody has said that it is over
                screen.say("the session is kept: `isobooth play --resume` goes on")
            host.interrupt()  # nobody waits for a plugin that hangs
    return report


def _playing(settings: PlaySettings, song: Song) -> Playing:
    """What a session remembers of how it is played."""
    return Playing(
        sample_rate=song.sample_rate,
        block_frames=settings.block,
        pipelined=settings.pipelined,
        device=settings.device,
        loop=settings.loop,
        profile=settings.profile,
    )


def listening(song: Song) -> bool:
    """Whether the song has live input, so that it goes on without end."""
    return any(track.input is not None for track in song.tracks)


def midi_ports(song: Song) -> Mapping[str, list[str]]:
    """The tracks that listen to each MIDI port of the song."""
    ports: dict[str, list[str]] = {}
    for track in song.tracks:
        if track.input is not None and track.input.midi is not None:
            ports.setdefault(track.input.midi, []).append(track.id)
    return ports


def input_channels(song: Song) -> int:
    """How many of the device's input channels the song needs."""
    inputs = [track.input for track in song.tracks if track.input is not None]
    return max((channel for one in inputs for channel in one.channels), default=0)


@contextlib.contextmanager
def _device(host: Host, song: Song, settings: PlaySettings) -> Iterator[AudioDevice | None]:
    """The device, opened before any plugin is loaded: what is wrong with it is said at once."""
    if settings.device is not None and settings.device.casefold() == NULL_DEVICE:
        yield None
        return
    with AudioDevice(host, settings.device, input_channels(song)) as device:
        device.open()
        yield device


@contextlib.contextmanager
def _midi(host: Host, song: Song) -> Iterator[MidiInput | None]:
    ports = midi_ports(song)
    if not ports:
        yield None
        return
    with MidiInput(host, ports) as midi:
        yield midi


class _Session:
    """From the first block to the last."""

    def __init__(
        self,
        host: Host,
        device: AudioDevice | None,
        settings: PlaySettings,
        stop: Stop,
        screen: Screen,
        position_frames: int,
    ) -> None:
        self._position_frames = position_frames
        self.log = BlockLog(host.engine)
        self.first_block = 0
        self._host = host
        self._device = device
        self._settings = settings
        self._stop = stop
        self._screen = screen
        self._events = 0
        self._length_frames = host.mix.length_frames()
        song = host.mix.song
        if self._length_frames <= 0 and not listening(song) and settings.seconds is None:
            raise InputError(
                "there is nothing to play: no track has a file or live input; add one, give the "
                "song a length_s, or use --seconds"
            )

    def play(self) -> None:
        """Returns at the end, or when the user stops it."""
        host, settings = self._host, self._settings
        self._warn()
        if settings.loop:
            end = round((host.mix.song.length_s or 0) * host.config.sample_rate)
            host.set_loop(0, end or host.mix.content_end_frame)
        if self._device is not None:
            self._device.start()
        self.first_block = host.engine.block_count
        host.start(position_frames=self._position_frames)
        self._screen.say(self._headline())
        self._advise()
        shown = heard = time.monotonic()
        blocks = host.engine.block_count
        while not self._stop.requested and not self._ended():
            time.sleep(_POLL_S)
            now = time.monotonic()
            if host.engine.block_count != blocks:
                blocks, heard = host.engine.block_count, now
            elif now - heard > _CLOCK_LIMIT_S:
                raise IsoboothError(f"nothing has driven the mix for {_CLOCK_LIMIT_S:g} s")
            self.log.read()
            self._tell_events()
            if now - shown >= _LINE_S:
                shown = now
                self._screen.show(status_line(host, self._device, self.log, self._length_s()))
        if self._device is not None and not self._stop.requested:
            time.sleep(min(1.0, self._device.latency_s))  # what is still on its way out
        self._tell_events()

    def _ended(self) -> bool:
        host, settings = self._host, self._settings
        played = (host.engine.block_count - self.first_block) * host.config.block_frames
        if settings.seconds is not None:
            return played >= settings.seconds * host.config.sample_rate
        if settings.loop or self._length_frames <= 0:
            return False
        return host.engine.position_frames >= self._length_frames + host.mix.latency_frames

    def _length_s(self) -> float:
        return self._length_frames / self._host.config.sample_rate

    def _tell_events(self) -> None:
        config = self._host.config
        for event in self._host.events_since(self._events):
            self._events += 1
            position_s = max(0, event.block - self.first_block) * config.block_s
            self._screen.say(notice(event, position_s))

    # ------------------------------------------------------------------ what is said at the start

    def _headline(self) -> str:
        config, device = self._host.config, self._device
        where, latency_s = "to nowhere (null device)", 0.0
        if device is not None:
            where, latency_s = f"on {device.device.label}", device.latency_s
        latency_s += self._host.mix.latency_frames / config.sample_rate
        return (
            f"playing {where}, {config.sample_rate} Hz, blocks of {config.block_frames} "
            f"({1000 * config.block_s:.1f} ms), latency {1000 * latency_s:.1f} ms; Ctrl-C ends"
        )

    def _warn(self) -> None:
        if not self._host.realtime:
            self._say_warning(REALTIME_ADVICE)
        inputs = [track.input for track in self._host.mix.song.tracks if track.input is not None]
        if self._device is None and any(one.channels and one.midi is None for one in inputs):
            self._say_warning("without a device, live audio input is silent")

    def _advise(self) -> None:
        """About a device that calls in pieces of another size than the blocks."""
        driver, block = self._host.driver, self._host.config.block_frames
        if self._device is None or driver is None or not driver.device_frames:
            return
        frames = driver.device_frames
        if frames < block:
            self._say_warning(
                f"the device asks for {frames} frames at a time, blocks have {block}: each is "
                f"rendered in the time of {frames}, and may be late; `--block {frames}` fits"
            )
        elif frames % block:
            self._screen.say(
                f"the device asks for {frames} frames at a time, no multiple of {block}: that "
                f"adds {1000 * self._host.config.block_s:.1f} ms of latency"
            )

    def _say_warning(self, text: str) -> None:
        self._screen.say(f"isobooth: warning: {text}")
