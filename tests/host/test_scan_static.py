# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins are found by name and place, and what is wrong with their files is told without running
any of their code."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from host.plugin_id import PluginFormat
from host.scan.binary import read_binary
from host.scan.finds import Found, find_plugins
from host.scan.libraries import Libraries
from host.scan.places import FORMATS, standard_folders
from host.scan.static_pass import Status, examine

CODE = "int {name}(void) {{ return 0; }}\n"
_E_MACHINE, _AARCH64, _X86_64 = 18, 183, 62


def compiled(path: Path, name: str = "ladspa_descriptor", *options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    compile_it = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path), *options]
    subprocess.run(compile_it, input=CODE.format(name=name), text=True, check=True)
    return path


def examined(path: Path, plugin_format: PluginFormat = PluginFormat.LADSPA) -> tuple[str, str]:
    (found,) = find_plugins(plugin_format, path)
    result = examine(found, Libraries())
    return result.status.value, result.detail


def for_another_machine(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    (machine,) = struct.unpack_from("<H", data, _E_MACHINE)
    struct.pack_into("<H", data, _E_MACHINE, _X86_64 if machine == _AARCH64 else _AARCH64)
    path.write_bytes(data)
    return path


def test_a_plugin_that_fits_is_ok(tmp_path: Path) -> None:
    assert examined(compiled(tmp_path / "fine.so")) == ("ok", "")
    bundle = tmp_path / "Fine.vst3"
    compiled(bundle / "Contents" / f"{os.uname().machine}-linux" / "Fine.so", "GetPluginFactory")
    assert examined(bundle, PluginFormat.VST3) == ("ok", "")
    assert examined(compiled(tmp_path / "fine.clap", "clap_entry"), PluginFormat.CLAP)[0] == "ok"


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    gone = compiled(tmp_path / "libgone-for-ever.so", "helper")
    needs = ("-Wl,--no-as-needed", f"-L{tmp_path}", "-lgone-for-ever")
    plugin = compiled(tmp_path / "plugins" / "needs.so", "ladspa_descriptor", *needs)
    gone.unlink()
    assert examined(plugin) == ("missing-lib", "needs.so needs libgone-for-ever.so")


def test_libraries_beside_the_plugin_and_of_libraries_are_found(tmp_path: Path) -> None:
    compiled(tmp_path / "libinner.so", "inner")
    beside = ("-Wl,--no-as-needed", f"-L{tmp_path}", "-Wl,-rpath,$ORIGIN")
    compiled(tmp_path / "libouter.so", "outer", *beside, "-linner")
    plugin = compiled(tmp_path / "needs.so", "ladspa_descriptor", *beside, "-louter")
    assert examined(plugin) == ("ok", "")
    loaded = Libraries().loaded(read_binary(plugin))
    assert {"libouter.so", "libinner.so"} <= {binary.path.name for binary in loaded}
    (tmp_path / "libinner.so").unlink()
    assert examined(plugin)[0] == "missing-lib"


def test_code_for_another_machine_is_told(tmp_path: Path) -> None:
    status, detail = examined(for_another_machine(compiled(tmp_path / "other.so")))
    assert status == "wrong-machine" and detail.startswith("other.so is for ")
    (tmp_path / "Mac.vst3" / "Contents" / "MacOS").mkdir(parents=True)
    status, detail = examined(tmp_path / "Mac.vst3", PluginFormat.VST3)
    assert (status, detail) == ("wrong-machine", "it holds code for MacOS only")


def test_a_bundle_is_named_by_its_description(tmp_path: Path) -> None:
    bundle = tmp_path / "Mac.vst3"
    (bundle / "Contents" / "MacOS").mkdir(parents=True)
    found = Found(PluginFormat.VST3, bundle)
    assert examine(found, Libraries()).name == "Mac"
    resources = bundle / "Contents" / "Resources"
    resources.mkdir()
    (resources / "moduleinfo.json").write_text(
        """{ "Name": "Module", "Factory Info": {"Vendor": "V"}, // JSON5, this
        "Classes": [
          {"CID": "A", "Category": "Component Controller Class", "Name": "Knobs"},
          {"CID": "B", "Category": "Audio Module Class", "Name": "Great \\"Sound\\"",},
        ] }"""
    )
    assert examine(found, Libraries()).name == 'Great \\"Sound\\"'
    (resources / "moduleinfo.json").write_bytes(b"\xff" * 2_000_000)
    assert examine(found, Libraries()).name == "Mac"


def test_what_is_no_plugin_is_told(tmp_path: Path) -> None:
    noise = tmp_path / "noise.vst3"
    noise.write_bytes(os.urandom(10_000_000))
    assert examined(noise, PluginFormat.VST3) == ("broken", "noise.vst3: no ELF file")
    assert examined(compiled(tmp_path / "helper.so", "helper"))[0] == "no-entry"
    cut = compiled(tmp_path / "cut.so")
    cut.write_bytes(cut.read_bytes()[:3000])
    assert examined(cut)[0] == "broken"
    (tmp_path / "empty.so").write_bytes(b"")
    assert examined(tmp_path / "empty.so")[0] == "broken"
    (tmp_path / "Empty.vst3").mkdir()
    assert examined(tmp_path / "Empty.vst3", PluginFormat.VST3)[0] == "broken"
    os.mkfifo(tmp_path / "pipe.so")
    assert examined(tmp_path / "pipe.so")[0] == "broken"


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_cost_one_line_each(tmp_path: Path, seed: int) -> None:
    import random

    chance = random.Random(seed)
    path = compiled(tmp_path / "damaged.so")
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 10, 200))):
        data[chance.randrange(16, len(data))] = chance.randrange(256)
    path.write_bytes(data)
    status, detail = examined(path)
    assert status in set(Status) and "\n" not in detail


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "dangling.so").symlink_to(tmp_path / "gone")
    status, detail = examined(tmp_path / "dangling.so")
    assert status == "unreadable" and detail.endswith("gone, which is not there")


