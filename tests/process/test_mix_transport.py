# SPDX-License-Identifier: GPL-3.0-or-later
"""Play, stop, locate and loop as plugins hear them: MIDI on its frame, no note left hanging, a loop
that is the same each time round."""

from pathlib import Path

import numpy as np
import pytest

from host.host import Host
from ipc.errors import InputError
from tests.process.songs import (
    Audio,
    Slot,
    Song,
    Track,
    audio_track,
    midi_track,
    noise,
    offline,
    render,
    write_clip,
    write_midi,
)

pytestmark = pytest.mark.process

NOTE = 60


def synth(release: str = "0.005 s") -> Slot:
    """Sounds from the frame of a note on, is silent soon after its end."""
    parameters = {"Attack": "0.001 s", "Sustain": "100 %", "Release": release}
    return Slot(id="synth", plugin="builtin:synth", parameters=parameters)


def synth_song(folder: Path, messages: list[tuple[int, bytes]], *others: Track) -> Song:
    file = write_midi(folder / f"{len(messages)}-{messages[0][0]}.mid", messages)
    track = midi_track("m", file)
    return Song(tracks=(Track(id="m", midi=track.midi, chain=(synth(),)), *others))


def note(on: int, off: int, number: int = NOTE) -> list[tuple[int, bytes]]:
    return [(on, bytes([0x90, number, 100])), (off, bytes([0x80, number, 64]))]


def is_silent(heard: Audio) -> bool:
    return float(np.abs(heard).max()) < 1e-4


@pytest.mark.parametrize("block", [16, 128, 1000, 4096])
@pytest.mark.parametrize("frame", [1, 127, 128, 129, 1023, 4095, 4096, 9999])
def test_a_note_sounds_from_its_frame_on(frame: int, block: int, tmp_path: Path) -> None:
    length = 4000
    at_zero = render(synth_song(tmp_path, note(0, 3000)), length, block=block)
    later = render(synth_song(tmp_path, note(frame, frame + 3000)), frame + length, block=block)
    assert np.abs(at_zero).max() > 0.1
    assert not later[:, :frame].any()
    np.testing.assert_array_equal(later[:, frame:], at_zero)


@pytest.mark.parametrize("latency", [0, 300])
def test_a_note_is_on_its_frame_whatever_latency_others_have(latency: int, tmp_path: Path) -> None:
    file = write_clip(tmp_path / "clip.wav", np.zeros((2, 10), dtype=np.float32))
    other = audio_track("o", file, f"builtin:latency?frames={latency}")
    alone = render(synth_song(tmp_path, note(1001, 3000)), 8000)
    np.testing.assert_array_equal(
        render(synth_song(tmp_path, note(1001, 3000), other), 8000), alone
    )


def loop(host: Host, start: int, end: int, blocks: int) -> Audio:
    host.set_loop(start, end)
    return host.render(blocks)


