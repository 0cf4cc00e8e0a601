# SPDX-License-Identifier: GPL-3.0-or-later
"""pedalboard's own effects: ranges, streaming, latency, state."""

import sys
import weakref

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox._native import PythonProcessor, Slot
from sandbox.backends import LoadedPlugin, open_plugin
from sandbox.backends.pedalboard import _NOT_EFFECTS
from tests.fixtures.playing import RATE, noise, play

pedalboard = pytest.importorskip("pedalboard")

EFFECTS = [
    name
    for name in dir(pedalboard)
    if name[0] != "_"
    and name not in _NOT_EFFECTS
    and isinstance(getattr(pedalboard, name), type)
    and issubclass(getattr(pedalboard, name), pedalboard.Plugin)
]


def load(name: str, max_frames: int = 512) -> LoadedPlugin:
    if name == "PitchShift":
        pytest.skip("pedalboard's PitchShift does not stream")
    return open_plugin(f"pedalboard:{name}", sample_rate=RATE, max_frames=max_frames)


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_takes_its_whole_range_and_plays_any_block(name: str) -> None:
    with load(name) as plugin:
        assert "not real-time" in plugin.description.remarks[0]
        count = len(plugin.parameter_names)
        for value in (0.0, 1.0, 0.5):
            for index in range(count):
                plugin.set_parameter(index, value)
            for block in (512, 100, 1):
                heard, _ = play(plugin, noise(block * 4), block=block)
                assert heard.shape == (2, block * 4)
                assert not np.isnan(heard).any()


@pytest.mark.parametrize("name", ["BrickwallLimiter", "Resample", "MP3Compressor", "Clipping"])
def test_the_output_is_as_late_as_reported(name: str) -> None:
    with load(name) as plugin:
        latency = plugin.latency_frames
        if name == "Resample":
            plugin.set_parameter(plugin.find_parameter("target sample rate"), 1.0)
        # A beep: an effect that works on spectra smears a click.
        audio = np.zeros((2, latency + 12_000), np.float32)
        audio[:, 2000:6800] = 0.3 * np.sin(2 * np.pi * 440 / RATE * np.arange(4800))
        heard, _ = play(plugin, audio, block=512)
        assert plugin.latency_frames == latency
        loud = np.flatnonzero(np.abs(heard[0]) > 0.1)
        assert abs(int(loud[0]) - 2000 - latency) < 300
        assert abs(int(loud[-1]) - 6800 - latency) < 300


def test_an_effect_without_look_ahead_is_three_frames_late() -> None:
    with load("Invert") as plugin:
        audio = noise(600)
        for block in (512, 1, 2, 3, 4, 100):
            heard, _ = play(load("Invert"), audio, block=block)
            np.testing.assert_array_equal(heard[:, 3:], -audio[:, :-3])
        assert plugin.latency_frames == 3


def test_no_effect_is_silent_in_blocks() -> None:
    for name in EFFECTS:
        try:
            plugin = open_plugin(f"pedalboard:{name}", sample_rate=RATE, max_frames=128)
        except WorkerError as error:
            assert "gives silence when this effect is fed block by block" in str(error)
            continue
        with plugin:
            heard, _ = play(plugin, noise(60_000), block=128)
            assert np.max(np.abs(heard[:, 30_000:])) > 1e-3, name


def test_streaming_equals_one_call_of_the_effect() -> None:
    audio = noise(5120)
    with load("Chorus") as plugin:
        heard, _ = play(plugin, audio, block=512)
    expected = pedalboard.Chorus().process(audio, RATE, buffer_size=512)
    np.testing.assert_allclose(heard[:, 3:], expected[:, :-3], atol=1e-6)


def test_a_change_is_heard_from_its_frame_on() -> None:
    with load("Clipping") as plugin:
        audio = np.ones((2, 512), np.float32)
        quiet = plugin.parameter_from_text(0, "-20 dB")
        heard, _ = play(plugin, audio, changes=[(300, 0, quiet)])
        assert np.allclose(heard[:, 3:303], 10 ** (-6 / 20), rtol=1e-4)
        assert np.allclose(heard[:, 303:], 0.1, rtol=1e-4)


@pytest.mark.parametrize("name", ["Reverb", "LadderFilter", "Compressor", "BrickwallLimiter"])
def test_state_restores_parameters_and_sound(name: str) -> None:
    generator = np.random.default_rng(3)
    with load(name) as saved, load(name) as restored:
        for index in range(len(saved.parameter_names)):
            saved.set_parameter(index, float(np.float32(generator.random())))
        restored.set_state(saved.get_state())
        assert restored.get_parameters() == saved.get_parameters()
        first, second = (play(p, noise(4096), block=512)[0] for p in (saved, restored))
        np.testing.assert_array_equal(first, second)


def test_choices_are_named() -> None:
    with load("LadderFilter") as plugin:
        mode = plugin.find_parameter("Mode")
        assert plugin.parameter_text(mode, plugin.parameter_from_text(mode, "hpf24")) == "HPF24"


def test_what_python_raises_refuses_the_block_and_is_shown_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda event: shown.append(str(event.exc_value)))

    def fail(frames: int, changes: list[tuple[int, float]]) -> int:
        raise ValueError("no more")

    def answer_wrongly(frames: int, changes: list[tuple[int, float]]) -> int:
        return "late"  # type: ignore[return-value]

    audio = noise(64)
    for callback in (fail, answer_wrongly):
        processor = PythonProcessor(callback, [], RATE, 64, 2, 0)
        for _ in range(3):
            np.testing.assert_array_equal(Slot([processor], 64).process(audio)[0], audio)
        processor.close()
    assert shown == ["no more", "a block's callback must return its latency in frames"]


def test_a_closed_effect_refuses_blocks_and_is_freed() -> None:
    plugin = load("Gain")
    plugin.close()
    audio = noise(64)
    np.testing.assert_array_equal(play(plugin, audio)[0], audio)


def test_an_effect_that_nobody_closed_is_freed_with_its_processor() -> None:
    class Callback:
        planes: object

        def __call__(self, frames: int, changes: list[tuple[int, float]]) -> int:
            return 0

    callback = Callback()
    processor = PythonProcessor(callback, [], RATE, 64, 2, 0)
    callback.planes = (processor.input, processor.output)
    freed = weakref.ref(callback)
    del callback, processor
    assert freed() is None
