# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Isobooth this is: crash reports, the database's history and `isobooth --version` say it."""

from importlib import metadata

NOT_INSTALLED = "not installed"


def isobooth_version() -> str:
    """The installed distribution's version; running from bare sources is said, not guessed."""
    try:
        return metadata.version("isobooth")
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED
