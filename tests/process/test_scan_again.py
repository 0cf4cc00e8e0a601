# SPDX-License-Identifier: GPL-3.0-or-later
"""What has not changed is not run again; whatever ends a scan, the next one goes on from there."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from host.catalogue.schema import FILES
from host.permissions import PermissionRules, PluginRule
from host.plugin_id import PluginFormat
from ipc.names import runtime_folder
from ipc.processes import all_pids, process_stat
from ipc.sweep import sweep_dead_hosts
from tests.fixtures.build import fixture_library
from tests.process.ended import unreaped
from tests.process.scanning import Scans, Seen, by_id, fixture_copy

pytestmark = pytest.mark.process

LADSPA = (PluginFormat.LADSPA,)
MDA = Path("/usr/lib/lv2/mda.lv2")


@pytest.fixture
def scans(tmp_path: Path) -> Iterator[Scans]:
    opened = Scans(tmp_path / "data")
    yield opened
    opened.close()


def vst3_bundle(folder: Path) -> tuple[Path, Path]:
    """A bundle, and the binary inside it."""
    bundle = folder / "Mine.vst3"
    code = bundle / "Contents" / f"{platform.machine()}-linux"
    code.mkdir(parents=True)
    return bundle, Path(shutil.copy(fixture_library("vst3_fixture"), code / "Mine.so"))


def test_what_is_unchanged_is_not_run_again(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    fixture_copy(folder, "one.so")
    _, binary = vst3_bundle(folder)
    first = scans.scan(folder)
    assert first.summary.probed == first.summary.new_plugins == 3  # the bundle holds two
    again = scans.scan(folder)
    assert (again.summary.probed, again.summary.unchanged_files) == (0, 2)
    assert [p.probed_at for p in again.plugins] == [p.probed_at for p in first.plugins]
    os.utime(binary)  # touched, and that is all
    touched = scans.scan(folder)
    assert (touched.summary.probed, touched.summary.unchanged_files) == (0, 2)
    forced = scans.scan(folder, force=True)
    assert forced.summary.probed == 3 and forced.summary.new_plugins == 0


def test_a_replaced_inner_binary_is_noticed(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    bundle, binary = vst3_bundle(folder)
    scans.scan(folder)
    before = binary.stat()
    folder_times = bundle.stat().st_mtime_ns
    data = bytearray(binary.read_bytes())
    at = data.index(b"Half as loud")
    data[at : at + 4] = b"Just"
    binary.write_bytes(data)
    os.utime(binary, ns=(before.st_atime_ns, before.st_mtime_ns))  # as package managers do
    assert binary.stat().st_size == before.st_size and bundle.stat().st_mtime_ns == folder_times
    report = scans.scan(folder)
    assert report.summary.probed == 2
    assert "Just as loud" in {plugin.name for plugin in report.plugins}


def test_a_changed_library_counts_as_a_change(scans: Scans, tmp_path: Path) -> None:
    def library(text: str) -> None:
        code = f'const char* said(void) {{ return "{text}"; }}'
        made = tmp_path / "libsaid.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(made), "-Wl,--build-id"],
            input=code,
            text=True,
            check=True,
        )

    library("one")
    plugin = tmp_path / "plugins" / "one.so"
    plugin.parent.mkdir()
    source = Path(__file__).parents[1] / "fixtures" / "scan_fixture.c"
    beside = ("-Wl,--no-as-needed", f"-L{tmp_path}", "-lsaid", f"-Wl,-rpath,{tmp_path}")
    compiling = ["cc", "-shared", "-fPIC", "-O1", str(source), "-o", str(plugin), *beside]
    subprocess.run(compiling, check=True)
    # A library in such a place is no plugin's to read.
    scans.rules = PermissionRules(rules=(PluginRule(id="*", read=(str(tmp_path),)),))
    assert scans.scan(plugin.parent).summary.probed == 1
    assert scans.scan(plugin.parent).summary.probed == 0
    library("two")
    assert scans.scan(plugin.parent).summary.probed == 1
    (tmp_path / "libsaid.so").unlink()
    gone = scans.scan(plugin.parent)
    assert [plugin.status for plugin in gone.plugins] == ["missing-lib"]
    assert gone.plugins[0].detail == "one.so needs libsaid.so"
    library("two")
    assert [plugin.status for plugin in scans.scan(plugin.parent).plugins] == ["ok"]


def test_vanished_ones_are_marked_and_come_back(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    file = fixture_copy(folder, "one.so")
    scans.scan(folder)
    hidden = file.rename(tmp_path / "hidden")
    report = scans.scan(folder)
    assert (report.summary.vanished_files, report.plugins) == (1, [])
    assert scans.catalogue.plugins() == []
    gone = scans.catalogue.plugins(vanished=True)
    assert len(gone) == 1 and gone[0].vanished_at is not None
    hidden.rename(file)
    assert scans.scan(folder).summary.vanished_files == 0
    assert [plugin.vanished_at for plugin in scans.catalogue.plugins()] == [None]


def test_a_scan_of_one_folder_says_nothing_of_others(scans: Scans, tmp_path: Path) -> None:
    for name in ("a", "ab"):
        fixture_copy(tmp_path / name, "one.so")
    scans.scan(tmp_path / "a", tmp_path / "ab")
    shutil.rmtree(tmp_path / "ab")
    assert scans.scan(tmp_path / "a").summary.vanished_files == 0
    assert len(scans.catalogue.plugins()) == 2


def test_what_failed_is_tried_again_after_a_while(scans: Scans, tmp_path: Path) -> None:
    file = fixture_copy(tmp_path / "plugins", "many.so")
    scans.scan(file, formats=LADSPA, timeout_s=1.0)
    waiting = scans.scan(file, formats=LADSPA, timeout_s=1.0)
    assert (waiting.summary.probed, waiting.summary.waiting_files) == (0, 1)

    def make_due() -> None:
        scans.database.run(
            lambda connection: connection.execute(
                update(FILES).values(retry_at="2020-01-01T00:00:00.000+00:00")
            ),
            write=True,
        )

    def retry_at() -> str:
        return str(
            scans.database.run(lambda connection: connection.scalar(select(FILES.c.retry_at)))
        )

    first = retry_at()
    make_due()
    tried = scans.scan(file, formats=LADSPA, timeout_s=1.0)
    failing = {"create", "activate", "process", "spins", "destroy", "refuses"}
    assert {plugin.rpartition("#")[2] for plugin in scans.seen.run} == failing
    assert tried.summary.plugins == 11
    assert retry_at() > first  # later each time


def test_a_failed_one_is_tried_again_when_its_file_changes(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    boom = fixture_copy(folder, "boom.so")
    assert [p.status for p in scans.scan(folder, formats=LADSPA).plugins] == ["crashed"]
    assert scans.blacklist.is_blacklisted(f"ladspa:{boom}#works") is not None
    # Now it may be loaded: the same name, other content.
    boom.write_bytes(boom.read_bytes().replace(b"boom.so\0", b"calm.so\0"))
    report = scans.scan(folder, formats=LADSPA, timeout_s=1.0)
    assert len(report.plugins) == 11  # and no row of the file as such is left
    assert by_id(report.plugins)[f"ladspa:{boom}#works"].status == "ok"
    assert scans.blacklist.is_blacklisted(f"ladspa:{boom}#works") is None


class _Enough(Exception):
    pass


def test_a_scan_that_is_stopped_goes_on_where_it_was(scans: Scans, tmp_path: Path) -> None:
    one = fixture_copy(tmp_path / "plugins", "one.so")
    first = Seen()

    def stop() -> None:
        if len(first.run) >= 10:
            raise _Enough

    with pytest.raises(_Enough):
        scans.scan(MDA, one.parent, watcher=first, stop=stop, jobs=1)
    assert scans.catalogue.plugins()
    report = scans.scan(MDA, one.parent, jobs=1)
    assert scans.seen.resumed and report.summary.resumed
    assert not set(first.run) & set(scans.seen.run)  # none twice
    assert set(first.run) | set(scans.seen.run) == {plugin.id for plugin in report.plugins}
    assert len(report.plugins) == 37
    later = scans.scan(MDA, one.parent)
    assert not later.summary.resumed and later.summary.probed == 0


def test_the_same_holds_with_force_and_for_other_content(scans: Scans, tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    vst3_bundle(folder)
    fixture_copy(folder, "one.so")
    scans.scan(folder, MDA)
    first = Seen()

    def stop() -> None:
        if len(first.run) >= 20:
            raise _Enough

    with pytest.raises(_Enough):
        scans.scan(folder, MDA, watcher=first, stop=stop, jobs=1, force=True)
    report = scans.scan(folder, MDA, jobs=1, force=True)
    assert report.summary.resumed
    assert not set(first.run) & set(scans.seen.run)
    assert len(first.run) + len(scans.seen.run) == 36 + 3


def started_scan(data: Path, *words: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "ISOBOOTH_DATA": str(data)}
    return subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "scan", *words],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    while True:
        more = {
            child
            for child in all_pids()
            if (stat := process_stat(child)) is not None
            and (stat.parent == pid or stat.parent in found)
        }
        if more == found:
            return found
        found = more


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_scan_that_is_killed_loses_nothing(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "data"
    slow = [fixture_copy(tmp_path / "plugins", f"many{number}.so") for number in range(2)]
    words = ("--jobs", "1", "--timeout", "2", str(MDA), str(tmp_path / "plugins"))
    process = started_scan(data, *words)
    try:
        with_rows = time.monotonic() + 30
        scans = None
        while time.monotonic() < with_rows:
            time.sleep(0.2)
            if not (data / "catalogue.db").exists():
                continue
            scans = scans or Scans(data)
            if len(scans.catalogue.plugins()) >= 38:  # it is in the slow ones
                break
        assert scans is not None
        workers = descendants(process.pid)
        assert workers
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=20)
        if number == signal.SIGINT:
            assert process.returncode == 130
            assert "Traceback" not in out and "interrupted" in out
        ended = time.monotonic() + 5
        while unreaped(workers) and time.monotonic() < ended:
            time.sleep(0.05)
        assert not unreaped(workers)
        sweep_dead_hosts()
        assert not [name for name in os.listdir(runtime_folder()) if f"-{process.pid}-" in name]
        kept = {plugin.id: plugin.probed_at for plugin in scans.catalogue.plugins()}
        assert len(kept) >= 38
        again = Seen()
        report = scans.scan(MDA, slow[0].parent, watcher=again, timeout_s=1.0)
        assert report.summary.resumed
        assert not kept.keys() & set(again.run)
        assert len(kept) + len(again.run) == len(report.plugins)
        scans.close()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
