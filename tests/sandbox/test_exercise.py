# SPDX-License-Identifier: GPL-3.0-or-later
"""Playing a plugin for a scan: what goes in, and what is seen of what comes out."""

import pytest

from ipc.errors import WorkerError
from ipc.messages import Probe
from sandbox._native import Slot, exercise
from sandbox.backends import name_of, open_plugin
from sandbox.loading import Phases
from sandbox.probing import probe
from tests.fixtures.build import fixture_library

pytestmark = pytest.mark.sanitize

RATE, FRAMES = 48000.0, 512


def played(plugin_id: str, noise: bool = True, blocks: int = 94):  # type: ignore[no-untyped-def]
    plugin = open_plugin(plugin_id, sample_rate=RATE, max_frames=FRAMES, single=True)
    return exercise(Slot(plugin.processors, FRAMES), blocks, FRAMES, RATE, noise=noise)


def test_noise_goes_through_and_silence_stays() -> None:
    heard = played("builtin:gain")
    assert heard.peak == pytest.approx(0.25, rel=0.001)
    assert (heard.nonfinite, heard.refused_blocks) == (0, 0)
    assert 0 < heard.longest_ms <= heard.total_ms
    assert played("builtin:gain", noise=False).peak == 0.0


def test_the_note_is_held_for_half_of_the_time_and_ends() -> None:
    assert played("builtin:synth").peak > 0.01
    assert played("builtin:synth", noise=False).peak == 0.0
    assert played("builtin:midi-transpose").midi_out == 2


def test_samples_that_are_no_numbers_are_counted() -> None:
    library = fixture_library("scan_fixture")
    heard = played(f"ladspa:{library}#nan", blocks=10)
    assert heard.nonfinite == 20  # one a block, on both sides
    assert heard.peak == pytest.approx(0.25, rel=0.01)


def test_a_probe_goes_through_all_phases_in_their_order() -> None:
    announced: list[str] = []
    library = fixture_library("scan_fixture")
    for plugin in (f"ladspa:{library}#works", "builtin:gain"):
        announced.clear()
        phases = Phases(announced.append)
        probed = probe(Probe(plugin=plugin), phases, lambda: None)
        course = ["load", "create", "activate", "describe", "process", "save", "destroy"]
        assert announced == course and list(probed.phases_ms) == course
        assert probed.description.id == plugin
        assert probed.description.state_bytes > 0
        assert probed.deep is None and probed.refused_blocks == 0


def test_what_fails_says_in_which_phase() -> None:
    library = fixture_library("scan_fixture")
    for plugin, phase in (
        (f"ladspa:{library}#refuses", "create"),
        (f"ladspa:{library}x#works", "load"),
        ("builtin:nothing", "create"),
    ):
        phases = Phases(lambda name: None)
        with pytest.raises(WorkerError):
            probe(Probe(plugin=plugin), phases, lambda: None)
        assert phases.current == phase


def test_names_that_are_known_without_running_anything() -> None:
    assert name_of("builtin:gain") == ""
    assert name_of(f"ladspa:{fixture_library('scan_fixture')}#works") == ""
