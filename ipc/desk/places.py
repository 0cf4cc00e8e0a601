# SPDX-License-Identifier: GPL-3.0-or-later
"""Where hosts wait for windows."""

import os
from pathlib import Path

from ipc.names import runtime_folder

SOCKET_NAME = "desk.sock"


def desk_sockets() -> list[Path]:
    """The sockets of this user's hosts, the newest first; some may be of hosts that have died."""
    found: list[tuple[float, Path]] = []
    for path in Path(os.path.realpath(runtime_folder())).glob(f"isobooth-*-tmp-*/{SOCKET_NAME}"):
        try:
            found.append((path.stat().st_mtime, path))
        except OSError:
            continue  # it has just ended
    return [path for _, path in sorted(found, reverse=True)]
