# SPDX-License-Identifier: GPL-3.0-or-later
"""What a folder of rendered files remembers, so that an interrupted batch can go on.

A line of JSON for each file that is begun or done; appended, so that thousands of files cost
thousands of lines and a killed render loses none but perhaps the last. A file counts as finished
if input, settings and output are still what they were.
"""

import contextlib
import fcntl
import glob
import json
import os
from pathlib import Path
from typing import Any

from host.user_file import PART, file_error, path_text
from ipc.errors import InputError

NAME = ".isobooth-render.jsonl"
_VERSION = 1
# A line is a few hundred bytes; a file beyond this is not ours.
_MAX_BYTES = 256_000_000


class BatchJournal:
    """The journal of `folder`, locked: two renders into one folder would undo each other's files.
    Use as a context manager; its methods may be called from several threads."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """`settings`: all that makes a difference to the output, as plain data."""
        self._folder = folder
        self._settings = settings
        path = folder / NAME
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o666)
        except OSError as error:
            raise file_error(path, "written", error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._entries = self._read(path)
        except BlockingIOError:
            os.close(self._file)
            raise InputError(
                f"{path_text(folder)}: another render writes into this folder; wait for its end "
                "or name another folder"
            ) from None
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> "BatchJournal":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def knows(self, output: Path) -> bool:
        """A render has written, or begun to write, this file."""
        return output.name in self._entries

    def is_ours(self, output: Path) -> bool:
        """What stands there is what a render has left, and nobody has changed since."""
        return self.knows(output) and self._entries[output.name].get("output") == _shape(output)

    def other_settings(self, output: Path) -> set[str]:
        """The names of the settings that were others when the output was rendered."""
        entry = self._entries.get(output.name, {})
        before = entry.get("settings") if entry.get("done") is True else None
        if not isinstance(before, dict):
            return set()
        return {name for name, value in self._settings.items() if before.get(name) != value}

    def is_finished(self, source: Path, output: Path) -> bool:
        """The output stands and a render with these settings of this input would be the same."""
        entry = self._entries.get(output.name)
        if entry is None or entry.get("done") is not True:
            return False
        return bool(
            entry.get("settings") == self._settings
            and entry.get("input") == _identity(source)
            and entry.get("output") == _shape(output)
        )

    def clear_remains(self) -> None:
        """Removes what a killed render left half-written beside the names that it had begun."""
        for name, entry in self._entries.items():
            if entry.get("done") is False:
                for path in self._folder.glob(glob.escape(name) + PART):
                    with contextlib.suppress(OSError):
                        path.unlink()

    def begin(self, source: Path, output: Path) -> None:
        """Notes the input before it is read, as it may change while it is rendered, and what
        stands under the name until then: it may be replaced, nothing else that comes there."""
        shapes = {"input": _identity(source), "output": _shape(output)}
        self._append({"name": output.name, "done": False, **shapes})

    def finish(self, output: Path) -> None:
        """After `begin` of the same output."""
        begun = self._entries[output.name]
        result = {"done": True, "output": _shape(output), "settings": self._settings}
        self._append({**begun, **result})

    def _append(self, entry: dict[str, Any]) -> None:
        self._entries[entry["name"]] = entry
        line = json.dumps({"version": _VERSION, **entry}) + "\n"
        try:
            os.write(self._file, line.encode())
        except OSError as error:
            raise file_error(self._folder / NAME, "written", error) from None

    def _read(self, path: Path) -> dict[str, dict[str, Any]]:
        size = os.fstat(self._file).st_size
        if size > _MAX_BYTES:
            raise InputError(f"{path_text(path)}: is too large to be a render's journal; remove it")
        data = os.pread(self._file, size, 0)
        if data and not data.endswith(b"\n"):
            os.write(self._file, b"\n")  # a line that was cut short must not spoil the next
        entries: dict[str, dict[str, Any]] = {}
        for line in data.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and entry.get("version") == _VERSION:
                name = entry.get("name")
                if isinstance(name, str):
                    entries[name] = entry
        return entries


def _identity(path: Path) -> dict[str, Any] | None:
    """What is different for another input, or another version of it; None if it is not there."""
    shape = _shape(path)
    return {"path": os.path.realpath(path), **shape} if shape is not None else None


def _shape(path: Path) -> dict[str, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
