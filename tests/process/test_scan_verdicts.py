# SPDX-License-Identifier: GPL-3.0-or-later
"""A scan survives whatever plugins do, and gives each its right verdict."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.plugin_id import PluginFormat
from host.scan.verdict import Outcome, Status
from tests.process.scanning import Scans, by_id, fixture_copy, statuses

pytestmark = pytest.mark.process

LADSPA = (PluginFormat.LADSPA,)


@pytest.fixture
def scans(tmp_path: Path) -> Iterator[Scans]:
    opened = Scans(tmp_path / "data")
    yield opened
    opened.close()


def test_files_that_fail_when_they_are_loaded(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    for name in ("boom.so", "stuck.so", "forker.so", "hog.so", "window.so", "one.so"):
        fixture_copy(folder, name)
    (folder / "noise.vst3").write_bytes(os.urandom(10_000_000))
    (folder / "dangling.clap").symlink_to(folder / "gone")
    (folder / "presets.lv2").mkdir()
    (folder / "presets.lv2" / "manifest.ttl").write_text("# nothing")
    report = scans.scan(folder, timeout_s=1.0, memory_mb=256)
    assert statuses(report) == {
        "boom.so": Status.CRASHED,
        "stuck.so": Status.HUNG,
        "forker.so": Status.CRASHED,
        "hog.so": Status.OUT_OF_MEMORY,
        "window.so": Status.NEEDS_DISPLAY,
        "works": Status.OK,
        "noise.vst3": Status.BROKEN,
        "dangling.clap": Status.UNREADABLE,
        "presets.lv2": Status.NO_CODE,
    }
    told = scans.seen.told
    boom = told[f"ladspa:{folder}/boom.so"]
    assert boom.detail == "crashed with SIGSEGV during load"
    assert boom.phases[-1].signal == "SIGSEGV" and boom.phases[-1].phase == "load"
    assert "crash" in boom.phases[-1].backtrace[0]
    assert told[f"ladspa:{folder}/forker.so"].detail.startswith("ended its process (exit code 0)")
    assert "did not come back within 1 s" in told[f"ladspa:{folder}/stuck.so"].detail
    assert any(
        "loaded" in frame for frame in told[f"ladspa:{folder}/stuck.so"].phases[-1].backtrace
    )
    assert "cannot open display" in told[f"ladspa:{folder}/window.so"].phases[-1].stderr


def test_bundles_are_known_by_their_texts(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    for name, text in (
        ("damaged", "this is no turtle {{{"),
        (
            "lacking",
            "@prefix lv2: <http://lv2plug.in/ns/lv2core#> ."
            "<urn:test:lacking> a lv2:Plugin ; lv2:binary <gone.so> .",
        ),
    ):
        (folder / f"{name}.lv2").mkdir(parents=True)
        (folder / f"{name}.lv2" / "manifest.ttl").write_text(text)
        library = folder / f"{name}.lv2" / "other.so"
        code = "void* lv2_descriptor(unsigned index) { return (void*)0; }"
        compiling = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
        subprocess.run(compiling, input=code, text=True, check=True, stderr=subprocess.DEVNULL)
    report = scans.scan(folder, formats=(PluginFormat.LV2,))
    plugins = by_id(report.plugins)
    damaged = plugins[f"lv2:{folder}/damaged.lv2"]
    lacking = plugins["lv2:urn:test:lacking"]
    assert (damaged.status, lacking.status) == (Status.BROKEN, Status.BROKEN)
    assert damaged.detail == "manifest.ttl: line 1: invalid syntax"
    assert lacking.detail == f"its library {folder}/lacking.lv2/gone.so is not there"
    assert report.summary.probed == 0
    assert scans.scan(folder, formats=(PluginFormat.LV2,)).summary.unchanged_files == 2


def test_each_phase_has_a_result(scans: Scans, tmp_path: Path) -> None:
    file = fixture_copy(tmp_path / "plugins", "many.so")
    report = scans.scan(file, formats=LADSPA, timeout_s=1.0)
    assert statuses(report) == {
        "works": Status.OK,
        "create": Status.CRASHED,
        "activate": Status.CRASHED,
        "process": Status.CRASHED,
        "spins": Status.HUNG,
        "destroy": Status.CRASHED,
        "refuses": Status.FAILED,
        "nan": Status.OK,
        "late": Status.OK,
        "phones": Status.OK,
        "last": Status.OK,
    }
    course = ("load", "create", "activate", "describe", "process", "save", "destroy")
    plugins = by_id(report.plugins)
    for label in ("create", "activate", "process", "destroy"):
        facts = plugins[f"ladspa:{file}#{label}"].facts
        assert facts is not None
        last = facts.phases[-1]
        assert (last.phase, last.outcome, last.signal) == (label, Outcome.CRASHED, "SIGSEGV")
        assert [phase.phase for phase in facts.phases] == [*course[: course.index(label)], label]
        assert all(phase.outcome is Outcome.OK for phase in facts.phases[:-1])
    works = plugins[f"ladspa:{file}#works"].facts
    assert works is not None and tuple(phase.phase for phase in works.phases) == course
    assert works.peak == pytest.approx(0.25, rel=0.01)
    spins = plugins[f"ladspa:{file}#spins"].facts
    assert spins is not None and spins.phases[-1].outcome is Outcome.HUNG
    assert "run" in spins.phases[-1].backtrace[0]
    nan = plugins[f"ladspa:{file}#nan"].facts
    assert nan is not None and nan.nonfinite_samples == 2 * 94  # a block, on both sides
    refused = plugins[f"ladspa:{file}#refuses"]
    assert "refused to start" in refused.detail
    assert refused.name == "Scan refuses"


def test_what_kills_is_blacklisted_with_reason_and_report(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    many, boom = fixture_copy(folder, "many.so"), fixture_copy(folder, "boom.so")
    with boom.open("ab") as file:
        file.write(b"other content")
    report = scans.scan(folder, formats=LADSPA, timeout_s=1.0)
    plugins = by_id(report.plugins)
    for label in ("create", "process", "spins"):
        entry = scans.blacklist.is_blacklisted(f"ladspa:{many}#{label}")
        assert entry is not None
        assert entry.reason.startswith("scan: ")
        assert entry.reports == [plugins[f"ladspa:{many}#{label}"].report]
        crash = scans.crashes.get(entry.reports[0])
        assert crash.slot == "scan" and crash.plugin_path == str(many)
        assert crash.backtrace is not None and crash.backtrace.threads
    for label in ("works", "refuses", "nan"):
        assert scans.blacklist.is_blacklisted(f"ladspa:{many}#{label}") is None
    # What a file does before it names a plugin is blamed on all that it may hold.
    entry = scans.blacklist.is_blacklisted(f"ladspa:{boom}#anything")
    assert entry is not None and entry.rule == "hash"


def test_the_same_bug_has_the_same_signature(scans: Scans, tmp_path: Path) -> None:
    file = fixture_copy(tmp_path / "plugins", "many.so")
    first = by_id(scans.scan(file, formats=LADSPA, timeout_s=1.0).plugins)
    again = by_id(scans.scan(file, formats=LADSPA, timeout_s=1.0, force=True).plugins)
    crashed = [f"ladspa:{file}#{label}" for label in ("create", "activate", "process", "destroy")]
    assert all(first[plugin].signature for plugin in crashed)
    assert len({first[plugin].signature for plugin in crashed}) == len(crashed)
    assert [first[plugin].signature for plugin in crashed] == [
        again[plugin].signature for plugin in crashed
    ]


def test_a_deep_probe_finds_a_wrong_latency(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    for name in ("late.so", "one.so"):
        fixture_copy(folder, name)
    maximizer = Path("/usr/lib/ladspa/ZaMaximX2-ladspa.so")
    deep = scans.scan(folder, maximizer, formats=LADSPA, deep=True)
    found = {plugin.name: plugin.facts.deep for plugin in deep.plugins if plugin.facts is not None}
    late = found["Scan late"]
    assert late is not None and late.measured_latency_frames == 24
    assert late.findings == ["latency: reports 48 frames, noise comes out 24 later"]
    works = found["Scan works"]
    assert works is not None and works.measured_latency_frames == 0 and not works.findings
    maxim = next(value for name, value in found.items() if "aMaximX2" in name)
    assert maxim is not None and maxim.measured_latency_frames == 480


def test_what_only_a_deep_probe_kills_is_a_finding(scans: Scans, tmp_path: Path) -> None:
    file = fixture_copy(tmp_path / "plugins", "tires.so")
    [tires] = scans.scan(file, formats=LADSPA, deep=True).plugins
    assert tires.status == Status.OK and tires.facts is not None and tires.facts.deep is not None
    assert tires.facts.deep.findings == ["the deep probe: crashed with SIGSEGV during deep"]
    assert tires.report is not None and scans.crashes.get(tires.report).backtrace is not None
    assert scans.blacklist.list() == []


def test_a_later_good_result_lifts_what_a_scan_has_blamed(scans: Scans, tmp_path: Path) -> None:
    file = fixture_copy(tmp_path / "plugins", "one.so")
    plugin = f"ladspa:{file}#works"
    scans.blacklist.add(plugin, file, "scan: hung", [])
    scans.blacklist.add(f"{plugin}2", file, "crashed while it played", [])
    scans.scan(file, formats=LADSPA)
    assert [entry.plugin_id for entry in scans.blacklist.list()] == [f"{plugin}2"]
    history = scans.blacklist.list(history=True)
    assert history[0].lifted_why == "a scan found it all right"


def test_files_that_must_not_be_read_spoil_nothing(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    good = Path(shutil.copytree("/usr/lib/lv2/ZamEQ2.lv2", folder / "Good.lv2"))
    bad = Path(shutil.copytree("/usr/lib/lv2/ZamEQ2.lv2", folder / "Bad.lv2"))
    texts = [text for text in bad.glob("*.ttl") if text.name != "manifest.ttl"]
    texts[0].unlink()
    os.mkfifo(texts[0])
    (folder / "loop").symlink_to(folder / "loop")
    huge = folder / "huge.clap"
    with huge.open("wb") as file:
        file.truncate(5 * 2**30)
    report = scans.scan(folder)
    found = {plugin.path: (plugin.status, plugin.detail) for plugin in report.plugins}
    assert found[str(good)] == ("ok", "")
    assert found[str(bad)] == ("unreadable", f"its {texts[0].name} is no regular file")
    assert found[str(huge)][0] == "unreadable" and "too large to be a plugin" in found[str(huge)][1]


def test_results_are_those_of_one_worker_each(scans: Scans, tmp_path: Path) -> None:
    """What plugins share a worker for is time, and nothing else."""
    places = (Path("/usr/lib/lv2/mda.lv2"), Path("/usr/lib/vst3/ZamDelay.vst3"))
    ladspa = fixture_copy(tmp_path / "plugins", "many.so")
    together = by_id(scans.scan(*places, ladspa, timeout_s=1.0).plugins)
    alone = by_id(scans.scan(*places, ladspa, timeout_s=1.0, force=True, alone=True).plugins)
    assert len(together) == 36 + 1 + 11
    for plugin, one in alone.items():
        for name in one.__struct_fields__:
            if name not in (
                *("load_ms", "process_ms", "memory_bytes", "report", "probed_at", "facts"),
                "first_seen_at",
                "seen_at",
            ):
                assert getattr(one, name) == getattr(together[plugin], name), (plugin, name)


def test_what_a_plugin_may_not_do_is_told(scans: Scans, tmp_path: Path) -> None:
    file = fixture_copy(tmp_path / "plugins", "many.so")
    plugins = by_id(scans.scan(file, formats=LADSPA, timeout_s=1.0).plugins)
    phones = plugins[f"ladspa:{file}#phones"]
    assert phones.status == Status.OK and phones.facts is not None
    assert phones.facts.denials == ["open a network socket"]
    works = plugins[f"ladspa:{file}#works"]
    assert works.facts is not None and works.facts.denials == []


def test_a_name_that_is_no_text_is_told(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    one = fixture_copy(folder, "one.so")
    os.rename(one, os.fsencode(folder) + b"/b\xffd.so")
    fixture_copy(folder, "one.so").rename(folder / "two\nlines.so")
    report = scans.scan(folder, formats=LADSPA)
    assert [plugin.status for plugin in report.plugins] == ["unreadable", "unreadable"]
    assert all("rename it" in plugin.detail for plugin in report.plugins)
    assert scans.scan(folder, formats=LADSPA).summary.vanished_files == 0
