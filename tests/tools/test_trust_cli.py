# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth trust`: the user sees which files are known, and decides about those that changed."""

import json
import shutil
from pathlib import Path
from typing import Any

import minisign
import numpy as np
import pytest
import soundfile

from host.permission_file import CONFIG_VARIABLE

ZAM_EQ2 = Path("/usr/lib/vst3/ZamEQ2.vst3")
KEY = minisign.KeyPair.generate().public_key

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv(CONFIG_VARIABLE, str(folder))
    return folder


def test_the_policy_is_shown_and_set(run_cli: Any, config_folder: Path) -> None:
    assert run_cli("trust", "policy") == (0, "warn\n", "")
    assert run_cli("trust", "policy", "refuse").out == "refuse\n"
    assert json.loads(run_cli("trust", "policy", "--json").out) == {"policy": "refuse"}
    assert 'policy = "refuse"' in (config_folder / "trust.toml").read_text()
    wrong = run_cli("trust", "policy", "maybe")
    assert wrong.code == 2
    assert "ask, warn, refuse" in wrong.err


def test_keys_are_added_from_text_and_file_and_removed(run_cli: Any, tmp_path: Path) -> None:
    assert run_cli("trust", "keys").out == "nobody's signatures are trusted\n"
    file = tmp_path / "zam.pub"
    file.write_bytes(bytes(KEY))
    text = KEY.to_base64().decode()
    assert run_cli("trust", "keys", "--add", f"zam={file}").code == 0
    listed = json.loads(run_cli("trust", "keys", "--add", f"other={text}", "--json").out)
    assert listed == {"keys": [{"name": "zam", "key": text}, {"name": "other", "key": text}]}
    assert run_cli("trust", "keys", "--remove", "zam").code == 0
    assert run_cli("trust", "keys", "--remove", "zam").code == 2
    assert run_cli("trust", "keys", "--add", "nonsense").code == 2
    assert run_cli("trust", "keys", "--add", "x=RWnonsense").code == 2


@pytest.mark.skipif(not ZAM_EQ2.exists(), reason="package zam-plugins is not installed")
def test_a_plugin_that_changed_is_refused_accepted_and_forgotten(
    run_cli: Any, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(ZAM_EQ2, tmp_path / "ZamEQ2.vst3"))
    plugin = f"vst3:{bundle}"
    assert "no plugin's files are known yet" in run_cli("trust").out
    assert run_cli("plugin", "info", plugin).code == 0
    assert plugin in run_cli("trust").out
    run_cli("trust", "policy", "refuse")
    [binary] = bundle.glob("Contents/*/*.so")
    binary.write_bytes(binary.read_bytes() + b"\0")
    refused = run_cli("plugin", "info", plugin)
    assert (refused.code, refused.out) == (2, "")
    assert "isobooth trust accept" in refused.err
    take, out = tmp_path / "take.wav", tmp_path / "out.wav"
    soundfile.write(take, np.zeros((4800, 2)), 48000)
    render = run_cli("render", "--chain", plugin, str(take), "-o", str(out))
    assert render.code == 2
    assert "isobooth trust accept" in render.err
    assert not out.exists()
    accepted = run_cli("trust", "accept", plugin)
    assert accepted == (0, f"{plugin} is trusted as it is now\n", "")
    assert run_cli("render", "--chain", plugin, str(take), "-o", str(out)).code == 0
    [entry] = json.loads(run_cli("trust", "--json").out)["trusted"]
    assert (entry["plugin_id"], entry["by"], entry["signer"]) == (plugin, "user", None)
    assert run_cli("trust", "forget", plugin).code == 0
    assert run_cli("trust", "forget", plugin).code == 2


@pytest.mark.skipif(not ZAM_EQ2.exists(), reason="package zam-plugins is not installed")
def test_under_the_usual_policy_a_change_is_a_warning(run_cli: Any, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(ZAM_EQ2, tmp_path / "ZamEQ2.vst3"))
    plugin = f"vst3:{bundle}"
    take, out = tmp_path / "take.wav", tmp_path / "out.wav"
    soundfile.write(take, np.zeros((4800, 2)), 48000)
    assert run_cli("render", "--chain", plugin, str(take), "-o", str(out)).err == ""
    [binary] = bundle.glob("Contents/*/*.so")
    binary.write_bytes(binary.read_bytes() + b"\0")
    again = run_cli("render", "--chain", plugin, str(take), "-o", str(out), "--force")
    assert again.code == 0
    assert "has changed since it was trusted" in again.err


def test_a_file_with_a_mistake_refuses_what_has_changed(run_cli: Any, config_folder: Path) -> None:
    config_folder.mkdir()
    (config_folder / "trust.toml").write_text('policy = "refuze"')
    told = run_cli("trust", "policy")
    assert told.code == 2
    assert "trust.toml" in told.err


@pytest.mark.parametrize("plugin", ["builtin:gain", "vst3:/nowhere/X.vst3"])
def test_what_has_no_files_cannot_be_accepted(run_cli: Any, plugin: str) -> None:
    ended = run_cli("trust", "accept", plugin)
    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
