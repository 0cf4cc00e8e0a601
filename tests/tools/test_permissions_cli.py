# SPDX-License-Identifier: GPL-3.0-or-later
"""`isobooth permissions`, and how renders tell what a plugin was denied."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from host.permission_file import CONFIG_VARIABLE, load_permissions
from ipc import confinement
from ipc.aside import aside
from sandbox._native import landlock_abi
from tests.fixtures.build import fixture_library
from tests.tools.conftest import RunCli

VERB = "vst3:/usr/lib/vst3/ZamVerb.vst3"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("STATE", "DATA", "CONFIG"):
        monkeypatch.delenv(f"XDG_{kind}_HOME")
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "settings"))
    return tmp_path


def test_what_is_allowed_is_listed_shown_and_taken_back(run_cli: RunCli, home: Path) -> None:
    (home / "Samples").mkdir()
    assert run_cli("permissions").out.startswith("no exceptions")
    done = run_cli(
        *("permissions", "allow", VERB, "--read", "~/Samples", "--network", "--memory", "512"),
        "--display",
    )
    assert done.code == 0, done.err
    again = run_cli("permissions", "allow", VERB, "--profile", "strict", "--read", "/usr")
    assert (
        "profile strict; read ~/Samples, /usr; network; windows on the display; 512 MiB of memory"
        in again.out
    )
    listed = json.loads(run_cli("permissions", "--json").out)
    assert listed["plugins"][0]["read"] == ["~/Samples", "/usr"]
    shown = json.loads(run_cli("permissions", "show", VERB, "--json").out)
    assert shown["profile"] == "strict"
    assert str(home / "Samples") in shown["read"]
    assert (shown["network"], shown["display"], shown["memory_mb"]) == (True, True, 512)
    assert run_cli("permissions", "remove", VERB).code == 0
    gone = run_cli("permissions", "remove", VERB)
    assert (gone.code, gone.out) == (2, "")
    assert "there are none" in gone.err


def test_a_file_that_is_there_is_meant_alone_whatever_it_is_called(
    run_cli: RunCli, home: Path
) -> None:
    for name in ("*.clap", "other.clap"):
        (home / name).touch()
    assert run_cli("permissions", "allow", f"clap:{home}/*.clap", "--network").code == 0
    rules = load_permissions()
    assert rules.of(f"clap:{home}/*.clap").network
    assert not rules.of(f"clap:{home}/other.clap").network
    listed = json.loads(run_cli("permissions", "--json").out)["plugins"][0]["id"]
    assert listed == f"clap:{home}/[*].clap"
    assert run_cli("permissions", "remove", listed).code == 0
    assert run_cli("permissions", "allow", f"clap:{home}/o*.clap", "--network").code == 0
    assert load_permissions().of(f"clap:{home}/other.clap").network


def test_a_folder_of_the_same_name_is_shown_as_of_others(run_cli: RunCli, home: Path) -> None:
    name = Path(VERB.partition(":")[2]).stem
    folder = home / ".config" / name
    folder.mkdir(parents=True)
    shown = json.loads(run_cli("permissions", "show", VERB, "--json").out)
    assert shown["of_others"] == [str(folder)]
    assert str(folder) not in shown["write"]
    assert str(home / ".cache" / name) in shown["would_own"]


def test_what_is_to_be_written_is_made(run_cli: RunCli, home: Path) -> None:
    for wanted, is_folder in ((f"{home}/log", False), (f"{home}/bank/", True)):
        done = run_cli("permissions", "allow", VERB, "--write", wanted)
        assert done.code == 0, done.err
        assert "was not there" in done.err
        assert Path(wanted).is_dir() is is_folder
        assert Path(wanted).exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("allow", VERB), "what is allowed?"),
        (("allow", "nonsense", "--network"), "nonsense"),
        (("allow", VERB, "--read", "/no/such/place"), "/no/such/place"),
        (("allow", VERB, "--memory", "1"), "memory_mb"),
    ],
)
def test_mistakes_are_one_line(run_cli: RunCli, arguments: tuple[str, ...], told: str) -> None:
    done = run_cli("permissions", *arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert done.err.count("\n") == 1


def test_a_bad_file_is_told_with_its_line_and_allows_nothing(
    run_cli: RunCli, home: Path, data_folder: Path
) -> None:
    file = home / "settings" / "permissions.toml"
    file.parent.mkdir()
    file.write_text('profile = "open"\n[[plugin]]\nid = "*:*"\nprofile = "wide"\n')
    done = run_cli("plugin", "info", "builtin:gain")
    assert done.code == 0
    assert f"{file}: line 4: profile must be one of" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.process
@pytest.mark.skipif(landlock_abi() < 6, reason="this kernel cannot confine files")
def test_a_render_tells_what_was_denied_and_how_to_allow_it(
    run_cli: RunCli, home: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    import soundfile

    secret = home / "secret"
    secret.write_text("x")
    monkeypatch.setenv("ISOBOOTH_INTRUDER_FILE", str(secret))

    async def late(look: Callable[[], object], limit_s: float) -> object:
        """As on a machine that has much else to do: the file is rendered by then."""
        await asyncio.sleep(0.3)
        return await aside(look, limit_s)

    monkeypatch.setattr(confinement, "aside", late)
    soundfile.write(home / "in.wav", np.zeros((4800, 2), np.float32), 48000)
    plugin = f"ladspa:{fixture_library('intruder')}#reads"
    render = ("render", "--chain", plugin, str(home / "in.wav"), "-o", str(home / "out.wav"))
    done = run_cli(*render, "--json", str(home / "report.json"), "--force")
    assert done.code == 0, done.err
    command = f"isobooth permissions allow '{plugin}' --read {secret}"
    assert f"tried to read {secret}; `{command}` lets it" in done.err
    report = json.loads((home / "report.json").read_text())
    assert report["slots"][0]["denials"] == [f"read {secret}"]
    assert [event["kind"] for event in report["events"]] == ["denied"]

    assert run_cli("permissions", "allow", plugin, "--read", str(secret)).code == 0
    assert run_cli(*render, "--force").err == ""
    assert run_cli(*render, "--force", "--profile", "open").err == ""
