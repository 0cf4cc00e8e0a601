# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters, programs and states of installed VST3 and LV2 plugins.

Each test runs in a process of its own.
"""

from pathlib import Path

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox.backends import LoadedPlugin, open_plugin
from tests.fixtures.own_process import own_process
from tests.fixtures.playing import RATE, noise, play

VST3 = "vst3:/usr/lib/vst3/"
MDA = "lv2:http://drobilla.net/plugins/mda/"

pytestmark = pytest.mark.skipif(
    not Path("/usr/lib/vst3/ZamEQ2.vst3").exists() or not Path("/usr/lib/lv2/mda.lv2").exists(),
    reason="packages zam-plugins and mda-lv2 are not installed",
)


def load(plugin_id: str, max_frames: int = 256, sidechain: bool = False) -> LoadedPlugin:
    return open_plugin(plugin_id, sample_rate=RATE, max_frames=max_frames, sidechain=sidechain)


@own_process
def test_a_wrong_index_or_value_does_no_harm() -> None:
    plugin = load(f"{VST3}ZamEQ2.vst3")
    audio = noise(256)
    plain, _ = play(load(f"{VST3}ZamEQ2.vst3"), audio)
    broken = [(3, 9999, 0.5), (4, 2**32 - 1, 0.5), (5, 3, float("nan")), (6, 2**31 + 3, 0.0)]
    np.testing.assert_array_equal(play(plugin, audio, changes=broken)[0], plain)
    before = plugin.get_parameters()
    for index in (-1, len(before), 2**40):
        with pytest.raises(WorkerError, match="parameters 0 to 14"):
            plugin.set_parameter(index, 0.5)
    for value in (float("nan"), float("inf"), 1.5):
        with pytest.raises(WorkerError, match="normalized values"):
            plugin.set_parameter(3, value)
    assert plugin.get_parameters() == before


@own_process
def test_state_restores_parameters_and_sound_in_another_instance() -> None:
    for plugin_id in (
        f"{VST3}ZamEQ2.vst3",
        f"{VST3}ZamCompX2.vst3",
        "lv2:urn:zamaudio:ZamEQ2",
        f"{MDA}Overdrive",
    ):
        saved, restored = load(plugin_id), load(plugin_id)
        generator = np.random.default_rng(1)
        for parameter in saved.description.parameters:
            if parameter.automatable and not parameter.steps:
                saved.set_parameter(parameter.index, float(np.float32(generator.random())))
        # No block was processed since: the plugin has not heard of it, the state must have.
        state = saved.get_state()
        restored.set_state(state)
        assert saved.get_parameters()[5:] == pytest.approx(restored.get_parameters()[5:], abs=1e-5)
        restored.set_state(restored.get_state())
        # Plugins glide to new values, and only the first has begun to: compare when both are there.
        first, second = (play(p, noise(48_000), block=256)[0] for p in (saved, restored))
        np.testing.assert_allclose(first[:, -4800:], second[:, -4800:], atol=1e-5)
        assert not np.allclose(first, play(load(plugin_id), noise(48_000), block=256)[0], atol=1e-3)


@own_process
def test_a_state_that_is_none_is_rejected() -> None:
    for plugin_id in (f"{VST3}ZamEQ2.vst3", "lv2:urn:zamaudio:ZamEQ2"):
        plugin = load(plugin_id)
        plugin.set_parameter(plugin.find_parameter("Master Gain"), 0.25)
        state = plugin.get_state()
        for broken in (b"noise" * 100, state[:40], b"\0" * 300):
            with pytest.raises(WorkerError, match="rejected a state"):
                plugin.set_state(broken)
        gain = plugin.get_parameter(plugin.find_parameter("Master Gain"))
        assert gain == pytest.approx(0.25, abs=1e-4)
        play(plugin, noise(256))  # blocks are let in again


@own_process
def test_programs_change_the_sound_and_keep_their_order() -> None:
    for plugin_id in (f"{MDA}DX10", f"{VST3}ZamEQ2.vst3"):
        plugin = load(plugin_id)
        names = plugin.programs
        assert len(names) > 2 and (not plugin_id.startswith("lv2") or names == sorted(names))
        before = plugin.get_parameters()
        plugin.set_program(2)
        play(plugin, noise(512))
        assert plugin.get_parameters() != before
        for index in (-1, len(names)):
            with pytest.raises(WorkerError, match="has programs 0 to"):
                plugin.set_program(index)


@own_process
def test_a_program_is_heard_and_saved() -> None:
    plugin = load(f"{VST3}ZamEQ2.vst3")
    plain, _ = play(load(f"{VST3}ZamEQ2.vst3"), noise(512))
    plugin.set_program(2)
    heard, _ = play(plugin, noise(512))
    assert np.abs(heard - plain).max() > 0.01
    restored = load(f"{VST3}ZamEQ2.vst3")
    restored.set_state(plugin.get_state())
    sounding = slice(3, None)  # those before tell the block size, the rate, the program's number
    assert restored.get_parameters()[sounding] == pytest.approx(
        plugin.get_parameters()[sounding], abs=1e-4
    )


@own_process
def test_texts_are_understood_or_refused() -> None:
    eq = load(f"{VST3}ZamEQ2.vst3")
    gain = eq.find_parameter("master gain")
    for text in ("-6 dB", "-6", "-6.0 db"):
        assert eq.parameter_from_text(gain, text) == pytest.approx(0.25, abs=1e-5)
    frequency = eq.find_parameter("Frequency 1")
    two_k = eq.parameter_from_text(frequency, "2 kHz")
    assert float(eq.parameter_text(frequency, two_k).split()[0]) == pytest.approx(2000, abs=0.1)
    for text in ("-99 dB", "loud", "", "40 dB"):
        with pytest.raises(WorkerError, match="it goes from -12"):
            eq.parameter_from_text(gain, text)
    lv2 = load("lv2:urn:zamaudio:ZamEQ2")
    switch = lv2.find_parameter("Peaks ON")
    assert lv2.parameter_from_text(switch, "on") == 1.0  # JUCE itself takes it for off
    assert lv2.parameter_from_text(switch, "Off") == 0.0


@own_process
def test_blocks_are_refused_while_a_state_is_restored_and_after_closing() -> None:
    import threading

    from sandbox._native import Slot

    plugin = load(f"{VST3}ZamEQ2.vst3")
    state = plugin.get_state()
    slot = Slot(plugin.processors, 256)
    audio = noise(256)
    stop = threading.Event()
    played = []

    def audio_thread() -> None:
        while not stop.is_set():
            played.append(slot.process(audio)[0])

    thread = threading.Thread(target=audio_thread)
    thread.start()
    rounds = 0
    while rounds < 50 or (len(played) <= 10 and thread.is_alive()):
        rounds += 1
        plugin.set_state(state)
        plugin.set_program(1)
        plugin.set_parameter(3, 0.5)
        plugin.get_state()
    stop.set()
    thread.join()
    assert len(played) > 10 and all(np.isfinite(block).all() for block in played)
    plugin.close()
    plugin.close()
    np.testing.assert_array_equal(slot.process(audio)[0], audio)
    with pytest.raises(WorkerError, match="is closed"):
        plugin.get_state()


@own_process
def test_loading_and_closing_again_and_again_is_harmless() -> None:
    for plugin_id in (f"{VST3}ZamEQ2.vst3", f"{MDA}Delay"):
        for _ in range(20):
            plugin = load(plugin_id)
            play(plugin, noise(256))
            plugin.close()
