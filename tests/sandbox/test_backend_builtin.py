# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in devices, to the bit: the rest of the program is tested against them."""

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox._native import Slot
from sandbox.backends import LoadedPlugin, open_plugin
from tests.fixtures.playing import RATE, Audio, noise, play

pytestmark = pytest.mark.sanitize

NOTE_ON, NOTE_OFF = bytes((0x90, 69, 100)), bytes((0x80, 69, 0))


def load(plugin_id: str, max_frames: int = 1024, rate: float = RATE) -> LoadedPlugin:
    return open_plugin(plugin_id, sample_rate=rate, max_frames=max_frames)


def silence(frames: int) -> Audio:
    return np.zeros((2, frames), np.float32)


def set_text(plugin: LoadedPlugin, name: str, text: str) -> None:
    index = plugin.find_parameter(name)
    plugin.set_parameter(index, plugin.parameter_from_text(index, text))


def test_gain_multiplies_by_its_decibels() -> None:
    plugin = load("builtin:gain")
    set_text(plugin, "Gain", "-6 dB")
    audio = noise(1000)
    heard, _ = play(plugin, audio)
    np.testing.assert_allclose(heard, audio * 10 ** (-6 / 20), rtol=1e-5)


def test_a_change_is_heard_from_its_own_frame_on_and_does_not_click() -> None:
    audio = np.ones((2, 1000), np.float32)
    heard, _ = play(load("builtin:gain"), audio, changes=[(300, 0, 0.0)])
    assert np.all(heard[:, :300] == 1.0)
    assert np.all(heard[:, 300] < 1.0)
    assert np.max(np.abs(np.diff(heard[0]))) < 0.005  # a ramp of 5 ms, 240 frames
    assert np.all(heard[:, 540:] < 1e-4)


DEVICES = ["gain", "tone", "synth", "latency?frames=100", "passthrough", "key-listen"]


@pytest.mark.parametrize("device", DEVICES)
def test_the_output_is_the_same_bits_for_any_division_into_blocks(device: str) -> None:
    midi = [(10, NOTE_ON), (1000, bytes((0x90, 45, 30))), (1777, NOTE_OFF)]

    def render(block: int) -> Audio:
        plugin = load(f"builtin:{device}")
        changes = [(at, 0, v) for at, v in ((5, 0.1), (700, 0.9), (701, 0.2), (2000, 0.5))]
        if not plugin.parameter_names:
            changes = []
        return play(
            plugin, noise(3000), block=block, midi=midi, changes=changes, key=noise(3000, 1)
        )[0]

    whole = render(1024)
    assert np.any(whole)
    for block in (1, 7, 64, 1000):
        assert np.array_equal(render(block), whole), block


def test_latency_delays_by_what_it_reports() -> None:
    plugin = load("builtin:latency?frames=333")
    assert plugin.latency_frames == plugin.description.latency_frames == 333
    audio = noise(2000)
    heard, _ = play(plugin, audio)
    assert not np.any(heard[:, :333])
    assert np.array_equal(heard[:, 333:], audio[:, :-333])


def test_a_latency_of_nothing_is_a_wire() -> None:
    audio = noise(500)
    assert np.array_equal(play(load("builtin:latency?frames=0"), audio)[0], audio)


@pytest.mark.parametrize(
    ("ins", "outs", "left", "right"),
    [
        (0, 1, "silence", "silence"),
        (0, 2, "silence", "silence"),
        (1, 1, "left", "right"),  # two instances
        (1, 2, "mean", "silence"),
        (2, 1, "left", "left"),
        (2, 2, "left", "right"),
        (3, 2, "left", "right"),
        (2, 7, "left", "right"),
        (64, 64, "left", "right"),
        (2, 0, "left", "right"),  # an analyser: the bus passes
        (0, 0, "left", "right"),
    ],
)
def test_any_channel_layout_is_fitted_by_rule(ins: int, outs: int, left: str, right: str) -> None:
    plugin = load(f"builtin:passthrough?in={ins}&out={outs}")
    assert len(plugin.processors) == (2 if ins == outs == 1 else 1)
    assert (plugin.description.in_channels, plugin.description.out_channels) == (ins, outs)
    audio = noise(200)
    known = {
        "left": audio[0],
        "right": audio[1],
        "mean": (audio[0] + audio[1]) * np.float32(0.5),
        "silence": np.zeros(200, np.float32),
    }
    heard, _ = play(plugin, audio)
    np.testing.assert_array_equal(heard[0], known[left])
    np.testing.assert_array_equal(heard[1], known[right])


