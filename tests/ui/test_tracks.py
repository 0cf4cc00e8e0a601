# SPDX-License-Identifier: GPL-3.0-or-later
"""The track view with a real host: what is clicked arrives, what happens is seen."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from host.song import AudioSource, Song, Track
from host.song_file import save_song
from ipc.desk.requests import Locate, Play, SetLoop
from ipc.desk.state import Notice
from tests.process.songs import write_clip
from tests.ui.panels import all_active, attached, drag, small_song, until
from ui.desk import Desk
from ui.meter_clock import MeterClock
from ui.theme.theme import Theme
from ui.tracks.contents import Contents
from ui.tracks.tracks import TrackView
from ui.tracks.waveform import Wave

pytestmark = pytest.mark.process

Key = Qt.Key
RATE = 48000


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with attached(qtbot, small_song(tmp_path)) as (_, desk):
        yield desk


@pytest.fixture
def view(qtbot: QtBot, desk: Desk) -> Iterator[TrackView]:
    theme = Theme(reduced_motion=True)
    theme.apply()
    view = TrackView(desk, theme)
    qtbot.addWidget(view)
    view.resize(1000, 400)
    view.show()
    clock = MeterClock(desk, view)
    clock.call(view.show_meters)
    desk.shown.emit(desk.state)
    qtbot.waitExposed(view)
    yield view
    clock.close()


def x_of(view: TrackView, frame: float) -> int:
    return round(view.viewport.x_of(frame))


def test_a_click_on_the_ruler_locates(qtbot: QtBot, view: TrackView) -> None:
    x = x_of(view, 2 * RATE)
    qtbot.mouseClick(view.ruler, Qt.MouseButton.LeftButton, pos=QPoint(x, 25))
    until(qtbot, lambda: abs(view.playhead_frame - 2 * RATE) < 0.05 * RATE)


def test_a_drag_on_the_ruler_is_the_loop_and_follows_the_grid(
    qtbot: QtBot, view: TrackView, desk: Desk
) -> None:
    start, end = x_of(view, RATE) + 2, x_of(view, 3 * RATE) - 2
    drag(view.ruler, (start, 25), (end, 25))
    until(qtbot, lambda: desk.state.transport.loop == (RATE, 3 * RATE))
    grip = x_of(view, 3 * RATE)
    drag(view.ruler, (grip, 20), (x_of(view, 4 * RATE), 20))
    until(qtbot, lambda: desk.state.transport.loop == (RATE, 4 * RATE))


def test_the_loop_is_cleared_where_it_is_drawn(qtbot: QtBot, view: TrackView, desk: Desk) -> None:
    desk.ask(SetLoop(RATE, 3 * RATE))
    until(qtbot, lambda: view.ruler.shown_loop == (RATE, 3 * RATE))
    cross = QPoint(x_of(view, 3 * RATE) - 14, 6)
    qtbot.mouseClick(view.ruler, Qt.MouseButton.LeftButton, pos=cross)
    until(qtbot, lambda: desk.state.transport.loop is None and view.ruler.shown_loop is None)


def test_a_drag_is_given_up_with_escape(qtbot: QtBot, view: TrackView, desk: Desk) -> None:
    drag(view.ruler, (100, 25), (300, 25), release=False)
    assert view.ruler.shown_loop is not None
    qtbot.keyClick(view.ruler, Key.Key_Escape)
    qtbot.mouseRelease(view.ruler, Qt.MouseButton.LeftButton, pos=QPoint(300, 25))
    qtbot.wait(100)
    assert view.ruler.shown_loop is None
    assert desk.state.transport.loop is None


def test_a_killed_plugin_is_marked_on_its_track(qtbot: QtBot, view: TrackView, desk: Desk) -> None:
    desk.ask(SetLoop(RATE, RATE + RATE // 50))
    desk.ask(Locate(RATE))
    desk.ask(Play(True))
    until(qtbot, lambda: view.playhead_frame >= RATE)
    kill_the_gain(desk)
    until(qtbot, lambda: view.lanes.markers and all_active(desk.state))
    desk.ask(Play(False))
    marker = view.lanes.markers[0]
    assert marker.geometry().bottom() < view.viewport.row_height  # the first row
    assert abs(marker.geometry().left() + 9 - x_of(view, RATE)) <= 4
    assert "SIGKILL" in marker.toolTip()
    assert "fault" in marker.accessibleName()


def kill_the_gain(desk: Desk) -> None:
    found = desk.slot("g")
    assert found is not None and found[1].pid is not None
    os.kill(found[1].pid, signal.SIGKILL)


def test_what_fails_while_nothing_is_heard_is_not_marked(
    qtbot: QtBot, view: TrackView, desk: Desk
) -> None:
    seen: list[Notice] = []
    desk.happened.connect(seen.extend)
    kill_the_gain(desk)
    until(qtbot, lambda: any(one.kind == "recovered" for one in seen))
    assert not view.lanes.markers and not any(one.playing for one in seen)


def test_a_click_on_a_marker_asks_for_the_report(qtbot: QtBot, view: TrackView, desk: Desk) -> None:
    told_before = Notice(
        number=1000, kind="fault", text="it ended", slot="g", report="r1", song_frame=RATE
    )
    desk.happened.emit((told_before,))
    (marker,) = view.lanes.markers
    with qtbot.waitSignal(view.report_wanted) as told:
        qtbot.mouseClick(marker, Qt.MouseButton.LeftButton)
    assert told.args == ["r1"]
    with qtbot.waitSignal(view.report_wanted):
        qtbot.keyClick(marker, Key.Key_Return)


def test_waves_are_asked_as_finely_as_they_are_looked_at(qtbot: QtBot, view: TrackView) -> None:
    contents, track = view._contents, view._desk.state.tracks[0]
    until(qtbot, lambda: contents.content(track, 1000.0, 0, 1)[0] is not None)
    coarse = contents.content(track, 1000.0, 0, 1)[0]
    view.viewport.zoom(1000.0, 10)
    until(qtbot, lambda: contents.content(track, 8.0, 0, 1)[0].step <= 8)  # type: ignore[union-attr]
    assert coarse is not None and coarse.step > 8  # type: ignore[union-attr]


def test_of_a_long_file_what_is_near_is_asked_alone(qtbot: QtBot, tmp_path: Path) -> None:
    # One sample in silence, behind what one overview of all could show sharply.
    samples = np.zeros((1, 8000 * 120), np.float32)
    samples[0, 8000 * 60] = 1.0
    file = write_clip(tmp_path / "long.wav", samples, 8000)
    song = Song(sample_rate=8000, tracks=(Track(id="a", audio=AudioSource(file=file)),))
    save_song(song, tmp_path / "long.json")
    with attached(qtbot, tmp_path / "long.json") as (_, desk):
        until(qtbot, lambda: desk.state.tracks)
        track, contents = desk.state.tracks[0], Contents(desk)
        contents.show_state(desk.state)

        def seen(first: int, last: int) -> Wave | None:
            content = contents.content(track, 1.0, first, last)[0]
            return content if isinstance(content, Wave) else None

        here = (8000 * 60 - 400, 8000 * 60 + 400)
        until(qtbot, lambda: (near := seen(*here)) is not None and near.step == 1)
        near = seen(*here)
        assert near is not None and near.start == here[0] - 800
        assert np.flatnonzero(near.high).tolist() == [1200]
        assert len(near.high) == 2400
        until(qtbot, lambda: not desk._link._asked)
        elsewhere = seen(0, 800)
        assert elsewhere is not None and elsewhere.step > 1  # until it is there
        until(qtbot, lambda: (near := seen(0, 800)) is not None and near.step == 1)


def test_wheel_and_keys_move_the_view(qtbot: QtBot, view: TrackView) -> None:
    viewport = view.viewport
    before = viewport.frames_per_px
    wheel(view.lanes, 120, Qt.KeyboardModifier.ControlModifier)
    assert viewport.frames_per_px < before
    qtbot.keyClick(view, Key.Key_Plus)
    near = viewport.frames_per_px
    wheel(view.lanes, -480, Qt.KeyboardModifier.ShiftModifier)
    assert viewport.first_frame > 0
    for _ in range(9):
        qtbot.keyClick(view, Key.Key_Minus)
    assert viewport.frames_per_px > near
    qtbot.keyClick(view, Key.Key_0)
    assert viewport.first_frame == 0
    height = viewport.row_height
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    wheel(view.lanes, 120, both)
    assert viewport.row_height > height


def wheel(widget: object, turned: int, modifiers: Qt.KeyboardModifier) -> None:
    event = QWheelEvent(
        QPointF(200, 50),
        QPointF(200, 50),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)  # type: ignore[arg-type]


def test_the_view_follows_the_playhead_until_one_looks_elsewhere(
    qtbot: QtBot, view: TrackView, desk: Desk
) -> None:
    view.viewport.show(frames_per_px=20.0, first_frame=0.0)
    desk.ask(Play(True))
    until(qtbot, lambda: view.viewport.first_frame > 0)
    assert view.follow.isChecked()
    qtbot.keyClick(view, Key.Key_Left)
    assert not view.follow.isChecked()
    desk.ask(Play(False))
    until(qtbot, lambda: not desk.state.transport.playing)


def test_the_view_follows_also_behind_the_songs_end(
    qtbot: QtBot, view: TrackView, desk: Desk
) -> None:
    viewport = view.viewport
    viewport.show(frames_per_px=50.0, first_frame=0.0)
    end = viewport.length_frames
    desk.ask(Locate(3 * end))
    desk.ask(Play(True))
    until(qtbot, lambda: view.playhead_frame > 3 * end + RATE)
    assert 0 <= viewport.x_of(view.playhead_frame) <= viewport.width_px
    kill_the_gain(desk)
    until(qtbot, lambda: view.lanes.markers and all_active(desk.state))
    desk.ask(Play(False))
    desk.ask(Locate(0))
    until(qtbot, lambda: viewport.first_frame == 0 and view.playhead_frame == 0)
    viewport.show(first_frame=3 * end)
    assert viewport.first_frame == 3 * end  # where the mark is


def test_mute_and_selection_are_at_the_names(qtbot: QtBot, view: TrackView, desk: Desk) -> None:
    header = view.headers._headers["b"]
    mute = next(button for button in header._buttons if button.objectName() == "mute")
    qtbot.mouseClick(mute, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: desk.state.tracks[1].mute and mute.isChecked())
    with qtbot.waitSignal(view.selected) as told:
        qtbot.mouseClick(header, Qt.MouseButton.LeftButton, pos=QPoint(30, 10))
    assert told.args == ["b"]


def test_both_themes_are_drawn(qtbot: QtBot, view: TrackView, desk: Desk) -> None:
    dark = view.grab().toImage()
    view._theme.choose("light")
    light = view.grab().toImage()
    for point in (QPoint(90, 60), QPoint(500, 100), QPoint(600, 30)):
        assert light.pixelColor(point).lightness() > dark.pixelColor(point).lightness() + 40
