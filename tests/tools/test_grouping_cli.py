# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth grouping`: the user sees how plugins have behaved, and has the last word."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.process

GAIN = "builtin:gain"
BAD = "fault:segv?after=3"


@pytest.fixture
def tone(tmp_path: Path) -> str:
    wave = 0.1 * np.sin(np.arange(24000) / 20.0)
    soundfile.write(tmp_path / "tone.wav", wave, 48000)
    return str(tmp_path / "tone.wav")


def render(run_cli: Any, tone: str, *more: str) -> Any:
    output = str(Path(tone).with_name("out.wav"))
    return run_cli("render", tone, "-o", output, "--force", *more)


def test_what_is_known_after_a_render(run_cli: Any, tone: str) -> None:
    assert "nothing is known yet" in run_cli("grouping").out
    assert render(run_cli, tone, "--chain", GAIN).code == 0
    assert render(run_cli, tone, "--chain", GAIN, "--chain", BAD).code == 1
    known = {p["plugin_id"]: p for p in json.loads(run_cli("grouping", "--json").out)["plugins"]}
    assert known[GAIN]["standing"] == "unproven" and known[GAIN]["played_s"] > 0.5
    assert known[BAD]["standing"] == "alone" and known[BAD]["faults"] >= 1
    assert f"it failed on {known[BAD]['last_fault'][:10]}" in run_cli("grouping", "list").out


def test_the_user_has_the_last_word(run_cli: Any) -> None:
    assert "proven (you said so)" in run_cli("grouping", "share", BAD).out
    chosen = json.loads(run_cli("grouping", "alone", GAIN, "--json").out)["plugins"]
    assert [(p["plugin_id"], p["standing"]) for p in chosen] == [(GAIN, "alone")]
    assert "unproven" in run_cli("grouping", "auto", GAIN).out
    assert run_cli("grouping", "forget", GAIN).code == 0
    assert run_cli("grouping", "forget", GAIN).code == 2
    assert run_cli("grouping", "share", "nonsense").code == 2


def test_a_render_together_is_rendered_again_apart(run_cli: Any, tone: str) -> None:
    chain = ("--chain", GAIN, "--chain", GAIN, "--grouping", "chain")
    report = json.loads(render(run_cli, tone, *chain, "--json", "-").out)
    assert [slot["shares_with"] for slot in report["slots"]] != [[], []]
    with_fault = ("--chain", GAIN, "--chain", f"{BAD}&times=1", "--grouping", "all")
    done = render(run_cli, tone, *with_fault, "--keep-going", "--json", "-")
    report = json.loads(done.out)
    assert report["attempts"] == 2
    assert [slot["shares_with"] for slot in report["slots"]] == [[], []]
    assert report["slots"][0]["missed_blocks"] == 0


def test_a_grouping_that_does_not_exist_is_told(run_cli: Any, tone: str) -> None:
    wrong = render(run_cli, tone, "--chain", GAIN, "--grouping", "some")
    assert wrong.code == 2
    assert "plugin" in wrong.err and "vendor" in wrong.err


def test_a_plugin_that_is_not_there_is_told_but_kept(run_cli: Any) -> None:
    done = run_cli("grouping", "share", "vst3:/nowhere/ZamEQ22.vst3")
    assert done.code == 0
    assert "warning: vst3:/nowhere/ZamEQ22.vst3: the VST3 plugin" in done.err
