# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets that a user keeps of a plugin: a file each, in a folder for each plugin."""

import contextlib
import hashlib
import os
import re
from pathlib import Path

import msgspec

from host.song import Slot
from host.store.folder import data_folder, made_data_folder
from host.user_file import AtomicFile, file_error, read_input
from ipc.errors import InputError

_MOST_BYTES = 100_000_000
_SUFFIX = ".json"
_DELETED = ".deleted"  # in the place of the suffix
# A file name has 255; AtomicFile adds ".XXXXXXXX.part" to that of the preset while it is written.
_MOST_NAME_BYTES = 255 - len(_SUFFIX) - 14


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept: the plugin's state, or where it has none its parameters."""

    plugin: str
    name: str
    state: bytes | None = None
    parameters: dict[str, float | str] = {}


def preset_names(plugin: str) -> tuple[str, ...]:
    """Of this plugin, in their order."""
    try:
        paths = [path for path in _folder(plugin).iterdir() if path.suffix == _SUFFIX]
    except OSError:
        return ()
    return tuple(sorted((path.stem for path in paths), key=str.casefold))


def save_preset(slot: Slot, name: str) -> None:
    """Replaces one of the same name. Raises InputError or MachineError."""
    made_data_folder()
    path = _path(slot.plugin, name)
    preset = Preset(
        plugin=slot.plugin, name=name, state=slot.state, parameters=dict(slot.parameters)
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(path.parent, "written", error) from None
    with AtomicFile(path) as output:
        output.file.write(msgspec.json.encode(preset))


def load_preset(plugin: str, name: str) -> Preset:
    """Raises InputError if there is none, or it is damaged."""
    path = _path(plugin, name)
    data = read_input(path, "a preset", _MOST_BYTES)
    try:
        preset = msgspec.json.decode(data, type=Preset)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InputError(f"{path}: this preset is damaged; save it anew") from None
    if preset.plugin != plugin:
        raise InputError(f"{path}: this preset is of another plugin, {preset.plugin}")
    return preset


def rename_preset(plugin: str, name: str, new_name: str) -> None:
    """Raises InputError if there is none, or one of the new name; MachineError."""
    preset, path, new_path = load_preset(plugin, name), _path(plugin, name), _path(plugin, new_name)
    if new_path == path:
        return
    try:
        is_taken = new_path.exists()
    except OSError as error:
        raise file_error(new_path, "written", error) from None
    if is_taken:
        raise InputError(
            f"there is a preset '{new_name}' already: choose another name, or delete it"
        )
    with AtomicFile(new_path) as output:
        output.file.write(msgspec.json.encode(msgspec.structs.replace(preset, name=new_name)))
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        with contextlib.suppress(OSError):  # one of both names is enough
            new_path.unlink()
        raise file_error(path, "renamed", error) from None


def delete_preset(plugin: str, name: str) -> None:
    """It can be brought back until another one is deleted. Raises InputError if there is none."""
    path = _path(plugin, name)
    deleted = path.with_suffix(_DELETED)
    try:
        path.rename(deleted)
    except OSError as error:
        raise file_error(path, "deleted", error) from None
    for earlier in _deleted(plugin):
        if earlier != deleted:
            with contextlib.suppress(OSError):
                earlier.unlink()


def deleted_preset(plugin: str) -> str:
    """The one that can be brought back; "" if there is none."""
    return next((path.stem for path in _deleted(plugin)), "")


def restore_preset(plugin: str) -> str:
    """Brings it back, and returns its name. Raises InputError."""
    name = deleted_preset(plugin)
    if not name:
        raise InputError("no preset of this plugin was deleted")
    path = _path(plugin, name)
    if path.exists():
        raise InputError(f"there is another preset '{name}' by now: rename that one first")
    try:
        path.with_suffix(_DELETED).rename(path)
    except OSError as error:
        raise file_error(path, "written", error) from None
    return name


def _deleted(plugin: str) -> list[Path]:
    try:
        return [path for path in _folder(plugin).iterdir() if path.suffix == _DELETED]
    except OSError:
        return []


def _folder(plugin: str) -> Path:
    return data_folder() / "presets" / hashlib.sha256(plugin.encode()).hexdigest()[:32]


def _path(plugin: str, name: str) -> Path:
    if not re.fullmatch(r"[^/\x00-\x1f.][^/\x00-\x1f]{0,99}", name):
        raise InputError(
            f"'{name}' is no name for a preset: 1 to 100 characters, no dot in front, no slash"
        )
    if len(os.fsencode(name)) > _MOST_NAME_BYTES:
        raise InputError(f"'{name}' is too long a name for a preset: take a shorter one")
    return _folder(plugin) / f"{name}{_SUFFIX}"
