# SPDX-License-Identifier: GPL-3.0-or-later
"""A panel's surroundings in a test: a host that is really served, and the window's desk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from host.song import AudioSource, MidiSource, Slot, Song, Track
from host.song_file import save_song
from ipc.desk.state import DeskState
from ipc.status import SlotStatus
from tests.process.desks import Served, served
from tests.process.songs import RATE, write_clip, write_midi
from ui.desk import Desk
from ui.link import Link

TIMEOUT_MS = 20_000


def until(qtbot: QtBot, condition: Callable[[], object]) -> None:
    """Until it holds; fails the test if it does not in time."""
    qtbot.waitUntil(lambda: bool(condition()), timeout=TIMEOUT_MS)


def all_active(state: DeskState) -> bool:
    slots = [slot for track in (*state.tracks, state.master) for slot in track.slots]
    return all(slot.status is SlotStatus.ACTIVE for slot in slots)


@contextmanager
def attached(qtbot: QtBot, song: Path | None = None) -> Iterator[tuple[Served, Desk]]:
    """A host with that song, and a desk that shows it."""
    with served(song=str(song) if song is not None else "") as host:
        link = Link()
        desk = Desk(link)
        refused: list[str] = []
        desk.refused.connect(refused.append)
        link.open(host.server.path)
        desk.attach()
        until(qtbot, lambda: desk.state.meters and all_active(desk.state))
        try:
            yield host, desk
        finally:
            link.close()
        assert not refused, "a panel has asked for what cannot be done"


# ---------------------------------------------------------------- songs


def bursts(seconds: float, every_s: float, seed: int = 1) -> NDArray[np.float32]:
    """Noise that is struck again and again, like a drum."""
    t = np.arange(int(seconds * RATE)) / RATE
    wave = np.random.default_rng(seed).uniform(-1, 1, t.size) * np.exp(-(t % every_s) * 14)
    accents = 0.5 + 0.45 * ((t // every_s) % 4 == 0)
    return np.stack([wave * accents * 0.9] * 2).astype(np.float32)


def swell(seconds: float, frequency: float) -> NDArray[np.float32]:
    """A tone that comes and goes."""
    t = np.arange(int(seconds * RATE)) / RATE
    loud = (0.55 + 0.4 * np.sin(t * 0.7)) * (0.8 + 0.2 * np.sin(t * 7.3))
    return np.stack([np.sin(2 * np.pi * frequency * t) * loud * 0.8] * 2).astype(np.float32)


def melody(seconds: float) -> list[tuple[int, bytes]]:
    """Eighths at 120 a minute, with a bass note in each bar."""
    keys = (60, 63, 67, 70, 72, 70, 67, 65, 58, 62, 65, 69, 72, 69, 67, 63)
    messages: list[tuple[int, bytes]] = []
    for n in range(int(seconds * 4)):
        start, key = n * RATE // 4, keys[n % len(keys)]
        messages.append((start, bytes((0x90, key, 60 + (n * 37) % 64))))
        messages.append((start + RATE // 5, bytes((0x80, key, 0))))
        if n % 8 == 0:
            messages.append((start, bytes((0x91, 41 + n // 8 % 3 * 2, 100))))
            messages.append((start + RATE * 2 - 4000, bytes((0x81, 41 + n // 8 % 3 * 2, 0))))
    return messages


def small_song(folder: Path, plugin: str = "builtin:gain") -> Path:
    """A track with a tone of four seconds and one plugin: slot "g"."""
    tone = write_clip(folder / "tone.wav", swell(4.0, 220.0))
    tracks = (
        Track(
            id="a", name="Tone", audio=AudioSource(file=tone), chain=(Slot(id="g", plugin=plugin),)
        ),
        Track(id="b", name="Other", audio=AudioSource(file=tone, start_s=1.0)),
    )
    path = folder / "small.json"
    save_song(Song(name="Small", tracks=tracks), path)
    return path


def full_song(folder: Path, plugins: tuple[str, ...]) -> Path:
    """Like one that somebody works on; `plugins` are in the chains of its first tracks."""
    length = 46.0
    kinds = (
        ("Kick", bursts(length, 0.5), 0.0),
        ("Snare", bursts(length - 8, 1.0, 2), 8.0),
        ("Bass", swell(length, 55.0), 0.0),
        ("Pad", swell(length - 16, 330.0), 16.0),
        ("Vocals", swell(14.0, 220.0) * bursts(14.0, 2.0, 5), 20.0),
    )
    tracks = []
    for n, (name, samples, start) in enumerate(kinds):
        clip = write_clip(folder / f"{name.lower()}.wav", samples)
        chain = (Slot(id=f"s{n}", plugin=plugins[n]),) if n < len(plugins) else ()
        tracks.append(
            Track(
                id=name.lower(),
                name=name,
                audio=AudioSource(file=clip, start_s=start),
                chain=chain,
                mute=name == "Pad",
            )
        )
    midi = write_midi(folder / "lead.mid", melody(30.0))
    synth = (Slot(id="synth", plugin="builtin:synth"),)
    tracks.insert(
        3, Track(id="lead", name="Lead", midi=MidiSource(file=midi, start_s=4.0), chain=synth)
    )
    path = folder / "full.json"
    save_song(Song(name="Full", tracks=tuple(tracks), tempo=120.0), path)
    return path


# ---------------------------------------------------------------- the mouse


def drag(
    widget: QWidget,
    start: tuple[float, float],
    end: tuple[float, float],
    steps: int = 8,
    release: bool = True,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """With the left button, within the widget."""

    def send(kind: QEvent.Type, x: float, y: float, buttons: Qt.MouseButton) -> None:
        point = QPointF(x, y)
        button = Qt.MouseButton.LeftButton
        if kind == QEvent.Type.MouseMove:
            button = Qt.MouseButton.NoButton
        event = QMouseEvent(
            kind, point, QPointF(widget.mapToGlobal(point)), button, buttons, modifiers
        )
        QApplication.sendEvent(widget, event)

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(QEvent.Type.MouseButtonPress, *start, left)
    for n in range(1, steps + 1):
        x = start[0] + (end[0] - start[0]) * n / steps
        y = start[1] + (end[1] - start[1]) * n / steps
        send(QEvent.Type.MouseMove, x, y, left)
    if release:
        send(QEvent.Type.MouseButtonRelease, *end, none)