@pytest.mark.parametrize("block", [64, 100, 1000])
@pytest.mark.parametrize("latency", [0, 500])
def test_a_loop_through_plugins_equals_the_repeated_clip(
    block: int, latency: int, tmp_path: Path
) -> None:
    """Also where another track's latency makes this one's clip late."""
    start, end = 3000, 9400  # a multiple of some of the block sizes, and not of others
    clip = noise(20000)
    file = write_clip(tmp_path / "clip.wav", clip)
    tracks = (
        audio_track("a", file, "builtin:gain"),
        audio_track("b", file, f"builtin:latency?frames={latency}", gain_db=-6.0),
        audio_track("c", file),
    )
    with offline(Song(tracks=tracks), block=block) as host:
        heard = loop(host, start, end, 30000 // block)
    line = np.concatenate([clip[:, :end], *[clip[:, start:end]] * 4], axis=1)
    repeated = write_clip(tmp_path / "repeated.wav", line)
    flat = tuple(
        audio_track(t.id, repeated, *(slot.plugin for slot in t.chain), gain_db=t.gain_db)
        for t in tracks
    )
    with offline(Song(tracks=flat), block=block) as host:
        wanted = host.render(30000 // block)
    np.testing.assert_array_equal(heard, wanted)


@pytest.mark.parametrize("block", [64, 100, 1000])
def test_looped_notes_sound_the_same_each_time(block: int, tmp_path: Path) -> None:
    """A note at the loop's start, one in it, one that its end cuts off."""
    start, end = 2000, 8400
    messages = note(start, start + 500) + note(4001, 5000, 64) + note(8000, 9000, 67)
    with offline(synth_song(tmp_path, sorted(messages)), block=block) as host:
        host.locate(start)
        heard = loop(host, start, end, 4 * (end - start) // block)
    rounds = [heard[:, i * (end - start) : (i + 1) * (end - start)] for i in range(3)]
    settled = 2000  # what the cut note's release adds at the start of the next round
    for later in rounds[1:]:
        assert np.abs(later).max() > 0.1
        np.testing.assert_array_equal(later[:, settled:6000], rounds[0][:, settled:6000])
    # The cut note has ended: it was released at the loop's end, not 1000 frames later.
    assert is_silent(rounds[1][:, 1200:2000])


def test_stop_ends_the_notes_that_sound(tmp_path: Path) -> None:
    with offline(synth_song(tmp_path, note(100, 10**6)), block=100) as host:
        assert np.abs(host.render(50)).max() > 0.1
        host.play(False)
        host.render(20)
        assert is_silent(host.render(20))
        host.play(True)  # goes on behind the note's beginning
        assert is_silent(host.render(20))


def test_locate_ends_the_notes_that_sound(tmp_path: Path) -> None:
    with offline(synth_song(tmp_path, note(100, 5000) + note(20000, 21000)), block=100) as host:
        host.render(10)
        host.locate(18000)
        host.render(10)
        assert is_silent(host.render(5))
        assert np.abs(host.render(10)).max() > 0.1


def test_a_pedal_that_is_down_where_the_song_jumps_is_lifted(tmp_path: Path) -> None:
    messages = [(50, bytes([0xB0, 64, 127])), *note(100, 200), *note(90000, 91000)]
    with offline(synth_song(tmp_path, messages), block=100) as host:
        host.render(20)
        assert np.abs(host.render(10)).max() > 0.1  # held by the pedal
        host.locate(40000)
        host.render(20)
        assert is_silent(host.render(20))


def test_a_locate_plays_what_lies_there(tmp_path: Path) -> None:
    clip = noise(20000)
    file = write_clip(tmp_path / "clip.wav", clip)
    with offline(Song(tracks=(audio_track("a", file, "builtin:gain"),)), block=100) as host:
        np.testing.assert_array_equal(host.render(5), clip[:, :500])
        host.locate(12345)
        np.testing.assert_array_equal(host.render(5), clip[:, 12345:12845])
        host.locate(0)
        np.testing.assert_array_equal(host.render(5), clip[:, :500])
        host.locate(19900)
        heard = host.render(5)
        np.testing.assert_array_equal(heard[:, :100], clip[:, 19900:])
        assert not heard[:, 100:].any()


def test_a_dense_block_of_notes_loses_none_of_their_ends(tmp_path: Path) -> None:
    """More events than fit into one block are late, not lost."""
    messages = []
    for number in range(128):
        for repeat in range(6):
            messages += note(10 * repeat, 10 * repeat + 5, number)
    messages.sort(key=lambda message: message[0])
    with offline(synth_song(tmp_path, messages), block=4096) as host:
        host.render(4)
        assert is_silent(host.render(4))
        sent = host.supervisor_of("synth").native.recent_events()
        assert len({midi[1] for *_, midi, _, _ in sent if midi[0] & 0xF0 == 0x80}) > 0


def test_a_loop_shorter_than_a_block_is_refused(tmp_path: Path) -> None:
    file = write_clip(tmp_path / "clip.wav", noise(1000))
    with offline(Song(tracks=(audio_track("a", file),)), block=512) as host:
        with pytest.raises(InputError, match="512 frames"):
            host.set_loop(0, 511)
        host.set_loop(0, 512)
        host.set_loop(0, 0)
