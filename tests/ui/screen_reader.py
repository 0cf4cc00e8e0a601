# SPDX-License-Identifier: GPL-3.0-or-later
"""What a screen reader knows of a window (AT-SPI): names, places, values, and who has the focus.

Tests find things by the names that people are told, so one that has no name is found out.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

_ROOT = "/org/a11y/atspi/accessible/root"
_ACCESSIBLE = "org.a11y.atspi.Accessible"
_COMPONENT = "org.a11y.atspi.Component"
_FOCUSED, _SENSITIVE, _SHOWING = 12, 24, 25  # states
_CHECKED = 4
_ANSWER_S = 20.0
_PATIENCE_S = 30.0
# Whose parts are asked for one by one where they are wanted: a list may have thousands.
_LONG = ("list", "tree", "table", "combo box")


@dataclass(frozen=True)
class Thing:
    """Something in a window, as it was when it was asked for."""

    owner: str
    path: str
    name: str
    role: str
    x: int
    y: int
    width: int
    height: int

    def is_called(self, name: str | Callable[[str], bool]) -> bool:
        return name(self.name) if callable(name) else name == self.name

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2

    def at(self, across: float, down: float) -> tuple[int, int]:
        """0, 0 is the upper left corner, 1, 1 the lower right one."""
        return self.x + round(self.width * across), self.y + round(self.height * down)


def ask_for_programs(bus: str) -> None:
    """Once, and without caring for the answer."""
    with contextlib.closing(ScreenReader(bus)) as reader:
        reader.settle()


class ScreenReader:
    """Of all programs on a bus."""

    def __init__(self, bus: str) -> None:
        self._connection = open_dbus_connection(bus=bus)

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------------------------ looking

    def find(
        self,
        name: str | Callable[[str], bool],
        role: str | None = None,
        within: Thing | None = None,
    ) -> Thing:
        """The first that can be seen; waits for it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            for thing in self.every(name, role, within):
                return thing
            if time.monotonic() > deadline:
                seen = [thing.name for thing in self.every(within=within) if thing.name]
                raise AssertionError(f"no {name} is seen, but {seen}")
            time.sleep(0.05)

    def sees(
        self,
        name: str | Callable[[str], bool],
        role: str | None = None,
        within: Thing | None = None,
    ) -> bool:
        """Whether it can be seen now."""
        return any(True for _ in self.every(name, role, within))

    def every(
        self,
        name: str | Callable[[str], bool] = lambda _: True,
        role: str | None = None,
        within: Thing | None = None,
    ) -> Iterator[Thing]:
        """All that can be seen, from the outside in."""
        start = [(within.owner, within.path)] if within is not None else self._programs()
        for owner, path in start:
            yield from self._below(owner, path, name, role)

    def text(self, thing: Thing) -> str:
        """What stands in a field."""
        return str(self._call(thing, "org.a11y.atspi.Text", "GetText", "ii", (0, -1))[0])

    def value(self, thing: Thing) -> float:
        """Of a slider."""
        return float(
            self._property(thing.owner, thing.path, "org.a11y.atspi.Value", "CurrentValue")
        )

    def description(self, thing: Thing) -> str:
        return str(self._property(thing.owner, thing.path, _ACCESSIBLE, "Description"))

    def is_checked(self, thing: Thing) -> bool:
        return self._has(thing.owner, thing.path, _CHECKED)

    def is_enabled(self, thing: Thing) -> bool:
        return self._has(thing.owner, thing.path, _SENSITIVE)

    def focused(self) -> Thing | None:
        """What has the keys."""
        for owner, path in self._programs():
            for thing in self._below(owner, path, lambda _: True, None):
                if self._has(thing.owner, thing.path, _FOCUSED) and thing.role != "frame":
                    return thing
        return None

    def settle(self) -> None:
        """Until the programs have dealt with what they were given before. They are asked in the
        order in which they read: twice, because what they were given may lead to more."""
        for owner, path in self._programs() * 2:
            with contextlib.suppress(DBusErrorResponse):  # it has just ended
                self._ask(owner, path, _ACCESSIBLE, "GetRole")

    # ------------------------------------------------------------------ asking

    def _below(
        self, owner: str, path: str, name: str | Callable[[str], bool], role: str | None
    ) -> Iterator[Thing]:
        level = [(owner, path)]
        while level:
            following: list[tuple[str, str]] = []
            for owner, path in level:
                try:
                    thing = self._thing(owner, path)
                    if thing is not None and role in (None, thing.role) and thing.is_called(name):
                        yield thing
                    following += self._children(owner, path, thing)
                except DBusErrorResponse:
                    continue  # it has left meanwhile
            level = following

    def _thing(self, owner: str, path: str) -> Thing | None:
        """None where it cannot be seen."""
        if path == _ROOT or not self._has(owner, path, _SHOWING):
            return None
        x, y, width, height = self._ask(owner, path, _COMPONENT, "GetExtents", "u", (0,))[0]
        name = str(self._property(owner, path, _ACCESSIBLE, "Name"))
        role = str(self._ask(owner, path, _ACCESSIBLE, "GetRoleName")[0])
        return Thing(owner, path, name, role, x, y, width, height)

    def _children(self, owner: str, path: str, thing: Thing | None) -> list[tuple[str, str]]:
        if (thing is None and path != _ROOT) or (thing is not None and thing.role in _LONG):
            return []
        return list(self._ask(owner, path, _ACCESSIBLE, "GetChildren")[0])

    def row(self, listed: Thing, name: str) -> Thing:
        """The row of a list or tree; waits for it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            for owner, path in self._call(listed, _ACCESSIBLE, "GetChildren")[0]:
                try:
                    thing = self._thing(owner, path)
                except DBusErrorResponse:
                    continue
                if thing is not None and thing.name == name:
                    return thing
            assert time.monotonic() < deadline, f"no such row: {name}"
            time.sleep(0.05)

    def _programs(self) -> list[tuple[str, str]]:
        registry = "org.a11y.atspi.Registry"
        return list(self._ask(registry, _ROOT, _ACCESSIBLE, "GetChildren")[0])

    def _has(self, owner: str, path: str, state: int) -> bool:
        words = self._ask(owner, path, _ACCESSIBLE, "GetState")[0]
        return bool(words[state // 32] >> state % 32 & 1)

    def _property(self, owner: str, path: str, interface: str, name: str) -> Any:
        properties = "org.freedesktop.DBus.Properties"
        return self._ask(owner, path, properties, "Get", "ss", (interface, name))[0][1]

    def _call(
        self, thing: Thing, interface: str, method: str, kinds: str = "", body: tuple[Any, ...] = ()
    ) -> Any:
        return self._ask(thing.owner, thing.path, interface, method, kinds, body)

    def _ask(
        self,
        owner: str,
        path: str,
        interface: str,
        method: str,
        kinds: str = "",
        body: tuple[Any, ...] = (),
    ) -> Any:
        address = DBusAddress(path, bus_name=owner, interface=interface)
        message = new_method_call(address, method, kinds or None, body)
        reply = self._connection.send_and_get_reply(message, timeout=_ANSWER_S)
        if reply.header.message_type == MessageType.error:
            raise DBusErrorResponse(reply)
        return reply.body
