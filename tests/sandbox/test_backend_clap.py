# SPDX-License-Identifier: GPL-3.0-or-later
"""CLAP on plugins made for it, which count the rules that their host breaks."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox._native import Slot
from sandbox.backends import LoadedPlugin, open_plugin
from tests.fixtures.build import fixture_library
from tests.fixtures.playing import RATE, noise, play

pytestmark = pytest.mark.sanitize

LATENCY = 7
CALL_BACK, RESTART, FLUSH, LOG, RESHAPE, FORGET, RANGE = range(1, 8)


def load(
    name: str, max_frames: int = 512, sidechain: bool = False, offline: bool = False
) -> LoadedPlugin:
    return open_plugin(
        f"clap:{fixture_library('clap_fixture')}#{name}",
        sample_rate=RATE,
        max_frames=max_frames,
        sidechain=sidechain,
        offline=offline,
    )


@contextmanager
def lawful(
    name: str = "all", sidechain: bool = False, offline: bool = False
) -> Iterator[LoadedPlugin]:
    """The plugin, which must not have had reason to complain in the end."""
    plugin = load(name, sidechain=sidechain, offline=offline)
    yield plugin
    assert value(plugin, "Violations") == 0.0


def value(plugin: LoadedPlugin, name: str) -> float:
    return plugin.get_parameter(plugin.find_parameter(name))


def count(plugin: LoadedPlugin, name: str) -> int:
    return round(100 * value(plugin, name))


def order(plugin: LoadedPlugin, what: int) -> None:
    """Has the plugin ask its host for something in its next block."""
    plugin.set_parameter(plugin.find_parameter("Order"), what / 7)
    play(plugin, noise(64))


# -- what it is ---------------------------------------------------------------------------------


def test_a_plugin_is_described() -> None:
    with lawful() as plugin:
        told = plugin.description
    assert (told.name, told.vendor, told.version) == ("Fixture all", "Isobooth", "1.5")
    assert (told.format, told.category, told.is_instrument) == ("clap", "utility, stereo", False)
    assert (told.in_channels, told.out_channels, told.sidechain_channels) == (2, 2, 2)
    assert (told.accepts_midi, told.produces_midi) == (True, True)
    assert (told.latency_frames, told.tail_s) == (LATENCY, 0.5)
    assert told.remarks == ["1 further audio output port is not heard"]
    gain, listen, mode, *_ = told.parameters
    assert (gain.id, gain.min_value, gain.max_value, gain.default) == ("1000", 0.0, 2.0, 0.5)
    assert (gain.min_text, gain.max_text, gain.default_text) == ("0.0 %", "200.0 %", "100.0 %")
    assert (gain.steps, listen.steps, mode.steps) == (0, 2, 5)
    assert (listen.boolean, listen.max_text) == (True, "1")
    assert (mode.min_text, mode.default_text, mode.max_text) == ("off", "middle", "full")


def test_flags_of_parameters_are_told() -> None:
    told = {p.name: p for p in load("all").description.parameters}
    assert [n for n, p in told.items() if p.read_only] == ["Violations", "Called", "Flushed"]
    assert [n for n, p in told.items() if p.hidden] == ["Secret"]
    assert [n for n, p in told.items() if p.automatable] == ["Gain", "Listen", "Mode"]


def test_one_of_several_plugins_is_named_by_its_id() -> None:
    file = fixture_library("clap_fixture")
    for wanted in ("", "#nope"):
        with pytest.raises(WorkerError, match=r"ids: all, odd, midi, notes, liar, .*, …") as caught:
            open_plugin(f"clap:{file}{wanted}", sample_rate=RATE, max_frames=64)
        assert "\n" not in str(caught.value)


def test_a_plugin_without_a_name_is_called_by_its_id() -> None:
    told = load("nameless").description
    assert (told.name, told.vendor, told.version) == ("nameless", "", "")


# -- audio --------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 37, 512])
def test_audio_is_processed_with_the_latency_that_is_told(block: int) -> None:
    with lawful() as plugin:
        audio = noise(1024)
        heard, _ = play(plugin, audio, block=block)
        np.testing.assert_array_equal(heard[:, LATENCY:], audio[:, :-LATENCY])


def test_the_second_input_is_the_side_chain() -> None:
    audio, key = noise(600), noise(600, seed=1)
    with lawful(sidechain=True) as plugin:
        listen = plugin.find_parameter("Listen")
        changes = [(200, listen, 1.0), (400, listen, 0.0)]
        heard, _ = play(plugin, audio, key=key, changes=changes)
        expected = audio.copy()
        expected[:, 200:400] = key[:, 200:400]
        np.testing.assert_array_equal(heard[:, LATENCY:], expected[:, :-LATENCY])
        plugin.set_parameter(listen, 1.0)
        assert not np.any(play(plugin, audio)[0][:, LATENCY:])  # without a key: silence


def test_without_a_side_chain_its_input_is_silent() -> None:
    with lawful() as plugin:
        assert plugin.processors[0].sidechain_channels == 0
        plugin.set_parameter(plugin.find_parameter("Listen"), 1.0)
        assert not np.any(play(plugin, noise(256), key=noise(256))[0])


def test_odd_ports_are_fitted() -> None:
    with lawful("odd", offline=True) as plugin:
        assert (plugin.description.in_channels, plugin.description.out_channels) == (3, 5)
        assert "real time only" in plugin.description.remarks[0]
        audio = noise(300)
        np.testing.assert_array_equal(play(plugin, audio)[0], audio)


def test_an_instruments_only_input_is_a_side_chain() -> None:
    with lawful("notes") as plugin:
        assert (plugin.description.in_channels, plugin.description.sidechain_channels) == (0, 2)
        assert plugin.description.is_instrument


def test_a_block_that_the_plugin_gives_up_passes_the_input_on() -> None:
    audio = noise(256)
    np.testing.assert_array_equal(play(load("error"), audio)[0], audio)


# -- parameters ---------------------------------------------------------------------------------


def test_a_parameter_is_heard_from_its_frame_on() -> None:
    with lawful() as plugin:
        changes = [(0, 0, 1.0), (77, 0, 0.0), (300, 0, 0.25), (511, 0, 1.0)]
        audio = np.full((2, 600), 0.5, np.float32)
        heard = play(plugin, audio, block=256, changes=changes)[0][0, LATENCY:]
        edges = [0, 77, 300, 511, 600 - LATENCY]
        for start, end, level in zip(edges, edges[1:], (1.0, 0.0, 0.25, 1.0), strict=False):
            assert np.all(heard[start:end] == level)


def test_a_parameter_set_outside_a_block_is_there_at_once_and_heard_next() -> None:
    with lawful() as plugin:
        plugin.set_parameter(0, 0.0)
        assert plugin.get_parameter(0) == 0.0
        assert not np.any(play(plugin, noise(64))[0])
        assert plugin.get_parameter(0) == 0.0


def test_whole_numbers_are_whole() -> None:
    with lawful() as plugin:
        mode = plugin.find_parameter("Mode")
        for step, text in enumerate(("off", "low", "middle", "high", "full")):
            plugin.set_parameter(mode, min(1.0, step / 4 + 0.02))
            play(plugin, noise(16))
            assert plugin.get_parameter(mode) == step / 4
            assert plugin.parameter_text(mode, step / 4) == text
            assert plugin.parameter_from_text(mode, text.upper()) == step / 4


def test_texts_are_understood_or_refused() -> None:
    plugin = load("all")
    assert plugin.parameter_from_text(0, "50 %") == plugin.parameter_from_text(0, "50") == 0.25
    order_ = plugin.find_parameter("Order")
    assert plugin.parameter_from_text(order_, "7") == 1.0  # the plugin has no words for it
    for index, text in ((0, "300 %"), (0, "loud"), (order_, "9")):
        with pytest.raises(WorkerError, match="it goes from 0"):
            plugin.parameter_from_text(index, text)


def test_what_only_the_plugin_changes_is_left_alone() -> None:
    with lawful() as plugin:
        index = plugin.find_parameter("Called")
        with pytest.raises(WorkerError, match="only the plugin itself changes 'Called'"):
            plugin.set_parameter(index, 0.5)
        play(plugin, noise(64), changes=[(3, index, 0.5), (4, 999, 0.5), (5, 0, float("nan"))])
        assert count(plugin, "Called") == 0


# -- notes --------------------------------------------------------------------------------------

NOTE = [(5, bytes((0x93, 60, 100))), (700, bytes((0x83, 60, 64))), (701, bytes((0x93, 61, 0)))]


def test_notes_go_as_claps_own_events_where_the_port_prefers_them() -> None:
    with lawful() as plugin:
        audio, controller = noise(1024), (10, bytes((0xB3, 7, 99)))
        _, sent = play(plugin, audio, midi=sorted([*NOTE, controller]))
        assert sent == [
            (5, bytes((0x93, 72, 100))),  # an octave up: it came as a note
            (10, bytes((0xB3, 7, 99))),  # this came as MIDI
            (700, bytes((0x83, 72, 64))),
            (701, bytes((0x83, 73, 0))),
        ]


def test_a_midi_port_gets_midi_and_nothing_else() -> None:
    with lawful("midi") as plugin:
        assert plugin.description.out_channels == 0
        audio = noise(1024)
        heard, sent = play(plugin, audio, midi=NOTE)
        assert sent == NOTE
        np.testing.assert_array_equal(heard, audio)  # no audio ports: the bus passes through


def test_a_port_without_midi_gets_what_clap_has_for_it() -> None:
    with lawful("notes") as plugin:
        bend, wheel = bytes((0xE0, 0, 96)), bytes((0xB0, 1, 5))
        pressure, all_off = bytes((0xD0, 127)), bytes((0xB0, 123, 0))
        midi = [(1, bend), (2, wheel), (3, pressure), (4, all_off), (9, bytes((0x90, 60, 1)))]
        _, sent = play(plugin, noise(64), midi=midi)
        assert sent == [
            (1, bytes((0xB0, 22, 74))),  # the tuning of all notes, up a semitone
            (3, bytes((0xB0, 26, 74))),  # their pressure, full
            (4, bytes((0xB0, 123, 0))),
            (9, bytes((0x90, 72, 1))),
        ]


def test_no_event_of_a_full_block_is_lost() -> None:
    with lawful() as plugin:
        # As many as the host sends and as many from a plugin upstream; the plugin echoes 512.
        midi = [(7, bytes((0x80, number % 128, 0))) for number in range(512)]
        changes = [(7, 0, number / 511) for number in range(512)]
        _, sent = play(plugin, noise(128), midi=midi, changes=changes)
        assert len(sent) == 512
        assert plugin.get_parameter(0) == 1.0


# -- state --------------------------------------------------------------------------------------


def test_a_state_goes_through_in_pieces_and_holds_what_was_just_set() -> None:
    with lawful() as saved, lawful() as restored:
        saved.set_parameter(0, 0.3)
        restored.set_parameter(0, 0.9)  # set before: overwritten
        state = saved.get_state()
        assert state[:4] == b"FIXT"
        restored.set_state(state)
        assert restored.get_parameter(0) == pytest.approx(0.3)
        audio = noise(256)
        np.testing.assert_array_equal(play(saved, audio)[0], play(restored, audio)[0])


def test_a_state_that_is_none_is_rejected() -> None:
    with lawful() as plugin:
        state = plugin.get_state()
        plugin.set_parameter(0, 0.25)
        for broken in (b"noise" * 100, state[:-1], b"\0" * len(state)):
            with pytest.raises(WorkerError, match=f"rejected a state of {len(broken)} bytes"):
                plugin.set_state(broken)
        assert plugin.get_parameter(0) == 0.25
        assert np.any(play(plugin, noise(64))[0])  # blocks are let in again


def test_a_plugin_without_a_state_gets_one() -> None:
    with lawful("notes") as saved, lawful("notes") as restored:
        saved.set_parameter(0, 0.7)
        restored.set_parameter(2, 1.0)
        restored.set_state(saved.get_state())
        assert restored.get_parameter(0) == pytest.approx(0.7)
        assert restored.get_parameter(2) == saved.get_parameter(2)
        assert "its parameters' values are kept" in saved.description.remarks[-1]
        with pytest.raises(WorkerError, match="not a state of it"):
            restored.set_state(b"FIXT")


def test_a_state_without_end_is_cut_off() -> None:
    with pytest.raises(WorkerError, match="larger than 60 MiB"):
        load("endless-state").get_state()


# -- what it asks of its host -------------------------------------------------------------------


def test_a_callback_is_made_when_the_worker_is_idle() -> None:
    with lawful() as plugin:
        order(plugin, CALL_BACK)
        assert count(plugin, "Called") == 0
        plugin.idle()
        plugin.idle()
        assert count(plugin, "Called") == 1


def test_a_new_latency_comes_with_a_new_activation() -> None:
    with lawful() as plugin:
        order(plugin, RESTART)
        assert plugin.latency_frames == LATENCY
        plugin.idle()
        assert plugin.latency_frames == 100
        assert np.any(play(plugin, noise(64))[0])


def test_parameters_are_flushed_where_no_block_comes() -> None:
    with lawful() as plugin:
        order(plugin, FLUSH)
        plugin.set_parameter(0, 0.75)
        plugin.idle()
        assert count(plugin, "Flushed") == 1
        order(plugin, FLUSH)
        play(plugin, noise(64))  # a block does it as well
        plugin.idle()
        assert count(plugin, "Flushed") == 1


def test_a_message_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with lawful() as plugin:
        order(plugin, LOG)
    assert "plugin: warning: told in a block\n" in capfd.readouterr().err


def test_a_new_range_holds_after_a_new_activation() -> None:
    with lawful() as plugin:
        order(plugin, RANGE)
        plugin.idle()
        assert plugin.get_parameter(0) == 0.25  # still a gain of 1
        assert plugin.parameter_text(0, 1.0) == "400.0 %"


def test_what_a_plugin_tells_of_its_parameters_while_it_is_activated_holds() -> None:
    with lawful("rescans-early") as plugin:
        plugin.set_parameter(0, 0.25)
        play(plugin, noise(64), changes=[(1, 0, 0.5)])


def test_a_parameter_that_is_gone_keeps_its_place() -> None:
    with lawful() as plugin:
        order(plugin, FORGET)
        plugin.idle()
        with pytest.raises(WorkerError, match="'Gain'"):
            plugin.set_parameter(0, 0.0)
        play(plugin, noise(64), changes=[(1, 0, 0.0)])
        plugin.set_parameter(plugin.find_parameter("Listen"), 1.0)


def test_a_plugin_that_changes_its_ports_in_use_is_given_up() -> None:
    with lawful() as plugin:
        order(plugin, RESHAPE)
        with pytest.raises(WorkerError, match="changed its audio ports"):
            plugin.idle()
        audio = noise(64)
        np.testing.assert_array_equal(play(plugin, audio)[0], audio)  # dry from now on


def test_the_main_thread_may_do_all_of_this_beside_the_audio_thread() -> None:
    with lawful() as plugin:
        slot, audio, stop = Slot(plugin.processors, 256), noise(256), threading.Event()
        state = plugin.get_state()
        blocks = 0

        def audio_thread() -> None:
            nonlocal blocks
            while not stop.is_set():
                assert np.isfinite(slot.process(audio)[0]).all()
                blocks += 1

        thread = threading.Thread(target=audio_thread)
        thread.start()
        rounds = 0
        try:
            while rounds < 60 or (blocks < 200 and thread.is_alive()):
                rounds += 1
                plugin.set_parameter(plugin.find_parameter("Order"), RESTART / 7 * (rounds % 2))
                plugin.set_state(state)
                plugin.idle()
                plugin.set_parameter(0, rounds % 60 / 60)
                plugin.get_state()
        finally:
            stop.set()
            thread.join()
        assert blocks >= 200


# -- what does not hold what it says ------------------------------------------------------------


def test_lies_are_bounded() -> None:
    plugin = load("liar")
    told = plugin.description
    assert (told.latency_frames, told.tail_s) == (0, 3600.0)
    assert len(told.parameters) == 6
    for parameter in told.parameters:
        assert parameter.min_value is not None and parameter.max_value is not None
        assert parameter.min_value < parameter.max_value
        assert 0.0 <= parameter.default <= 1.0
        assert parameter.name == 256 * "ÿ"
        assert set(parameter.min_text) == {"y"}
        assert 0.0 <= plugin.get_parameter(parameter.index) <= 1.0
    assert [p.read_only for p in told.parameters] == [True, True, True, False, False, True]
    heard, sent = play(plugin, noise(128), block=128)
    assert np.isfinite(heard).all()
    assert len(sent) <= 512
    assert all(0 <= at < 128 and data[0] & 0x80 for at, data in sent)
    assert all(byte < 0x80 for _, data in sent for byte in data[1:])
    assert sent[0] == (127, bytes((0x9F, 127, 1)))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("many-ports", "4000000000 audio input ports"),
        ("wide", "more than 64 channels"),
        ("refuses-init", "'refuses-init' refused to be initialized"),
        ("refuses-activate", "'refuses-activate' refused to be activated at 48000 Hz"),
        ("refuses-start", "'refuses-start' refused to start processing"),
    ],
)
def test_what_cannot_be_played_is_named(name: str, says: str) -> None:
    with pytest.raises(WorkerError, match=says) as caught:
        load(name)
    assert "\n" not in str(caught.value)


def test_every_usual_rate_and_block_size_is_taken() -> None:
    file = fixture_library("clap_fixture")
    for rate in (8_000.0, 44_100.0, 192_000.0, 768_000.0):
        for frames in (1, 16, 8192):
            plugin = open_plugin(f"clap:{file}#all", sample_rate=rate, max_frames=frames)
            play(plugin, noise(frames), block=frames)
            assert value(plugin, "Violations") == 0.0
            plugin.close()


def test_loading_and_closing_again_and_again_is_harmless() -> None:
    for _ in range(30):
        plugin = load("all")
        play(plugin, noise(64))
        slot = Slot(plugin.processors, 64)
        plugin.close()
        plugin.close()
        audio = noise(64)
        np.testing.assert_array_equal(slot.process(audio)[0], audio)
        with pytest.raises(WorkerError, match="is closed"):
            plugin.get_state()
