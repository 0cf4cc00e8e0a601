# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's editor on a test rig: opened in a window of its own, given its turns, closed."""

import os
import time

from ipc.errors import WorkerError
from sandbox.backends.editor import Sides
from sandbox.backends.plugin import LoadedPlugin
from sandbox.x11_window import X11Window

_TURNS, _TURN_S = 8, 0.02  # enough for toolkits that draw 30 times a second


def idle_with_editor(plugin: LoadedPlugin) -> None:
    """A turn of the plugin, and of its editor: what is changed in that is set in what plays."""
    plugin.idle()
    plugin.idle_editor()
    edits = plugin.take_editor_edits()
    if not plugin.edits_are_heard:
        for index, value in edits:
            plugin.set_parameter(index, value)


class RigEditor:
    """Of one plugin at a time; it must be closed before the plugin is. `display`: of X11; empty:
    none."""

    def __init__(self, display: str) -> None:
        self._display = display
        self._window: X11Window | None = None
        self._plugin: LoadedPlugin | None = None

    def open(self, plugin: LoadedPlugin) -> Sides:
        """Its size. Raises WorkerError."""
        if self._window is not None:
            raise WorkerError("the editor is open already")
        if not self._display:
            raise WorkerError("no editor can be opened: the rig has no display")
        os.environ["DISPLAY"] = self._display  # for toolkits, which open it themselves
        os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"
        window = X11Window(self._display)
        window.map()
        try:
            plugin.open_editor(window)
        except BaseException:
            window.close()
            raise
        self._window, self._plugin = window, plugin
        self.turn()
        return plugin.editor_size

    def resize(self, width: int, height: int) -> Sides:
        """The size that it has then. Raises WorkerError."""
        if self._window is None or self._plugin is None:
            raise WorkerError("the editor is not open")
        self._plugin.resize_editor(width, height)
        self.turn()
        return self._plugin.editor_size

    def turn(self) -> None:
        """Gives it the time to draw itself. Its window becomes as large as it is."""
        if self._plugin is None or self._window is None:
            return
        for _ in range(_TURNS):
            self._window.resize(*self._plugin.editor_size)
            idle_with_editor(self._plugin)
            time.sleep(_TURN_S)

    def close(self) -> None:
        """Does nothing where none is open."""
        window, plugin = self._window, self._plugin
        self._window = self._plugin = None
        if plugin is not None:
            plugin.close_editor()
        if window is not None:
            window.close()
