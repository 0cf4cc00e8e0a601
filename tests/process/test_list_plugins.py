# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plugin of a file or bundle is listed, however many there are."""

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ipc.connection import RequestFailed
from ipc.launcher import Launcher
from ipc.messages import ListedPlugin, ListPlugins, Visit
from ipc.permissions import Permissions
from ipc.worker_process import WorkerDied
from tests.fixtures.build import fixture_library

pytestmark = pytest.mark.process


def listed(plugin_format: str, path: Path | str) -> Sequence[ListedPlugin]:
    async def ask() -> Sequence[ListedPlugin]:
        async with Launcher() as launcher:
            worker = await launcher.spawn()
            allowed = Permissions(read=(str(path),))
            visit = Visit(plugins=[f"{plugin_format}:{path}"], permissions=allowed)
            await worker.request(visit, 20.0)
            request = ListPlugins(format=plugin_format, path=str(path))
            return (await worker.request(request, 20.0)).plugins

    return asyncio.run(ask())


def test_a_bundle_of_one() -> None:
    vst3, clap = "/usr/lib/vst3/ZamEQ2.vst3", "/usr/lib/clap/ZamEQ2.clap"
    assert listed("vst3", vst3) == [ListedPlugin(id=f"vst3:{vst3}", name="ZamEQ2")]
    assert listed("clap", clap) == [ListedPlugin(id=f"clap:{clap}", name="ZamEQ2")]


def test_an_lv2_bundle_of_many_without_running_any() -> None:
    found = listed("lv2", "/usr/lib/lv2/mda.lv2")
    assert len(found) == 36
    assert ListedPlugin(id="lv2:http://drobilla.net/plugins/mda/Delay", name="") in found
    assert len(listed("lv2", "/usr/lib/lv2/lsp-plugins.lv2")) > 100


def test_a_bundle_that_is_not_where_bundles_are(tmp_path: Path) -> None:
    bundle = tmp_path / "mine.lv2"
    bundle.mkdir()
    (bundle / "manifest.ttl").write_text(
        "@prefix lv2: <http://lv2plug.in/ns/lv2core#> ."
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> ."
        "<urn:test:mine> a lv2:Plugin ; lv2:binary <mine.so> ; rdfs:seeAlso <mine.ttl> ."
    )
    problem = f"its library {bundle}/mine.so is not there"
    mine = ListedPlugin(id="lv2:urn:test:mine", name="", problem=problem)
    assert listed("lv2", bundle) == [mine]
    (bundle / "mine.so").write_bytes(b"")
    assert listed("lv2", bundle) == [ListedPlugin(id="lv2:urn:test:mine", name="")]
    (bundle / "manifest.ttl").write_text("# a line before\nthis is no turtle at all {{{ <")
    with pytest.raises(RequestFailed, match=r"manifest.ttl: line 2: invalid syntax"):
        listed("lv2", bundle)
    (bundle / "manifest.ttl").write_text("")
    assert listed("lv2", bundle) == []


def test_a_ladspa_file_of_many() -> None:
    file = fixture_library("hostile_fixture")
    found = listed("ladspa", file)
    assert len(found) > 20
    assert found[0].id == f"ladspa:{file}#kill_parent"


def test_what_is_no_plugin_is_refused(tmp_path: Path) -> None:
    noise = tmp_path / "noise.clap"
    noise.write_bytes(b"noise" * 1000)
    with pytest.raises(RequestFailed, match="cannot be loaded"):
        listed("clap", noise)
    with pytest.raises(RequestFailed, match="not installed as files"):
        listed("builtin", noise)


def test_code_that_crashes_when_it_is_loaded_costs_a_worker(tmp_path: Path) -> None:
    code = "__attribute__((constructor)) static void boom(void) { *(volatile int*)0 = 1; }"
    file = tmp_path / "boom.so"
    compile_it = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(file)]
    subprocess.run(compile_it, input=code, text=True, check=True)
    with pytest.raises(WorkerDied, match="SIGSEGV during load"):
        listed("ladspa", file)