def test_more_channels_than_a_slot_carries_are_refused() -> None:
    with pytest.raises(WorkerError, match="from 0 to 64"):
        load("builtin:passthrough?in=2&out=65")


@pytest.mark.parametrize("channels", [1, 2])
def test_key_listen_plays_the_key(channels: int) -> None:
    plugin = load(f"builtin:key-listen?channels={channels}")
    assert plugin.description.sidechain_channels == channels
    audio, key = noise(300), noise(300, 1)
    expected = key if channels == 2 else np.stack([key.mean(axis=0, dtype=np.float32)] * 2)
    np.testing.assert_allclose(play(plugin, audio, key=key)[0], expected, atol=1e-7)
    assert not np.any(play(load("builtin:key-listen"), audio)[0])  # no key: silence
    plugin.set_parameter(0, 0.0)
    np.testing.assert_allclose(play(plugin, audio, key=key)[0][:, 250:], audio[:, 250:], atol=1e-7)


def test_tone_has_its_frequency_and_level() -> None:
    plugin = load("builtin:tone")
    set_text(plugin, "Frequency", "1 kHz")
    set_text(plugin, "Level", "-6 dB")
    heard, _ = play(plugin, silence(48_000))
    assert np.array_equal(heard[0], heard[1])
    spectrum = np.abs(np.fft.rfft(heard[0])) / 24_000
    assert np.argmax(spectrum) == 1000
    assert spectrum[1000] == pytest.approx(10 ** (-6 / 20), rel=1e-3)


def test_a_note_starts_and_ends_on_its_frame() -> None:
    plugin = load("builtin:synth")
    set_text(plugin, "Waveform", "sine")
    heard, _ = play(plugin, silence(48_000), midi=[(777, NOTE_ON), (20_000, NOTE_OFF)])
    assert not np.any(heard[:, :778])  # a sine begins at zero
    assert np.all(heard[:, 779] != 0.0)
    assert np.argmax(np.abs(np.fft.rfft(heard[0, 4000:16_000]))) == 110  # 440 Hz
    assert np.max(np.abs(heard[:, 45_000:])) < 1e-4  # -60 dB after 0.3 s


def test_the_synth_plays_chords_and_steals_the_oldest_voice() -> None:
    def peak(notes: int) -> float:
        plugin = load("builtin:synth")
        set_text(plugin, "Waveform", "sine")
        midi = [(i, bytes((0x90, 40 + 3 * i, 127))) for i in range(notes)]
        return float(np.max(np.abs(play(plugin, silence(9600), midi=midi)[0][:, 4800:])))

    assert peak(16) > 3 * peak(1)
    assert peak(30) < 1.5 * peak(16)


def test_the_sustain_pedal_holds_notes_and_all_notes_off_ends_them() -> None:
    pedal_down, pedal_up = bytes((0xB0, 64, 127)), bytes((0xB0, 64, 0))
    held = [(0, pedal_down), (10, NOTE_ON), (100, NOTE_OFF)]
    for end in (pedal_up, bytes((0xB0, 123, 0)), bytes((0xB0, 120, 0))):
        heard, _ = play(load("builtin:synth"), silence(60_000), midi=[*held, (24_000, end)])
        assert np.max(np.abs(heard[:, 23_000:24_000])) > 0.01
        assert np.max(np.abs(heard[:, 55_000:])) < 1e-4


