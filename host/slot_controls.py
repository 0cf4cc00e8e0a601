# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control thread tells the audio thread about one slot. Every command reaches it, however
full its ring is; the newest of each kind wins."""

from collections.abc import Callable

from host.commands import CommandQueue
from host.engine_module import Engine, PluginSlot
from host.journal import Edit
from host.poison import Suspect
from host.song import OnMiss
from ipc.messages import Loaded


class SlotControls:
    def __init__(self, engine: Engine, native: PluginSlot, commands: CommandQueue) -> None:
        self._engine = engine
        self._native = native
        self._commands = commands

    def edit(self, edit: Edit) -> None:
        engine, native = self._engine, self._native
        self._send(
            ("parameter", edit.parameter),
            lambda: engine.set_parameter(native, edit.parameter, edit.value, edit.number),
        )

    def attach(self, record: int, restarted: bool, seat: int) -> None:
        """It plays, or stands by where another one does."""
        engine, native = self._engine, self._native
        self._send(("attach", seat), lambda: engine.attach(native, record, restarted, seat))

    def detach(self, seat: int) -> None:
        engine, native = self._engine, self._native
        self._send(("attach", seat), lambda: engine.detach(native, seat))

    def set_bypass(self, bypassed: bool, by_user: bool) -> None:
        """By the user, its plain input is heard; else what its policy for misses says."""
        engine, native = self._engine, self._native
        self._send("bypass", lambda: engine.set_bypass(native, bypassed, by_user))

    def set_latency(self, frames: int) -> None:
        engine, native = self._engine, self._native
        self._send("latency", lambda: engine.set_latency(native, frames))

    def forget(self, suspect: Suspect) -> None:
        """What the plugin dies of is given to it no more, until it comes anew."""
        engine, native = self._engine, self._native
        if suspect.kind == "midi":
            self._send(("forget", suspect.midi), lambda: engine.forget_midi(native, suspect.midi))
        elif suspect.kind == "parameter":
            self._send(
                ("forget", suspect.index), lambda: engine.forget_parameter(native, suspect.index)
            )

    def set_policy(self, on_miss: OnMiss, loaded: Loaded) -> None:
        engine, native = self._engine, self._native
        self._send(
            "policy",
            lambda: engine.set_policy(
                native,
                on_miss.value,
                loaded.description.in_channels == 0,
                loaded.accepts_midi,
                loaded.produces_midi,
            ),
        )

    def _send(self, what: object, command: Callable[[], bool]) -> None:
        self._commands.send((id(self._native), what), command)
