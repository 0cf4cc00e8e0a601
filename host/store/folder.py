# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this user's data lives.

Kept apart from the database, so that the command line can find its log file without importing
SQLAlchemy.
"""

import os
from pathlib import Path

from platformdirs import user_data_path

from ipc.errors import MachineError

DATA_VARIABLE = "ISOBOOTH_DATA"


def data_folder() -> Path:
    """ISOBOOTH_DATA, or `isobooth` where the desktop keeps its programs' data; it may not exist."""
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(os.path.expanduser(chosen)).absolute()
    return user_data_path("isobooth", appauthor=False)


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