def test_a_full_block_of_a_host_and_a_plugin_upstream_ends_every_note() -> None:
    plugin = load("builtin:synth")
    slot = Slot(plugin.processors, 256)
    notes = [bytes((0x90, note, 100)) for note in (40, 47, 52, 59)]
    sounding, _ = slot.process(silence(256), midi=[(0, note) for note in notes])
    wheel = [(0, bytes((0xE0, i % 128, 64))) for i in range(1024 - len(notes))]
    ends = [(200, bytes((0x80, note[1], 0))) for note in notes]
    slot.process(silence(256), midi=[*wheel, *ends])
    for _ in range(int(2.0 * RATE / 256)):
        heard, _ = slot.process(silence(256))
    assert np.max(np.abs(sounding)) > 0.01
    assert np.max(np.abs(heard)) < 1e-4


def test_midi_transpose_shifts_notes_and_leaves_the_rest() -> None:
    plugin = load("builtin:midi-transpose")
    assert plugin.accepts_midi and plugin.produces_midi
    set_text(plugin, "Semitones", "7")
    bend = bytes((0xE3, 1, 2))
    audio = noise(256)
    heard, sent = play(plugin, audio, midi=[(3, NOTE_ON), (5, bend), (200, NOTE_OFF)])
    assert sent == [(3, bytes((0x90, 76, 100))), (5, bend), (200, bytes((0x80, 76, 0)))]
    assert np.array_equal(heard, audio)


def test_a_note_is_ended_where_it_was_started_although_the_transposition_moved() -> None:
    plugin = load("builtin:midi-transpose")
    to_twelve = plugin.parameter_from_text(0, "12")
    _, sent = play(
        plugin, silence(512), midi=[(3, NOTE_ON), (300, NOTE_OFF)], changes=[(100, 0, to_twelve)]
    )
    assert sent == [(3, NOTE_ON), (300, NOTE_OFF)]
    # Out of the MIDI range: neither started nor ended.
    high = [(1, bytes((0x90, 127, 9))), (2, bytes((0x80, 127, 0)))]
    assert play(plugin, silence(128), midi=high)[1] == []


def test_malformed_midi_and_events_beyond_the_block_do_no_harm() -> None:
    plugin = load("builtin:midi-transpose")
    from sandbox._native import Slot

    slot = Slot(plugin.processors, 64)
    broken = [(0, bytes((0x40, 1, 2))), (1, b"\xf0"), (2, b"\x90"), (9, bytes((0x90, 60)))]
    _, sent = slot.process(silence(64), midi=[*broken, (4_000_000_000, NOTE_ON)])
    assert sent == [(63, NOTE_ON)]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_number_changes_nothing(value: float) -> None:
    plugin = load("builtin:gain")
    before = plugin.get_parameter(0)
    audio = noise(256)
    heard, _ = play(plugin, audio, changes=[(10, 0, value), (20, 77, 0.5)])
    assert np.array_equal(heard, audio)
    with pytest.raises(WorkerError, match="normalized values from 0 to 1"):
        plugin.set_parameter(0, value)
    assert plugin.get_parameter(0) == before


def test_values_beyond_the_range_are_bounded_in_events_and_refused_in_calls() -> None:
    plugin = load("builtin:gain")
    play(plugin, noise(64), changes=[(0, 0, 9.0)])
    assert plugin.get_parameter(0) == 1.0
    with pytest.raises(WorkerError, match="from 0 to 1"):
        plugin.set_parameter(0, 440.0)


def test_wrong_parameters_are_refused_by_name() -> None:
    plugin = load("builtin:synth")
    for call in (plugin.get_parameter, lambda i: plugin.set_parameter(i, 0.5)):
        for index in (-1, 6):
            with pytest.raises(WorkerError, match="parameters 0 to 5"):
                call(index)
    with pytest.raises(WorkerError, match="it has 'Waveform', 'Attack'"):
        plugin.find_parameter("Volume")
    assert plugin.find_parameter("attack") == plugin.find_parameter("Attack") == 1
    assert plugin.find_parameter("4") == plugin.find_parameter(4) == 4


def test_a_program_change_for_a_device_without_programs_is_refused() -> None:
    with pytest.raises(WorkerError, match="has no programs"):
        load("builtin:gain").set_program(0)


