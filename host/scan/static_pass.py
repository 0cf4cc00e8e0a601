# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a plugin's files and runs none of its code: most that cannot work are found here."""

import platform
from dataclasses import dataclass, replace
from pathlib import Path

from host.plugin_id import PluginFormat
from host.scan.binary import Binary, BrokenBinary, read_binary, this_machine
from host.scan.finds import Found
from host.scan.libraries import Libraries
from host.scan.module_info import told_names
from host.scan.verdict import Status
from ipc.messages import MAX_LINE
from ipc.text import one_line

# By what a host enters each format's files; of LV2 one of the two.
_ENTRIES = {
    PluginFormat.VST3: ("GetPluginFactory",),
    PluginFormat.CLAP: ("clap_entry",),
    PluginFormat.LADSPA: ("ladspa_descriptor",),
    PluginFormat.LV2: ("lv2_descriptor", "lv2_lib_descriptor"),
}


@dataclass(frozen=True)
class StaticResult:
    """`detail` is one line for people, empty where nothing is wrong; `binaries` are those that
    would be loaded; `name` is what the file, or its description, is called."""

    status: Status
    detail: str = ""
    binaries: tuple[Binary, ...] = ()
    name: str = ""


def examine(found: Found, libraries: Libraries) -> StaticResult:
    """Of an LV2 bundle, `binaries` are all that offer plugins: its texts say which is whose."""
    told = told_names(found.path) if found.format is PluginFormat.VST3 else []
    name = one_line(told[0], MAX_LINE) if told else found.path.stem
    return replace(_examine(found, libraries), name=name)


def _examine(found: Found, libraries: Libraries) -> StaticResult:
    if found.problem:
        return StaticResult(Status.UNREADABLE, found.problem)
    try:
        files = _code_of(found)
    except _WrongMachine as wrong:
        return StaticResult(Status.WRONG_MACHINE, str(wrong))
    except OSError as error:
        return StaticResult(Status.UNREADABLE, f"it cannot be read: {error.strerror}")
    entries = _ENTRIES[found.format]
    good: list[StaticResult] = []
    bad: list[StaticResult] = []
    for file in files:
        result = _examine_file(file, entries, libraries)
        (good if result.status is Status.OK else bad).append(result)
    if good:
        return StaticResult(Status.OK, "", tuple(b for r in good for b in r.binaries))
    if not files:
        if found.format is PluginFormat.LV2:
            return StaticResult(Status.NO_CODE)
        return StaticResult(Status.BROKEN, "the bundle holds no code")
    # Libraries beside the plugin have no entry: what is wrong with the plugin itself counts.
    return min(bad, key=lambda result: result.status is Status.NO_ENTRY)


class _WrongMachine(Exception):
    pass


def _code_of(found: Found) -> list[Path]:
    path = found.path
    if not path.is_dir():
        return [path]
    if found.format is PluginFormat.LV2:
        return sorted(file for file in path.rglob("*.so") if file.is_file())
    contents = path / "Contents"
    code = sorted((contents / f"{platform.machine()}-linux").glob("*.so"))
    if not code and contents.is_dir():
        others = sorted(f.name for f in contents.iterdir() if any(f.glob("*.so")))
        others += sorted(f.name for f in contents.iterdir() if f.name in ("MacOS", "x86_64-win"))
        if others:
            raise _WrongMachine(f"it holds code for {', '.join(others)} only")
    return code


def _examine_file(file: Path, entries: tuple[str, ...], libraries: Libraries) -> StaticResult:
    try:
        binary = read_binary(file, entries)
    except BrokenBinary as error:
        return StaticResult(Status.BROKEN, f"{file.name}: {error}")
    except OSError as error:
        return StaticResult(Status.UNREADABLE, f"{file.name}: {error.strerror}")
    if not binary.is_for_this_machine:
        detail = f"{file.name} is for {binary.machine}, this machine is {this_machine()}"
        return StaticResult(Status.WRONG_MACHINE, detail)
    if not binary.symbols:
        return StaticResult(Status.NO_ENTRY, f"{file.name} offers no {' or '.join(entries)}")
    missing = libraries.missing(binary)
    if missing:
        return StaticResult(Status.MISSING_LIB, f"{file.name} needs {', '.join(missing)}")
    return StaticResult(Status.OK, "", (binary,))
