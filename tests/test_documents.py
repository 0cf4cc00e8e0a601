# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documents print works as printed, and what they list is what there is."""

import json
import re
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
import soundfile

from host.catalogue.catalogue import PluginFacts, PluginSummary
from host.crash_report import Action
from host.scan.scan import ScanSummary
from host.scan.verdict import PhaseResult, Status
from ipc.messages import DeepFindings
from sandbox import _native
from sandbox.backends import open_plugin
from sandbox.backends.builtin import DEVICES
from sandbox.backends.fault import OTHER_MOMENTS
from sandbox.backends.plugin_id import OptionReader, parse_plugin_id
from tools.bench.runner import PARTS
from tools.cli import run

DOCS = Path(__file__).parents[1] / "docs"
BUILTIN = (DOCS / "builtin.md").read_text()

Option = tuple[str, int, int, int]  # key, default, least, most


def _rows(id_prefix: str) -> dict[str, str]:
    return dict(re.findall(rf"^\| `{id_prefix}:([a-z-]+)` (\|.*)$", BUILTIN, re.MULTILINE))


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> list[Option]:
    """Every option that a device asks for from now on."""
    asked: list[Option] = []
    integer = OptionReader.integer

    def record(self: OptionReader, key: str, default: int, least: int, most: int) -> int:
        asked.append((key, default, least, most))
        return integer(self, key, default, least, most)

    monkeypatch.setattr(OptionReader, "integer", record)
    return asked


def test_every_built_in_device_is_documented_as_it_is(options: list[Option]) -> None:
    rows = _rows("builtin")
    assert list(rows) == list(DEVICES)
    for name, row in rows.items():
        options.clear()
        plugin = open_plugin(f"builtin:{name}", sample_rate=48_000.0, max_frames=64)
        for parameter in plugin.description.parameters:
            assert parameter.name in row, (name, parameter.name)
        for key, default, least, most in options:
            found = re.search(rf"`{key}`[^:]*: {least} to (\d+|a minute's) \({default}\)", row)
            assert found, (name, key)
            assert found[1] == (str(most) if most != 60 * 48_000 else "a minute's")
        documented = re.findall(r"`([a-z]+)`", row)
        assert set(documented) == {key for key, *_ in options}, name


def test_every_fault_is_documented_with_its_options(options: list[Option]) -> None:
    assert list(_rows("fault")) == [*_native.fault_kinds(), *OTHER_MOMENTS]
    for kind in _native.fault_kinds():
        open_plugin(f"fault:{kind}", sample_rate=48_000.0, max_frames=64)
    documented = re.findall(
        r"^\| `([a-z]+)` \|.*\| (\d+) to (\d+) \| (\d+) \|$", BUILTIN, re.MULTILINE
    )
    found = {(key, int(default), int(least), int(most)) for key, least, most, default in documented}
    assert found == set(options)


def test_documented_ids_can_be_read() -> None:
    for text in re.findall(r"'((?:builtin|fault):[^']+)'", BUILTIN):
        assert parse_plugin_id(text).options


def _song_of(page: str, heading: str) -> dict[str, Any]:
    found = re.search(rf"^## {heading}$.*?```json\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    assert found
    song: dict[str, Any] = json.loads(found[1])
    return song


def _make_media(folder: Path) -> None:
    (folder / "audio").mkdir()
    (folder / "midi").mkdir()
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (24000, 2))
    soundfile.write(folder / "voice.wav", noise, 48000)
    soundfile.write(folder / "audio" / "drums.flac", noise, 48000)
    notes = mido.MidiTrack()
    for kind, ticks in (("note_on", 0), ("note_off", 480)):
        notes.append(mido.Message(kind, channel=2, note=60, velocity=90, time=ticks))
    mido.MidiFile(type=1, tracks=[mido.MidiTrack(), notes]).save(folder / "midi" / "pad.mid")


@pytest.mark.process
@pytest.mark.parametrize("heading", ["The smallest song", "A full example"])
def test_the_songs_in_the_documents_render_as_printed(
    heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    song = _song_of((DOCS / "song-format.md").read_text(), heading)
    if "length_s" in song:  # three minutes would be a long test
        song |= {"length_s": 3.0, "tail_s": 0.5}
    _make_media(tmp_path)
    (tmp_path / "song.json").write_text(json.dumps(song))
    report = tmp_path / "report.json"
    words = ("render", str(tmp_path / "song.json"), "-o", str(tmp_path / "out.wav"))
    assert run((*words, "--json", str(report))) == 0, capfd.readouterr().err
    told = json.loads(report.read_text())
    # What a plugin is not allowed depends on the machine's libraries, not on the song.
    warnings = [line for line in told["warnings"] if "isobooth permissions allow" not in line]
    live = ["Voice, live: its live input is silent in a render"]
    assert warnings == (live if heading == "A full example" else [])
    assert not any("refused" in event["text"] for event in told["events"])
    assert soundfile.read(tmp_path / "out.wav")[0].any()


@pytest.mark.process
def test_the_tutorial_makes_the_song_that_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "tutorial.md").read_text()
    code, song = (
        re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("python", "json")
    )
    assert code is not None and song is not None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOBOOTH_DATA", str(tmp_path / "data"))
    exec(compile(code[1], "tutorial.md", "exec"), {})
    (tmp_path / "song.json").write_text(song[1])
    assert run(("render", "song.json", "-o", "song.wav")) == 0
    written = capfd.readouterr()
    (shown,) = re.findall(r"^(song\.wav: .*); \d+ blocks", page, re.MULTILINE)
    assert written.out.startswith(shown)
    assert "parameter" not in written.err


def test_every_action_of_a_crash_report_is_documented() -> None:
    (row,) = re.findall(r"^\| `action` \|.*", (DOCS / "cli.md").read_text(), re.MULTILINE)
    assert [action.value for action in Action if f"`{action}`" not in row] == []


def test_every_part_of_the_bench_is_documented() -> None:
    text = (DOCS / "cli.md").read_text()
    section = text[text.index("## isobooth bench") :]
    assert re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE) == list(PARTS)


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_documents_link_to_files_that_exist(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (DOCS / page).read_text()):
        assert (DOCS / target).exists(), target


def test_every_key_and_status_of_a_scan_is_documented() -> None:
    page = (DOCS / "scan.md").read_text()
    listed = page.partition("| key of a plugin | is |")[2]
    of_plugin, _, of_summary = listed.partition("| key of the summary | is |")
    keys = {*PluginSummary.__struct_fields__, *PluginFacts.__struct_fields__} - {"facts"}
    missing = [key for key in keys if f"`{key}`" not in of_plugin]
    assert not missing
    assert not [key for key in ScanSummary.__struct_fields__ if f"`{key}`" not in of_summary]
    assert not [key for key in PhaseResult.__struct_fields__ if f'"{key}"' not in of_plugin]
    assert not [key for key in DeepFindings.__struct_fields__ if f'"{key}"' not in of_plugin]
    rows = set(re.findall(r"^\| `([a-z-]+)` \|", page.partition("| key")[0], re.MULTILINE))
    assert rows == {status.value for status in Status}
