# SPDX-License-Identifier: GPL-3.0-or-later
"""The track view's arithmetic: grid, pictures, playhead, faults. No host, no window."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from msgspec.structs import replace as replaced

from ipc.desk.meters import Meters, MeterWriter
from ipc.desk.requests import Overview
from ipc.desk.state import DeskState, Notice, SlotState, TrackState
from ipc.status import SlotStatus
from ui.tracks.faults import Faults
from ui.tracks.grid import Metre, lines, second_step, second_text
from ui.tracks.playhead import Playhead
from ui.tracks.viewport import Viewport
from ui.tracks.waveform import Notes, Wave, content_of, notes_cover, wave_cover


def test_the_grid_is_as_dense_as_there_is_room() -> None:
    metre = Metre(48000, 120.0, 4, 4)
    assert metre.step_frames(5000) == 6000  # a quarter of a beat
    assert metre.step_frames(20_000) == 24_000  # a beat
    assert metre.step_frames(25_000) == 96_000  # a bar
    assert metre.step_frames(100_000) == 192_000
    assert [metre.bar_text(frame) for frame in (0, 24_000, 96_000, 102_000)] == [
        "1",
        "1.2",
        "2",
        "2.1.2",
    ]
    assert lines(50_000, 200_000, 96_000) == [0, 96_000, 192_000]


def test_a_beat_of_six_eight_is_an_eighth() -> None:
    metre = Metre(48000, 120.0, 6, 8)
    assert metre.beat_frames == 12_000
    assert metre.bar_frames == 72_000
    assert metre.bar_text(72_000) == "2"


def test_time_is_told_in_round_steps() -> None:
    assert second_step(0.3) == 0.5
    assert second_step(40) == 60
    assert second_text(65.0, 1) == "1:05"
    assert second_text(65.25, 0.05) == "1:05.25"


def test_zoom_keeps_what_is_under_the_mouse() -> None:
    viewport = Viewport()
    viewport.take_size(1000, 300)
    viewport.take_content(64, 10_000_000)
    viewport.show(frames_per_px=4000, first_frame=1_000_000)
    under = viewport.frame_at(300)
    viewport.zoom(2.0, 300)
    assert viewport.frames_per_px == 2000
    assert viewport.frame_at(300) == pytest.approx(under, abs=1)
    viewport.zoom(1e9, 300)
    assert viewport.frames_per_px == 8.0
    viewport.show(top_px=10**9, first_frame=1e12)
    assert viewport.y_of(63) + viewport.row_height == 300
    assert viewport.last_frame <= 12_500_001


def test_what_lies_behind_the_songs_end_can_be_looked_at() -> None:
    viewport = Viewport()
    viewport.take_size(1000, 300)
    viewport.take_content(4, 1_000_000)
    viewport.show(frames_per_px=100.0, first_frame=5_000_000)
    assert viewport.last_frame <= 1_250_001
    viewport.take_reach(5_000_000)
    viewport.show(first_frame=4_900_000)
    assert viewport.first_frame == 4_900_000
    viewport.fit()
    assert viewport.last_frame < 1_250_001  # the song is what is shown whole
    viewport.show(frames_per_px=100.0, first_frame=4_900_000)
    viewport.take_reach(0)
    assert viewport.last_frame <= 1_250_001


def test_the_whole_song_stays_in_view_when_the_panel_is_resized() -> None:
    viewport = Viewport()
    viewport.take_size(1000, 300)
    viewport.take_content(4, 10_000_000)
    viewport.fit()
    viewport.take_size(2000, 300)
    assert 1900 < viewport.x_of(10_000_000) < 2000
    viewport.take_content(4, 20_000_000)
    assert 1900 < viewport.x_of(20_000_000) < 2000
    viewport.zoom(2.0, 0)
    viewport.take_size(1000, 300)
    assert viewport.x_of(20_000_000) > 1900


def wave(*pairs: tuple[int, int], step: int = 100, start: int = 0) -> Wave:
    overview = Overview(
        start_frame=start,
        frames_per_bucket=step,
        low=np.array([low for low, _ in pairs], np.int8).tobytes(),
        high=np.array([high for _, high in pairs], np.int8).tobytes(),
    )
    content = content_of(overview)
    assert isinstance(content, Wave)
    return content


def test_a_wave_covers_what_it_reaches() -> None:
    cover = wave_cover(wave((-127, 127), (0, 127), (0, 0)), 0, 100, 4, 20)
    assert (cover[2:18, 0] == 255).all()
    assert cover[15, 1] == 0 and cover[5, 1] == 255
    assert 0 < cover[:, 2].astype(int).sum() <= 2 * 255  # silence is a fine line
    assert (cover[:, 3] == 0).all()  # the file has ended


def test_a_peak_is_never_lost_when_one_looks_from_far() -> None:
    quiet = [(-1, 1)] * 1000
    quiet[617] = (-127, 127)
    cover = wave_cover(wave(*quiet), 0, 100 * 100, 10, 40)
    assert cover[3, 6] == 255
    assert cover[3, :6].max() == 0


@pytest.mark.parametrize("first", [-5000.0, 0.0, 33.3, 1e6])
@pytest.mark.parametrize("scale", [0.5, 7.0, 100.0, 5e4])
def test_any_view_of_a_wave_can_be_drawn(first: float, scale: float) -> None:
    cover = wave_cover(wave(*[(-50, 60)] * 97, start=1234), first, scale, 64, 33)
    assert cover.shape == (33, 64)


def test_notes_are_drawn_where_they_are() -> None:
    content = content_of(Overview(notes=((0, 1000, 60, 100), (2000, 3000, 72, 20))))
    assert isinstance(content, Notes)
    cover = notes_cover(content, 0, 100, 40, 60, 1.0)
    low, high = cover[:, 5].nonzero()[0], cover[:, 25].nonzero()[0]
    assert low.min() > high.max()  # the higher key stands higher
    assert cover[:, 5].max() > cover[:, 25].max()  # the louder one is brighter
    assert cover[:, 15].max() == 0


Tell = Callable[[int, bool, int], Meters]


@pytest.fixture
def tell() -> Iterator[Tell]:
    """Meters with a position, whether it plays, and the time of that."""
    writer = MeterWriter()

    def made(position: int, playing: bool, time_ns: int) -> Meters:
        shown = writer.next
        shown["position_frames"], shown["playing"], shown["time_ns"] = position, playing, time_ns
        return shown

    yield made
    writer.close()


def test_the_playhead_moves_evenly_between_blocks(tell: Tell) -> None:
    playhead, seen = Playhead(), []
    for n in range(120):
        now_s = n / 60
        position = int(now_s * 48000) // 4096 * 4096  # told in steps of a long block
        told = tell(position, True, int(now_s * 1e9))
        seen.append(playhead.take(told, 1 / 60, 48000, None, int(now_s * 1e9)))
    steps = np.diff(seen[10:])
    assert steps.min() > 0.4 * 800 and steps.max() < 1.6 * 800
    assert abs(seen[-1] - 119 / 60 * 48000) < 4096


def test_the_playhead_jumps_where_the_song_does(tell: Tell) -> None:
    playhead = Playhead()
    playhead.take(tell(48000, True, 0), 1 / 60, 48000, None, 0)
    assert playhead.take(tell(480_000, True, 0), 1 / 60, 48000, None, 0) == 480_000
    assert playhead.take(tell(7, False, 0), 1 / 60, 48000, None, 10**12) == 7
    playhead.take(tell(95_000, False, 0), 1 / 60, 48000, None, 0)
    near_end = tell(95_000, True, 0)
    wrapped = playhead.take(near_end, 1 / 60, 48000, (0, 96_000), 50_000_000)
    assert wrapped == pytest.approx(1400)


# ---------------------------------------------------------------- faults


def notice(
    number: int, kind: str, frame: int, report: str | None = None, slot: str = "g"
) -> Notice:
    return Notice(number=number, kind=kind, text=kind, slot=slot, report=report, song_frame=frame)


def state(path: str = "", undo: str = "", slot: str = "g") -> DeskState:
    one = SlotState(id=slot, plugin="p", name="P", status=SlotStatus.ACTIVE)
    return DeskState(
        path=path, undo=undo, tracks=(TrackState(id="a", name="A", kind="audio", slots=(one,)),)
    )


def test_a_fault_is_an_outage_until_it_is_over() -> None:
    faults = Faults()
    faults.show_state(state())
    assert faults.take((notice(0, "fault", 1000, "r1"), notice(1, "recovered", 9000)), state())
    assert not faults.take((notice(2, "device", 9000),), state())
    assert [(one.start_frame, one.end_frame) for one in faults.outages("a")] == [(1000, 9000)]
    (cluster,) = faults.clusters("a", 0, 1000, 500, 20)
    assert cluster.status is SlotStatus.FAILED and cluster.report == "r1"
    first, second = faults.clusters("a", 0, 10, 5000, 20)
    assert second.status is SlotStatus.ACTIVE and second.report is None
    assert first.x == 100


def test_what_is_told_twice_is_marked_once() -> None:
    faults = Faults()
    faults.show_state(state())
    for _ in range(2):
        faults.take((notice(0, "fault", 1000),), state())
    assert len(faults.marks("a")) == 1


def test_what_nobody_heard_is_not_marked() -> None:
    faults = Faults()
    faults.show_state(state())
    silent = [
        replaced(notice(n, kind, 0), playing=False)
        for n, kind in enumerate(("takeover", "fault", "recovered"))
    ]
    assert not faults.take(silent, state())
    assert not faults.marks("a") and not faults.outages("a") and faults.last_frame == 0
    faults.take((notice(3, "fault", 1000),), state())
    faults.take((replaced(notice(4, "recovered", 5000), playing=False),), state())
    assert len(faults.marks("a")) == 1  # and it has ended where the song was stopped
    assert [(one.start_frame, one.end_frame) for one in faults.outages("a")] == [(1000, 5000)]


def test_a_fault_stays_on_the_track_where_it_was_heard() -> None:
    faults = Faults()
    assert not faults.take((notice(0, "fault", 1000),), DeskState())  # told before the state
    assert faults.show_state(state())
    faults.show_state(DeskState())  # the slot is taken away
    assert len(faults.marks("a")) == 1


def test_another_song_has_no_faults_yet() -> None:
    faults = Faults()
    faults.show_state(state("/one.json"))
    faults.take((notice(0, "fault", 1000),), state("/one.json"))
    assert not faults.show_state(state("/saved-as.json", undo="gain of a"))
    assert len(faults.marks("a")) == 1
    assert faults.show_state(state("/two.json"))
    assert not faults.marks("a")


def test_another_host_counts_its_notices_anew() -> None:
    faults = Faults()
    faults.show_state(state())
    faults.take((notice(5, "fault", 1000),), state())
    faults.show_other_host()
    assert faults.take((notice(0, "fault", 2000),), state())
    assert len(faults.marks("a")) == 2
