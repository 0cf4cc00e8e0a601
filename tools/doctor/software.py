# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of Isobooth itself, and the plugins it would load."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.doctor.check import Finding, Machine, fail, ok, warn
from tools.doctor.probe import ProbeError, probe

NATIVE_MODULES = ("ipc._native", "sandbox._native", "host._native")

# Where Debian, the formats' own documents and users put plugins; the variables replace them.
_FOLDERS = {
    "vst3": ("VST3_PATH", ("~/.vst3", "/usr/local/lib/vst3", "/usr/lib/vst3")),
    "lv2": ("LV2_PATH", ("~/.lv2", "/usr/local/lib/lv2", "/usr/lib/lv2")),
    "clap": ("CLAP_PATH", ("~/.clap", "/usr/local/lib/clap", "/usr/lib/clap")),
    "ladspa": ("LADSPA_PATH", ("~/.ladspa", "/usr/local/lib/ladspa", "/usr/lib/ladspa")),
}

# Vendors put VST3 plugins into folders of their own, but not into a deeper tree.
_VST3_DEPTH = 2


def python(machine: Machine) -> Finding:
    """Which Python runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    return ok(f"Python {version} ({sys.executable})", version=version)


def native_modules(machine: Machine) -> Finding:
    """Whether the compiled parts are built for this Python and load."""
    broken = {}
    for name in NATIVE_MODULES:
        try:
            probe("module", name)
        except ProbeError as error:
            broken[name] = str(error)
    if not broken:
        return ok(f"{', '.join(NATIVE_MODULES)} load", missing=[])
    told = "; ".join(f"{name}: {why}" for name, why in broken.items())
    return fail(
        f"cannot be loaded: {told}",
        "build them with `make native` in the source folder, or install isobooth anew",
        missing=list(broken),
    )


def minihost(machine: Machine) -> Finding:
    """Whether the library that loads VST3 and LV2 plugins has the functions that we call."""
    advice = "install the version that isobooth asks for: `pip install --force-reinstall isobooth`"
    try:
        answer = probe("minihost")
    except ProbeError as error:
        return fail(str(error), advice)
    values = {"version": answer["version"], "api_version": answer["api_version"]}
    if answer["missing"]:
        missing = ", ".join(answer["missing"])
        return fail(f"minihost {answer['version']} lacks {missing}", advice, **values)
    return ok(f"minihost {answer['version']}, its C functions are exported", **values)


def backtraces(machine: Machine) -> Finding:
    """Whether crash reports can say in which function a plugin failed."""
    from host.backtrace.libdw import open_libdw

    if open_libdw() is None:
        return warn(
            "elfutils' libdw is missing: crash reports guess at functions",
            "install it, for instance `apt install libdw1`",
        )
    return ok("elfutils' libdw unwinds and names functions")


def data_folder(machine: Machine) -> Finding:
    """Whether crash reports and the blacklist can be kept; a session plays on without."""
    from host.store.folder import DATA_VARIABLE
    from host.store.folder import data_folder as folder_of_user

    folder = folder_of_user()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    values = {"folder": str(folder)}
    # Some file systems, /proc for one, let nobody make a folder whatever its rights say.
    usable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    if not usable or (there != folder and not _takes_folders(there)):
        return warn(
            f"{there} cannot be written: crash reports and the blacklist are not kept",
            f"give yourself the right, or set {DATA_VARIABLE} to another folder",
            **values,
        )
    return ok(str(folder), **values)


def _takes_folders(folder: Path) -> bool:
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".isobooth-", dir=folder))
    except OSError:
        return False
    return True


def plugins(machine: Machine) -> Finding:
    """How many plugin files are in the usual folders; they are counted, not loaded."""
    counts = {
        "vst3": sum(_count_vst3(folder, _VST3_DEPTH) for folder in _folders(machine, "vst3")),
        "lv2": sum(_count(folder, "*.lv2/manifest.ttl") for folder in _folders(machine, "lv2")),
        "clap": sum(_count(folder, "**/*.clap") for folder in _folders(machine, "clap")),
        "ladspa": sum(_count(folder, "*.so") for folder in _folders(machine, "ladspa")),
    }
    told = ", ".join(f"{count} {name.upper()}" for name, count in counts.items())
    if not any(counts.values()):
        return warn(
            "none in the usual folders",
            "install some, for instance `apt install zam-plugins mda-lv2`, or set "
            "VST3_PATH, LV2_PATH, CLAP_PATH or LADSPA_PATH",
            counts=counts,
        )
    return ok(f"files and bundles: {told}", counts=counts)


def _folders(machine: Machine, plugin_format: str) -> Iterator[Path]:
    variable, usual = _FOLDERS[plugin_format]
    chosen = [name for name in machine.environ.get(variable, "").split(os.pathsep) if name]
    seen: set[Path] = set()
    for name in chosen or usual:
        in_home = name.startswith("~/")
        folder = machine.home / name[2:] if in_home else machine.path(name)
        folder = folder.resolve()  # /usr/local/lib/lv2 may be a link to /usr/lib/lv2
        if folder not in seen:
            seen.add(folder)
            yield folder


def _count(folder: Path, pattern: str) -> int:
    return sum(1 for _ in folder.glob(pattern))


def _count_vst3(folder: Path, depth: int) -> int:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return 0
    count = 0
    for entry in entries:
        if entry.suffix == ".vst3":
            count += 1
        elif depth > 1 and entry.is_dir():
            count += _count_vst3(entry, depth - 1)
    return count
