# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this user's data lives.

Kept apart from the database, so that the command line can find its log file without importing
SQLAlchemy.
"""

import os
from pathlib import Path

from ipc.errors import MachineError

DATA_VARIABLE = "ISOBOOTH_DATA"


def data_folder() -> Path:
    """ISOBOOTH_DATA, or `isobooth` in the XDG data folder; it need not exist yet."""
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    # The XDG rule: a relative path in the variable is invalid and ignored.
    shared = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not shared.is_absolute():
        try:
            shared = Path.home() / ".local" / "share"
        except RuntimeError as error:
            raise MachineError(
                f"no home folder for this user: name a data folder in {DATA_VARIABLE}"
            ) from error
    return shared / "isobooth"


def made_data_folder(folder: Path | None = None) -> Path:
    """The data folder, created (0700: states and reports are private). MachineError if not."""
    folder = data_folder() if folder is None else folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(
            f"{folder}: cannot make the data folder ({error.strerror}): "
            f"make it writable or name another one in {DATA_VARIABLE}"
        ) from error
    return folder
