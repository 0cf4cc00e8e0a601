# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth plugin info`: asked of the plugin itself; one that crashes costs a line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.build import fixture_library

pytestmark = pytest.mark.process

Cli = Callable[..., Any]


@pytest.mark.parametrize(
    ("plugin", "name", "shape"),
    [
        ("vst3:/usr/lib/vst3/ZamEQ2.vst3", "ZamEQ2", (1, 1)),
        ("lv2:http://drobilla.net/plugins/mda/EPiano", "MDA ePiano", (0, 2)),
        ("ladspa:/usr/lib/ladspa/plate_1423.so#plate", "Plate reverb", (1, 2)),
        ("clap:/usr/lib/clap/ZamCompX2.clap", "ZamCompX2", (2, 2)),
        ("pedalboard:Reverb", "Reverb", (2, 2)),
        ("builtin:gain", "Gain", (2, 2)),
    ],
)
def test_every_format_is_described(
    run_cli: Cli, plugin: str, name: str, shape: tuple[int, int]
) -> None:
    ended = run_cli("plugin", "info", plugin, "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert (found["id"], found["name"]) == (plugin, name)
    assert (found["in_channels"], found["out_channels"]) == shape
    assert found["parameters"]
    for index, parameter in enumerate(found["parameters"]):
        assert parameter["index"] == index
        assert 0.0 <= parameter["default"] <= 1.0
        assert {"id", "name", "unit", "steps", "boolean", "automatable"} <= set(parameter)


def test_people_see_ports_parameters_and_ranges(run_cli: Cli) -> None:
    ended = run_cli("plugin", "info", "vst3:/usr/lib/vst3/ZamEQ2.vst3")
    lines = ended.out.splitlines()
    assert lines[0].split() == ["name", "ZamEQ2"]
    assert "audio       1 in, 1 out" in lines
    assert any(line.startswith("programs    4: Zero, CarvedBass") for line in lines)
    (frequency,) = [line for line in lines if "Frequency 1" in line]
    assert "500.000000 Hz" in frequency
    assert "20.000000 Hz to 14000.000000 Hz" in frequency


def test_an_instrument_says_so(run_cli: Cli) -> None:
    ended = run_cli("plugin", "info", "lv2:http://drobilla.net/plugins/mda/EPiano")
    assert "kind        instrument" in ended.out
    assert "MIDI        in\n" in ended.out


def test_hidden_parameters_are_left_out_and_read_only_ones_say_so(run_cli: Cli) -> None:
    plugin = f"clap:{fixture_library('clap_fixture')}#all"
    ended = run_cli("plugin", "info", plugin)
    assert "kind        effect (utility, stereo)" in ended.out
    assert "audio       2 in, 2 out, 2 side-chain" in ended.out
    (called,) = [line for line in ended.out.splitlines() if " Called " in line]
    assert "101 steps, read-only" in called
    assert "Secret" not in ended.out
    told = json.loads(run_cli("plugin", "info", plugin, "--json").out)
    assert [p["name"] for p in told["parameters"] if p["hidden"]] == ["Secret"]


def test_a_relative_path_is_found(
    run_cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/usr/lib/vst3")
    assert run_cli("plugin", "info", "vst3:ZamEQ2.vst3/").code == 0
    assert run_cli("plugin", "info", "clap:../clap/ZamEQ2.clap").code == 0


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ("vst3:/nowhere/x.vst3", "/nowhere/x.vst3 does not exist"),
        ("lv2:http://example.org/none", "http://example.org/none"),
        ("clap:/nowhere/x.clap", "/nowhere/x.clap does not exist"),
        ("builtin:none", "there is no built-in device 'none'"),
        ("x.vst3", "expected an id such as"),
        ("lv2:http://drobilla.net/plugins/mda/Dely", "plugins/mda/Delay"),
        ("lv2:epiano", "http://drobilla.net/plugins/mda/EPiano"),
        ("lv2:", "which LV2 plugin? installed are http://"),
        ("ladspa:/usr/lib/ladspa/amp.so", "several plugins; write ladspa:PATH#LABEL, labels: amp_"),
    ],
)
def test_a_plugin_that_is_not_there_is_one_line(run_cli: Cli, plugin: str, said: str) -> None:
    ended = run_cli("plugin", "info", plugin, "--json")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert json.loads(run_cli("crashes", "--json").out)["crashes"] == []


def test_the_only_plugin_of_a_ladspa_file_needs_no_label(run_cli: Cli) -> None:
    found = json.loads(
        run_cli("plugin", "info", "ladspa:/usr/lib/ladspa/plate_1423.so", "--json").out
    )
    assert found["id"] == "ladspa:/usr/lib/ladspa/plate_1423.so#plate"


def test_a_plugin_that_crashes_is_one_line(run_cli: Cli) -> None:
    ended = run_cli("plugin", "info", "fault:load-segv")
    assert (ended.code, ended.out) == (1, "")
    found = re.fullmatch(
        r"isobooth: fault:load-segv: crashed while it was loaded \(SIGSEGV\) "
        r"\(crash report (\S+)\)\n",
        ended.err,
    )
    assert found is not None, ended.err
    report = json.loads(run_cli("crashes", "show", found[1], "--json").out)
    assert (report["plugin_id"], report["kind"]) == ("fault:load-segv", "crash")
    assert (report["phase"], report["signal"]["name"]) == ("load", "SIGSEGV")
    assert report["signature"] and report["backtrace"]["threads"][0]["frames"]


def test_a_plugin_that_hangs_is_one_line(run_cli: Cli) -> None:
    ended = run_cli("plugin", "info", "fault:load-hang", "--limit", "0.3")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "did not load within 0.3 s and was stopped (crash report " in ended.err
    (report,) = json.loads(run_cli("crashes", "--json").out)["crashes"]
    assert report["kind"] == "load_timeout"


def test_plugin_alone_shows_its_help(run_cli: Cli) -> None:
    ended = run_cli("plugin")
    assert ended.code == 2
    assert "info" in ended.out + ended.err
