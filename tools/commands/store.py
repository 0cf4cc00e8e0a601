# SPDX-License-Identifier: GPL-3.0-or-later
"""The store as commands open it: what it has to say goes to stderr like everything else."""

from host.store.database import Database
from tools import console


def open_store() -> Database:
    """The user's database; use with `with`."""
    return Database(warn=console.warn)