def test_a_bundle_of_presets_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "presets.lv2").mkdir()
    (tmp_path / "presets.lv2" / "manifest.ttl").write_text("")
    assert examined(tmp_path / "presets.lv2", PluginFormat.LV2) == ("no-code", "")


def test_folders_below_are_searched_and_circles_end(tmp_path: Path) -> None:
    first = compiled(tmp_path / "vendor" / "one.so")
    second = compiled(tmp_path / "two.so")
    (tmp_path / "vendor" / "back").symlink_to(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    found = list(find_plugins(PluginFormat.LADSPA, tmp_path))
    assert found == [Found(PluginFormat.LADSPA, path) for path in (second, first)]
    assert list(find_plugins(PluginFormat.LADSPA, tmp_path / "nowhere")) == []


def test_a_folder_without_read_rights_is_told(tmp_path: Path) -> None:
    """By a user who is not root, who may read everything."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    look = (
        "import sys; from pathlib import Path; from host.plugin_id import PluginFormat;"
        "from host.scan.finds import find_plugins;"
        "print([f.problem for f in find_plugins(PluginFormat.LADSPA, Path(sys.argv[1]))])"
    )
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything, and setpriv is not there")
        open_to_all = [tmp_path, *tmp_path.parents]
        for folder in open_to_all[:3]:
            folder.chmod(0o755)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    else:
        prefix = []
    root = Path(__file__).resolve().parents[2]
    told = subprocess.run(
        [*prefix, sys.executable, "-c", look, str(closed)],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    closed.chmod(0o700)
    if told.returncode != 0 and os.getuid() == 0:
        pytest.skip(f"nobody cannot run Python here: {told.stderr[-200:]}")
    assert told.stdout == "['the folder cannot be read: Permission denied']\n"


def test_variables_of_the_user_come_first(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    names = ("VST3", "LV2", "LADSPA", "CLAP")
    environment = {f"{name}_PATH": f"{first}:{second}" for name in names}
    for plugin_format in FORMATS:
        usual = standard_folders(plugin_format, {})
        assert Path.home() / f".{plugin_format.value}" == usual[0]
        folders = standard_folders(plugin_format, environment)
        assert folders[:2] == [first, second]
        replaces = plugin_format in (PluginFormat.LV2, PluginFormat.LADSPA)
        assert folders[2:] == ([] if replaces else usual)


@pytest.mark.process
def test_all_of_debian_s_plugins_pass() -> None:
    libraries = Libraries()
    for plugin_format in FORMATS:
        for found in find_plugins(plugin_format, Path("/usr/lib") / plugin_format.value):
            result = examine(found, libraries)
            assert result.status in (Status.OK, Status.NO_CODE), (found, result)
