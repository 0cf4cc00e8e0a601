# SPDX-License-Identifier: GPL-3.0-or-later
"""The store as commands open it: what it has to say goes to stderr like everything else."""

from host.store.database import Database
from host.store.folder import data_folder
from host.store.unkept import UnkeptDatabase
from host.trust.settings import Policy
from ipc.errors import MachineError
from tools import console


def open_store(*, to_keep: bool = False) -> Database:
    """The user's database; use with `with`. Where it cannot be written, a copy that ends with the
    command, and a warning; MachineError if the command is there `to_keep` something."""
    try:
        return Database(warn=console.warn)
    except MachineError as error:
        if to_keep:
            raise
        copy = UnkeptDatabase(data_folder(), warn=console.warn)
        if not copy.is_whole and _trust_matters():
            copy.close()
            raise
        console.warn(f"{error}; until then crash reports and the blacklist are not kept")
        return copy


def _trust_matters() -> bool:
    """Whether plugins may be refused for what the user's database knows of them."""
    from tools.commands.trusted_files import trust_settings

    return trust_settings().policy is not Policy.WARN
