# SPDX-License-Identifier: GPL-3.0-or-later
"""A plugin's own window, in the worker that plays it: opened, given its turns, watched for what its
user changes in it.

Whether the editor is the playing instance's or one beside it (sandbox/backends/editor.py) makes no
difference here but one: what is changed beside is told to the host, which sends it like any edit.
"""

import contextlib
import os
import time

from ipc.errors import WorkerError
from ipc.messages import MAX_WINDOW_EDITS, WindowEdit, WindowNews
from sandbox.backends.editor import Sides
from sandbox.backends.plugin import LoadedPlugin
from sandbox.loading import bounded
from sandbox.plugin_window import PluginWindow

# Between two looks at what plays: what is automated, or turned elsewhere, is shown as often.
_LOOK_S = 0.05
# A parameter that its user is changing is not shown what plays, which lags behind.
_OWN_S = 0.5
# So long after an edit the next one belongs to it, with no button of the mouse down (its wheel).
_PAUSE_S = 0.5
_SAME = 1e-6
_NICENESS = 10


class OwnWindow:
    """Of one plugin. Methods raise WorkerError."""

    def __init__(self, plugin: LoadedPlugin, title: str, above: int) -> None:
        self._plugin = plugin
        display = os.environ.get("DISPLAY", "")
        if not display:
            raise WorkerError(f"{plugin.id}: no window can be opened: there is no display")
        _draw_behind_audio()
        self._window = PluginWindow(display, title, above)
        self._window.map()  # some draw themselves only into what is seen when they open
        try:
            plugin.open_editor(self._window)
        except BaseException:
            self._window.close()
            raise
        self._gestures = _Gestures()
        self._values = plugin.get_parameters()
        self._earlier = list(self._values)  # as they were at the look before
        self._last_look = time.monotonic()
        self._edited_at: dict[int, float] = {}
        self._size = self._read_size()
        self._window.show(self._size or self._window.size, plugin.editor_can_resize)

    def to_front(self) -> None:
        self._window.to_front()

    def close(self) -> None:
        self._plugin.close_editor()
        self._window.close()

    def turn(self, member: int) -> list[WindowNews]:
        """To be called sixty times a second. If it was closed by its user, the last news say so."""
        plugin = self._plugin
        wishes = self._window.take_wishes()
        if wishes.close:
            news = self._news(member)  # what was changed just before
            self.close()
            return [*news, WindowNews(member=member, is_closed=True)]
        if wishes.size is not None and plugin.editor_can_resize:
            plugin.resize_editor(*wishes.size)
        if not plugin.idles_for_all:  # else that is another's turn
            plugin.idle()
        plugin.idle_editor()
        self._follow_size()
        news = self._news(member)
        self._look()
        return news

    # -- inside ---------------------------------------------------------------------------------

    def _read_size(self) -> Sides | None:
        """None: it does not say yet."""
        size = self._plugin.editor_size
        return size if all(size) else None

    def _follow_size(self) -> None:
        size = self._read_size()
        if size is not None and size != self._window.size:
            self._window.fit(size, self._plugin.editor_can_resize)

    def _news(self, member: int) -> list[WindowNews]:
        now = time.monotonic()
        self._gestures.watch(self._window.is_button_down(), now)
        newest = {
            index: bounded(value)
            for index, value in self._plugin.take_editor_edits()
            if 0 <= index < len(self._values)
        }
        edits = []
        for index, value in newest.items():
            if abs(value - self._earlier[index]) < _SAME or self._is_shown(index, value):
                continue  # some send all that they show with each change
            gesture, before = self._gestures.of_edit(index, self._earlier[index], now)
            edits.append(WindowEdit(index, value, bounded(before), gesture))
            self._values[index] = self._earlier[index] = value
            self._edited_at[index] = now
        return [
            WindowNews(
                member=member,
                edits=edits[first : first + MAX_WINDOW_EDITS],
                is_heard=self._plugin.edits_are_heard,
            )
            for first in range(0, len(edits), MAX_WINDOW_EDITS)
        ]

    def _is_shown(self, index: int, value: float) -> bool:
        """Some editors beside what plays send back what they are shown, by a look or by the plugin
        itself (a program is set)."""
        if self._plugin.edits_are_heard or index in self._edited_at:
            return False
        shown = self._values[index], self._plugin.get_parameter(index)
        return any(abs(value - one) < _SAME for one in shown)

    def _look(self) -> None:
        """Shows what has changed by somebody else's doing."""
        now = time.monotonic()
        if now - self._last_look < _LOOK_S:
            return
        self._last_look = now
        self._edited_at = {i: at for i, at in self._edited_at.items() if now - at < _OWN_S}
        before, self._values = self._values, self._plugin.get_parameters()
        self._earlier = before
        for index, (old, new) in enumerate(zip(before, self._values, strict=True)):
            if index in self._edited_at:
                self._values[index] = old
            elif new != old:
                self._plugin.show_in_editor(index, new)


def _draw_behind_audio() -> None:
    """Windows are drawn by the processor, in threads that this one starts: where there is no
    real-time priority, that must not make blocks late. Threads that play are older, and stay."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)


class _Gestures:
    """Which edits belong together: those made while a button of the mouse is down, or soon after
    each other."""

    def __init__(self) -> None:
        self._number = 0
        self._is_down = False
        self._is_over = True
        self._last_edit = 0.0
        self._before: dict[int, float] = {}  # values of its parameters when it began

    def watch(self, is_down: bool, now: float) -> None:
        pressed = is_down and not self._is_down
        self._is_down = is_down
        if pressed or (not is_down and now - self._last_edit > _PAUSE_S):
            self._is_over = True

    def of_edit(self, parameter: int, before: float, now: float) -> tuple[int, float]:
        """Its gesture, and the value that the parameter had before that."""
        if self._is_over:
            self._is_over = False
            self._number += 1
            self._before.clear()
        self._last_edit = now
        return self._number, self._before.setdefault(parameter, before)
