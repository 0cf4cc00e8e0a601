# SPDX-License-Identifier: GPL-3.0-or-later
"""What an editor lies in, and an editor that is beside what plays.

minihost plays VST3 and LV2 plugins and opens no editors. Theirs are opened by our own code instead;
the plugin (juce_plugin.py) carries values from the one to the other.
"""

from abc import ABC, abstractmethod
from typing import Protocol

from ipc.errors import NoEditor, WorkerError

# Width and height in pixels, as the plugin says.
Sides = tuple[int, int]


# How our own code begins to say it, native code with no type of error to tell it by.
_HAS_NONE = "the plugin has no editor"


def why_not_opened(plugin: str, error: Exception) -> WorkerError:
    """What to raise where an editor does not open: a NoEditor, if there is none."""
    kind = NoEditor if str(error).startswith(_HAS_NONE) else WorkerError
    return kind(f"{plugin}: {error}")


class EditorWindow(Protocol):
    """A window of X11 that somebody else has made."""

    @property
    def id(self) -> int: ...

    def child_size(self) -> Sides | None:
        """Of the window that an editor has made in it; None: there is none."""

    def resize_child(self, width: int, height: int) -> None: ...


class BesideEditor(ABC):
    """One plugin's, of the main thread. Parameters are numbered as the plugin's are, values are
    normalized. Methods raise RuntimeError or WorkerError with the plugin's reason."""

    @abstractmethod
    def open(self, window: EditorWindow) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """It can be opened again. Does nothing where it is closed."""

    @property
    @abstractmethod
    def size(self) -> Sides:
        """While it is open."""

    @property
    @abstractmethod
    def can_resize(self) -> bool:
        """While it is open: by its user."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """The plugin may take another size, or none."""

    @abstractmethod
    def idle(self) -> None: ...

    @abstractmethod
    def show(self, parameter: int, value: float) -> None: ...

    @abstractmethod
    def take_edits(self) -> list[tuple[int, float]]:
        """What the user has changed in it since they were last taken."""
