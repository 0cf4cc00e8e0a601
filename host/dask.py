# SPDX-License-Identifier: GPL-3.0-or-later
"""The package for Dask clusters, which not everybody has."""

from typing import Any

from ipc.errors import MachineError

CONNECT_S = 10.0
RETRIES = 3  # of a portion, whose worker may be killed again


def distributed_package() -> Any:
    """Raises MachineError where it is missing."""
    try:
        import distributed
    except ImportError:
        raise MachineError(
            "the package for Dask clusters is missing: run `pip install 'isobooth[cluster]'`"
        ) from None
    return distributed


def no_scheduler(address: str, error: Exception) -> MachineError:
    """Nobody answers."""
    return MachineError(
        f"no Dask scheduler answers at {address} ({error}): start one with "
        "`dask scheduler`, and workers with `dask worker ADDRESS`"
    )
