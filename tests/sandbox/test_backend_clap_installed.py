# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed CLAP plugins: all of zam-plugins, and the same plugins as VST3. Each test runs in a
process of its own."""

from pathlib import Path

import numpy as np
import pytest

from sandbox.backends import LoadedPlugin, open_plugin
from tests.fixtures.own_process import own_process
from tests.fixtures.playing import RATE, noise, play

FOLDER = Path("/usr/lib/clap")

pytestmark = pytest.mark.skipif(
    not (FOLDER / "ZamEQ2.clap").exists(), reason="package zam-plugins is not installed"
)


def load(plugin_id: str) -> LoadedPlugin:
    return open_plugin(plugin_id, sample_rate=RATE, max_frames=256)


@own_process
def test_every_one_plays_and_is_restored() -> None:
    files = sorted(FOLDER.glob("Za*.clap"))
    assert len(files) > 10
    for file in files:
        plugin, restored = load(f"clap:{file}"), load(f"clap:{file}")
        assert plugin.description.name == file.stem
        for parameter in plugin.description.parameters:
            if not parameter.steps and not parameter.read_only:
                plugin.set_parameter(parameter.index, 0.375)
        restored.set_state(plugin.get_state())
        assert restored.get_parameters() == plugin.get_parameters()
        first, second = (play(p, noise(4800), block=256)[0] for p in (plugin, restored))
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, second, str(file))


@own_process
def test_a_parameter_is_heard_from_its_frame_on() -> None:
    audio = noise(1024)
    plain, _ = play(load(f"clap:{FOLDER}/ZamEQ2.clap"), audio, block=256)
    for at in (1, 100, 255, 256, 700):
        plugin = load(f"clap:{FOLDER}/ZamEQ2.clap")
        gain = plugin.find_parameter("Master Gain")
        quiet = plugin.parameter_from_text(gain, "-12")
        heard, _ = play(plugin, audio, block=256, changes=[(at, gain, quiet)])
        assert np.flatnonzero(np.any(heard != plain, axis=0))[0] == at


@pytest.mark.parametrize(
    "name", ["ZamEQ2", "ZamCompX2", "ZamDelay", "ZamTube", "ZaMaximX2", "ZamGateX2", "ZamGEQ31"]
)
@own_process
def test_clap_and_vst3_of_a_plugin_give_the_same_bits(name: str) -> None:
    clap = load(f"clap:{FOLDER}/{name}.clap")
    vst3 = load(f"vst3:/usr/lib/vst3/{name}.vst3")
    audio, generator = noise(24_000), np.random.default_rng(3)
    changed = 0
    for parameter in clap.description.parameters:
        if not parameter.steps and not parameter.read_only:
            # Quarters: exact in both formats' arithmetic.
            value = 0.25 * float(generator.integers(0, 5))
            clap.set_parameter(parameter.index, value)
            vst3.set_parameter(vst3.find_parameter(parameter.name), value)
            changed += 1
    assert changed
    first, second = (play(p, audio, block=256)[0] for p in (clap, vst3))
    np.testing.assert_array_equal(first, second)
    assert np.any(first != audio)