@pytest.mark.parametrize("device", ["gain", "tone", "synth", "key-listen", "midi-transpose"])
def test_every_value_is_restored_exactly_and_sounds_the_same(device: str) -> None:
    generator = np.random.default_rng(5)
    saved, restored = load(f"builtin:{device}"), load(f"builtin:{device}")
    for index in range(len(saved.parameter_names)):
        saved.set_parameter(index, float(np.float32(generator.random())))
    restored.set_state(saved.get_state())
    assert restored.get_parameters() == saved.get_parameters()
    midi = [(5, NOTE_ON)]
    first, second = (play(p, noise(2000), midi=midi, key=noise(2000, 1)) for p in (saved, restored))
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (b"", "not a state"),
        (b"\xff\xfe\x00", "not a state"),
        (b'{"version":1}', "not a state"),
        (b'{"version":9,"plugin":"builtin:gain","values":{}}', "version 9"),
        (b'{"version":1,"plugin":"builtin:tone","values":{}}', "of 'builtin:tone'"),
        (b'{"version":1,"plugin":"builtin:gain","values":{"gain":"loud"}}', "not a state"),
    ],
)
def test_a_state_that_is_none_is_rejected_and_nothing_changes(state: bytes, says: str) -> None:
    plugin = load("builtin:gain")
    plugin.set_parameter(0, 0.25)
    with pytest.raises(WorkerError, match=says):
        plugin.set_state(state)
    assert plugin.get_parameter(0) == 0.25


def test_a_state_may_lack_and_have_parameters_of_other_versions() -> None:
    plugin = load("builtin:synth")
    plugin.set_parameter(1, 0.9)
    plugin.set_state(b'{"version":1,"plugin":"builtin:synth","values":{"sustain":1e9,"cutoff":1}}')
    assert plugin.get_parameter(plugin.find_parameter("Sustain")) == 1.0
    assert plugin.get_parameter(1) == plugin.description.parameters[1].default


@pytest.mark.parametrize(
    ("device", "name", "text", "plain"),
    [
        ("gain", "Gain", "-6", "-6.00 dB"),
        ("gain", "Gain", "-6dB", "-6.00 dB"),
        ("gain", "Gain", " +3.5 DB ", "3.50 dB"),
        ("tone", "Frequency", "2 kHz", "2000 Hz"),
        ("synth", "Attack", "20 ms", "0.0200 s"),
        ("synth", "Waveform", "SINE", "sine"),
        ("synth", "Sustain", "50 %", "50.00 %"),
    ],
)
def test_texts_are_read_and_shown(device: str, name: str, text: str, plain: str) -> None:
    plugin = load(f"builtin:{device}")
    index = plugin.find_parameter(name)
    assert plugin.parameter_text(index, plugin.parameter_from_text(index, text)) == plain


@pytest.mark.parametrize(
    ("device", "name", "text", "says"),
    [
        ("gain", "Gain", "99 dB", "it is -90.00 dB to 24.00 dB"),
        ("gain", "Gain", "3 Hz", "it is -90.00 dB"),
        ("gain", "Gain", "loud", "it is -90.00 dB"),
        ("gain", "Gain", "", "it is -90.00 dB"),
        ("synth", "Waveform", "square", "it is one of sine, saw"),
    ],
)
def test_texts_without_a_meaning_are_refused(device: str, name: str, text: str, says: str) -> None:
    plugin = load(f"builtin:{device}")
    with pytest.raises(WorkerError, match=says):
        plugin.parameter_from_text(plugin.find_parameter(name), text)


def test_the_description_holds_plain_values_beside_normalized_ones() -> None:
    description = load("builtin:tone").description
    assert description.is_instrument is False
    frequency, level = description.parameters
    assert (frequency.unit, frequency.min_value, frequency.max_value) == ("Hz", 20.0, 20_000.0)
    assert frequency.default_text == "440.0 Hz"
    assert (level.default_value, level.default) == (-18.0, pytest.approx(0.8))


def test_loading_and_closing_again_and_again_is_harmless() -> None:
    for _ in range(50):
        with load("builtin:synth") as plugin:
            plugin.close()
