# SPDX-License-Identifier: GPL-3.0-or-later
"""LADSPA: hints, layouts, latency and errors on plugins made for it; then the installed ones."""

from pathlib import Path

import numpy as np
import pytest

from ipc.errors import WorkerError
from sandbox._native import LadspaFile
from sandbox.backends import LoadedPlugin, open_plugin
from tests.fixtures.build import fixture_library
from tests.fixtures.playing import RATE, noise, play

pytestmark = pytest.mark.sanitize

INSTALLED = Path("/usr/lib/ladspa")
needs_swh = pytest.mark.skipif(
    not (INSTALLED / "sc1_1425.so").exists(), reason="package swh-plugins is not installed"
)


def load(label: str, rate: float = RATE, max_frames: int = 512) -> LoadedPlugin:
    library = fixture_library("ladspa_fixture")
    return open_plugin(f"ladspa:{library}#{label}", sample_rate=rate, max_frames=max_frames)


def test_every_plugin_of_a_file_can_be_opened() -> None:
    labels = [d.label for d in LadspaFile(str(fixture_library("ladspa_fixture"))).descriptors]
    assert labels == ["hints", "odd", "delay", "liar", "refuses"]
    for label in labels[:4]:
        assert load(label).description.name == f"Fixture {label}"


def test_hints_become_ranges_defaults_and_units() -> None:
    told = [
        (p.name, p.unit, p.min_value, p.max_value, p.default_value, p.steps)
        for p in load("hints").description.parameters
    ]
    assert told == [
        ("Level (dB)", "dB", -60.0, 20.0, 0.0, 0),
        ("Cutoff [Hz]", "Hz", 10.0, 1000.0, pytest.approx(100.0), 0),
        ("Stages", "", 0.0, 8.0, 2.0, 9),
        ("Switch", "", 0.0, 1.0, 1.0, 2),
        ("Share", "", 0.0, 12_000.0, 12_000.0, 0),  # a quarter of the sample rate
        ("Open", "", 0.0, 200.0, 100.0, 0),
        ("Tuning", "", 1.0, 880.0, 440.0, 0),
        ("Größe", "", 2.0, 3.0, 2.0, 0),  # written in Latin-1
    ]


def test_a_logarithmic_range_is_halved_at_its_geometric_mean() -> None:
    plugin = load("hints")
    assert plugin.parameter_text(1, 0.5) == "100.0 Hz"
    assert plugin.parameter_from_text(1, "1000 Hz") == 1.0


def test_a_range_in_sample_rates_keeps_its_plain_value_at_another_rate() -> None:
    plugin = load("hints")
    index = plugin.find_parameter("Share")
    plugin.set_parameter(index, plugin.parameter_from_text(index, "6000"))
    other = load("hints", rate=96_000.0)
    other.set_state(plugin.get_state())
    assert other.parameter_text(index, other.get_parameter(index)) == "6000"
    assert other.get_parameter(index) == pytest.approx(0.25)


def test_a_control_reaches_the_plugin_on_its_frame() -> None:
    # The first two outputs of "hints" are its first two controls, Level and Cutoff.
    heard, _ = play(
        load("hints"),
        noise(600),
        block=200,
        changes=[(0, 0, 1.0), (77, 0, 0.0), (77, 1, 0.0), (78, 1, 1.0), (399, 0, 0.5)],
    )
    level, cutoff = heard
    assert np.all(level[:77] == 20.0) and np.all(level[77:399] == -60.0)
    assert np.all(level[399:] == -20.0)
    np.testing.assert_allclose(cutoff[:77], 100.0, rtol=1e-6)
    assert np.all(cutoff[77:78] == 10.0) and np.all(cutoff[78:] == 1000.0)


def test_the_last_of_several_changes_at_one_frame_counts() -> None:
    heard, _ = play(load("hints"), noise(64), changes=[(10, 0, v) for v in (0.1, 0.9, 1.0)])
    assert np.all(heard[0, 10:] == 20.0)


def test_discrete_values_have_no_positions_in_between() -> None:
    plugin = load("hints")
    stages = plugin.find_parameter("Stages")
    plugin.set_parameter(stages, 0.3)
    assert plugin.get_parameter(stages) == 0.25
    assert plugin.parameter_text(stages, 0.3) == "2"
    assert plugin.parameter_text(plugin.find_parameter("Switch"), 1.0) == "on"


