# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no plugin is refused in one line that says what to write instead."""

from pathlib import Path

import pytest

from ipc.errors import WorkerError
from sandbox.backends import FORMATS, open_plugin, warm
from sandbox.backends.plugin_id import parse_plugin_id
from tests.fixtures.build import fixture_library


def refusal(plugin_id: str, sample_rate: float = 48_000.0, max_frames: int = 128) -> str:
    with pytest.raises(WorkerError) as caught:
        open_plugin(plugin_id, sample_rate=sample_rate, max_frames=max_frames)
    message = str(caught.value)
    assert message and "\n" not in message
    return message


def test_an_lv2_uri_keeps_its_question_marks_and_fragments() -> None:
    parsed = parse_plugin_id("lv2:http://example.org/p?a=b#c")
    assert parsed.location == "http://example.org/p?a=b#c"
    assert parsed.options == {}


def test_options_of_our_own_devices_are_read() -> None:
    parsed = parse_plugin_id("fault:sleep?after=3&ms=10")
    assert (parsed.format, parsed.location) == ("fault", "sleep")
    assert parsed.options == {"after": "3", "ms": "10"}


@pytest.mark.parametrize("text", ["", "gain", "vst2:/x", ":", "builtin:", "vst3:", "lv2:a\0b"])
def test_what_is_no_id_is_told_how_ids_are_written(text: str) -> None:
    assert "ladspa:PATH#LABEL" in refusal(text)


@pytest.mark.parametrize(
    ("plugin_id", "says"),
    [
        ("builtin:gian", "there are gain, tone, synth"),
        ("builtin:gain?loudness=3", "no option 'loudness'"),
        ("builtin:latency?frames=many", "frames is a whole number from 0"),
        ("builtin:latency?frames=-1", "frames is a whole number from 0"),
        ("builtin:passthrough?in=65", "from 0 to 64"),
        ("builtin:gain?x", "write KEY=VALUE"),
        ("builtin:latency?frames=1&frames=2", "each once"),
        ("fault:sgv", "there are segv, abort"),
        ("fault:segv?after=-1", "after is a whole number"),
        ("fault:segv?ms=3", "known: after, every, times"),
        ("vst3:/nowhere/X.vst3", "/nowhere/X.vst3 does not exist"),
        ("vst3:/usr/lib", "does not end in .vst3"),
        ("ladspa:/nowhere/x.so#amp", "/nowhere/x.so does not exist"),
        ("ladspa:/usr/lib", "is a folder"),
        ("clap:/nowhere/x.clap", "/nowhere/x.clap does not exist"),
        ("clap:/usr/lib", "is a folder"),
        ("pedalboard:Revreb", "it has Bitcrush, "),
    ],
)
def test_what_cannot_be_loaded_is_named(plugin_id: str, says: str) -> None:
    assert says in refusal(plugin_id)


@pytest.mark.parametrize("rate", [0.0, -48_000.0, float("nan"), float("inf"), 1e9])
def test_impossible_sample_rates_are_refused(rate: float) -> None:
    assert "sample rate" in refusal("builtin:gain", sample_rate=rate)


@pytest.mark.parametrize("frames", [0, -1, 8193])
def test_impossible_block_sizes_are_refused(frames: int) -> None:
    assert "1 to 8192 frames" in refusal("builtin:gain", max_frames=frames)


def test_a_bundle_without_code_for_this_machine_is_refused(tmp_path: Path) -> None:
    bundle = tmp_path / "Other.vst3"
    (bundle / "Contents" / "MacOS").mkdir(parents=True)
    assert "no code for this machine" in refusal(f"vst3:{bundle}")


def test_a_file_that_is_no_ladspa_plugin_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.so"
    path.write_text("not a library")
    assert "cannot be loaded" in refusal(f"ladspa:{path}#x")


def test_a_file_that_is_no_clap_plugin_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.clap"
    path.write_text("not a library")
    assert "cannot be loaded" in refusal(f"clap:{path}")
    assert "it has no clap_entry" in refusal(f"clap:{fixture_library('ladspa_fixture')}")


def test_only_known_formats_can_be_warmed() -> None:
    with pytest.raises(WorkerError, match="vst3, lv2, clap, ladspa"):
        warm("vst2")
    assert "vst2" not in FORMATS
