# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of the checks is true, and told of all of them."""

import re
from pathlib import Path

import numpy as np
import pytest

from host.plugin_id import PluginFormat
from host.stress.checks import ALL, BY_NAME
from host.stress.checks.realtime import is_its_own, own_libraries
from host.stress.checks.state import Played, lost_values
from host.stress.runner import StressOptions, chosen
from ipc.description import PluginDescription
from ipc.rig_calls import Place, Render, Violation
from ipc.sound_measures import delay_between, octaves_db, residue_db, sounding_frames
from sandbox.rig_sound import sound_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "stress.md"
INSTALLED = ("vst3", "lv2", "clap", "ladspa")


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_the_document_says_of_each_check_what_it_says_itself(check: type) -> None:
    formats = [one for one in INSTALLED if PluginFormat(one) in check.formats]
    told = "all" if len(formats) == len(INSTALLED) else ", ".join(formats)
    row = f"| `{check.name}` | {check.level} | {told} | {check.what} | {check.means} |"
    assert row in DOCUMENT.read_text(encoding="utf-8")


def test_names_are_kebab_case_and_levels_within_bounds() -> None:
    assert len(BY_NAME) == len(ALL)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", check.name) for check in ALL)
    assert all(1 <= check.level <= 10 for check in ALL)


def test_a_level_brings_all_below_it_and_only_counts_at_any_level() -> None:
    assert {check.level for check in chosen(ALL, StressOptions(level=2))} == {1, 2}
    one = frozenset({"bears-lack-of-memory"})
    assert [c.name for c in chosen(ALL, StressOptions(level=1, only=one))] == list(one)
    assert not chosen(ALL, StressOptions(level=1, only=one, skip=one))


def test_a_violation_is_a_plugins_only_with_its_code_on_the_stack(tmp_path: Path) -> None:
    bundle = tmp_path / "some.vst3"
    code = bundle / "Contents" / "x86_64-linux"
    code.mkdir(parents=True)
    (code / "some.so").touch()
    own = own_libraries(PluginDescription(id="x", name="x", format="vst3", path=str(bundle)))
    above = Violation("lock", "pthread_mutex_lock", 1, [Place("/a/_core.so", 1, "juce::lock")])
    inside = Violation(
        "lock", "pthread_mutex_lock", 1, [Place("/b/libm.so.6", 1, "f"), Place("/c/some.so", 2)]
    )
    assert not is_its_own(above, own)
    assert is_its_own(inside, own)


@pytest.mark.parametrize("latency", [0, 256])
def test_a_filter_is_no_latency(latency: int) -> None:
    """It is loudest some frames after it has begun; what it reports is right all the same."""
    noise = np.random.RandomState(1).uniform(-1, 1, 48000).astype(np.float32)
    heard = np.concatenate([np.zeros(latency, np.float32), noise])[: len(noise)]
    for _ in range(8):  # an all-pass filter after the other
        heard = np.convolve(heard, 0.75 * (-0.5) ** np.arange(32))[: len(noise)] + 0.5 * np.roll(
            np.convolve(heard, 0.75 * (-0.5) ** np.arange(32))[: len(noise)], 1
        )
    heard = np.convolve(heard, [0.1, 0.2, 0.4, 1.0, 0.4, 0.2, 0.1])[: len(noise)]
    found = delay_between(noise[24000:], heard[24000:].astype(np.float32))
    assert latency < found.strongest and found.agrees_with(latency)
    assert not found.agrees_with(latency - 50) and not found.agrees_with(latency + 50)


def test_measures_of_sound() -> None:
    noise = np.random.RandomState(1).uniform(-1, 1, 4800).astype(np.float32)
    late = np.concatenate([np.zeros(64, np.float32), noise[:-64]])
    found = delay_between(noise, late)
    assert (found.first, found.strongest) == (64, 64) and found.likeness > 0.9
    assert [found.agrees_with(frames) for frames in (0, 62, 63, 64, 65, 66)] == [
        False, False, True, True, True, False
    ]  # fmt: skip
    assert sounding_frames(np.stack([late, late * 0]), 0.5) > 4000
    assert sounding_frames(np.zeros((2, 10), np.float32), 0.1) == 0
    assert residue_db(noise, noise) == -np.inf
    assert residue_db(noise, noise * np.float32(0.9)) == pytest.approx(-20, abs=0.1)


def test_a_value_is_lost_whoever_set_it_but_not_that_of_a_meter() -> None:
    silence = np.zeros((1, 1), np.float32)
    # As it was set, moved by another one, a meter, kept.
    set_ = Played([0.2, 0.7, 0.9, 0.4], b"", silence, [0.2, 0.7, 0.1, 0.4])
    restored = Played([0.5, 0.5, 0.5, 0.405], b"", silence, [0.5, 0.5, 0.5, 0.405])
    assert lost_values(set_, restored) == {0, 1}


@pytest.mark.parametrize("rate", [44100.0, 96000.0])
def test_octaves_are_as_loud_at_any_rate(rate: float) -> None:
    time = np.arange(rate) / rate
    sine = 0.5 * np.sin(2 * np.pi * 997 * time)[np.newaxis]
    levels = octaves_db(sine.astype(np.float32), rate)
    assert levels[1000] == pytest.approx(-9.03, abs=0.1)
    assert levels[250] < -60 and levels[4000] < -60


@pytest.mark.parametrize("rate", [44100, 96000])
def test_a_band_of_noise_is_the_same_at_each_rate(rate: int) -> None:
    def levels(rate: int) -> dict[int, float]:
        call = Render(frames=2 * rate, source="band", gain=1.0)
        sound = sound_of(call, 2, float(rate))
        assert np.abs(sound).max() < 1.0
        return octaves_db(sound[:, rate:], rate)

    assert levels(rate) == pytest.approx(levels(48000), abs=1e-3)


@pytest.mark.parametrize("slow", [True, False])
def test_what_a_processor_does_not_show_is_not_passed(
    slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.stress.denormals.are_slow", lambda: slow)
    plugin = PluginDescription(id="x", name="x", format="vst3", path="x")
    why = BY_NAME["not-slower-for-quiet-sounds"]().unfit(plugin)
    assert ("this processor takes no longer" in why) is not slow