def test_odd_layouts_are_fitted_and_buffers_are_never_shared() -> None:
    plugin = load("odd")
    assert (plugin.description.in_channels, plugin.description.out_channels) == (3, 5)
    audio = noise(300)
    heard, _ = play(plugin, audio)
    np.testing.assert_array_equal(heard[0], audio[0])
    np.testing.assert_array_equal(heard[1], np.float32(2) * audio[1])


def test_a_latency_port_is_honoured_from_the_start() -> None:
    plugin = load("delay")
    assert len(plugin.processors) == 2  # mono
    assert plugin.latency_frames == plugin.description.latency_frames == 37
    audio = noise(300)
    heard, _ = play(plugin, audio)
    np.testing.assert_array_equal(heard[:, 37:], audio[:, :-37])
    assert not np.any(heard[:, :37])


def test_a_latency_that_is_no_number_is_none() -> None:
    plugin = load("liar")
    play(plugin, noise(100))
    assert plugin.latency_frames == 0


def test_a_plugin_that_refuses_to_start_is_named() -> None:
    with pytest.raises(WorkerError, match="'refuses' refused to start at 48000 Hz"):
        load("refuses")


def test_a_wrong_or_missing_label_lists_those_of_the_file() -> None:
    for label in ("", "nope"):
        with pytest.raises(WorkerError, match="labels: hints, odd, delay, liar, refuses"):
            load(label)


def test_a_path_may_hold_a_hash_sign(tmp_path: Path) -> None:
    file = tmp_path / "c#" / "amp.so"
    file.parent.mkdir()
    file.symlink_to(fixture_library("ladspa_fixture"))
    plugin = open_plugin(f"ladspa:{file}#odd", sample_rate=RATE, max_frames=64)
    assert plugin.description.name == "Fixture odd"


def test_a_state_of_another_plugin_is_rejected() -> None:
    with pytest.raises(WorkerError, match="of 'ladspa:hints', not of 'ladspa:delay'"):
        load("delay").set_state(load("hints").get_state())


def test_loading_and_closing_again_and_again_is_harmless() -> None:
    for _ in range(30):
        plugin = load("delay")
        play(plugin, noise(64))
        plugin.close()
        plugin.close()


@needs_swh
@pytest.mark.parametrize(
    ("file", "label", "ins", "outs"),
    [
        ("filter.so", "lpf", 1, 1),
        ("filter.so", "hpf", 1, 1),
        ("amp.so", "amp_stereo", 2, 2),
        ("sine.so", "sine_fcac", 0, 1),
        ("surround_encoder_1401.so", "surroundEncoder", 4, 2),
        ("sc3_1427.so", "sc3", 3, 2),
        ("matrix_ms_st_1421.so", "matrixMSSt", 2, 2),
        ("sin_cos_1881.so", "sinCos", 0, 2),
    ],
)
def test_installed_plugins_play(file: str, label: str, ins: int, outs: int) -> None:
    if not (INSTALLED / file).exists():
        pytest.skip(f"{file} is not installed")
    plugin = open_plugin(f"ladspa:{INSTALLED / file}#{label}", sample_rate=RATE, max_frames=256)
    assert (plugin.description.in_channels, plugin.description.out_channels) == (ins, outs)
    heard, _ = play(plugin, noise(4800), block=256)
    assert np.isfinite(heard).all() and np.any(heard)
    restored = open_plugin(plugin.id, sample_rate=RATE, max_frames=256)
    restored.set_state(plugin.get_state())
    again, _ = play(restored, noise(4800), block=256)
    np.testing.assert_array_equal(again, heard)


@needs_swh
def test_the_reported_latency_is_the_measured_one() -> None:
    path = INSTALLED / "fast_lookahead_limiter_1913.so"
    plugin = open_plugin(f"ladspa:{path}", sample_rate=RATE, max_frames=256)
    impulse = np.zeros((2, 2000), np.float32)
    impulse[:, 100] = 0.5
    heard, _ = play(plugin, impulse, block=256)
    assert plugin.latency_frames > 0
    assert np.argmax(np.abs(heard[0])) == 100 + plugin.latency_frames
