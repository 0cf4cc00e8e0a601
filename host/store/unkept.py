# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in for a database in a folder that cannot be written: a copy that nobody keeps.

A read-only home or a full disk must not silence a song. What the user's file says still holds
(what is blacklisted, what is trusted); what is added is gone with the copy.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

from host.store.database import FILE_NAME, Database
from host.store.migrations import MIGRATIONS, Steps
from ipc.errors import MachineError


class UnkeptDatabase(Database):
    """A copy of the file in `folder`, or an empty one where there is none."""

    def __init__(
        self,
        folder: Path,
        *,
        warn: Callable[[str], None],
        file_name: str = FILE_NAME,
        steps: Steps = MIGRATIONS,
    ) -> None:
        """`is_whole` says whether what is there could be read. MachineError where there is no
        place for temporary files either, InputError as of a Database."""
        try:
            self._scratch = tempfile.TemporaryDirectory(prefix="isobooth-unkept-")
        except OSError as error:
            raise MachineError(
                f"there is no place for temporary files ({error.strerror}): "
                "name one in TMPDIR, or make the data folder writable"
            ) from error
        copy = Path(self._scratch.name)
        self.is_whole = True
        for suffix in ("", "-wal"):  # what has not reached the file yet is in its log
            self._take(folder / f"{file_name}{suffix}", copy / f"{file_name}{suffix}")
        try:
            super().__init__(copy, warn=warn, file_name=file_name, steps=steps)
        except BaseException:
            self._scratch.cleanup()
            raise
        if any(copy.glob(f"{file_name}.damaged-*")):
            self.is_whole = False  # it was moved aside, and an empty one begun

    def _take(self, source: Path, copy: Path) -> None:
        try:
            copyfile(source, copy)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:
            copy.unlink(missing_ok=True)
            self.is_whole = False

    def close(self) -> None:
        super().close()
        self._scratch.cleanup()
