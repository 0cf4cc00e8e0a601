# SPDX-License-Identifier: GPL-3.0-or-later
"""The root of every error that a user may see.

An error crosses process borders as text only, so its message must stand alone: what happened,
to which plugin or file, and what the user can do. Commands print it in one line and exit with
`exit_code`; a traceback that reaches a user is a bug.
"""


class IsoboothError(Exception):
    """What went wrong, where, and what to do, in one line."""

    exit_code = 1


class InputError(IsoboothError):
    """A file, argument or identifier given by the user cannot be used."""

    exit_code = 2


class MachineError(IsoboothError):
    """The machine lacks something: a device, a right, a package, memory."""

    exit_code = 3


class ProtocolError(IsoboothError):
    """Two of our processes do not understand each other: version, size or malformed message."""


class WorkerError(IsoboothError):
    """A plugin's worker could not do what was asked: load, restore, describe, save."""


class NoEditor(WorkerError):
    """A plugin has no editor of its own, or none for a window of X11. It will never have one."""


class NotCarried(WorkerError):
    """This host cannot carry such a plugin: it has too many channels, or some that nobody connects.
    No plugin failed."""


class NoSuchPlugin(WorkerError):
    """There is no plugin to load: its id is misspelled, or its file is not there. The user's to
    mend; no plugin failed."""
