# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared memory that a killed host left behind.

The next host sweeps it away (ipc/sweep.py); until then it takes memory, and a user who looks
should be told.
"""

from ipc.names import owner_of_file
from tools.doctor.check import Finding, Machine, ok, warn


def leftovers(machine: Machine) -> Finding:
    """Which files in /dev/shm belong to hosts that are no more."""
    folder = machine.path("/dev/shm")
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    owners = {name: owner for name in names if (owner := owner_of_file(name)) is not None}
    dead = [name for name, owner in owners.items() if not owner.is_alive()]
    if dead:
        return warn(
            f"{len(dead)} files of a host that was killed",
            "they are removed when a song is next played or rendered",
            names=dead,
        )
    return ok(f"none ({len(owners)} files in use)" if owners else "none", names=[])
