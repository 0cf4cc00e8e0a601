# SPDX-License-Identifier: GPL-3.0-or-later
"""Live MIDI: what is played on a port goes to the tracks that listen to it.

One thread asks all ports for their messages once a millisecond and is the one producer of the
engine's ring for live MIDI. RtMidi would also call us back, but with JACK from its real-time
thread: Python there would make the whole graph late. The same thread notices ports that go away
or come back.
"""

import ctypes
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.events import HostEventKind
from host.host import Host
from host.server_sockets import hung_up, server_sockets
from ipc.errors import InputError, MachineError

_PERIOD_S = 0.001  # a note-on takes as long on a MIDI cable
_LOOK_S = 0.5  # for ports that went or came
_RETRY_S = 2.0  # for a MIDI system that is not there
_CLIENT_NAME = "isobooth"
_SEQUENCER = Path("/dev/snd/seq")

# ALSA ends a port's name with numbers that change when it is plugged in again.
_NUMBERS = re.compile(r" \d+:\d+$")
_SUSTAIN = 64
_SYSEX = b"\xf0"
# Messages that one port may have taken in a turn: more than a cable carries, so that a program
# that sends without end does not keep the other ports, and the end, waiting.
_TURN = 1000
# Closing a port takes milliseconds; with a sound server that is stopped, it never ends.
_CLOSE_S = 1.0


class _System:
    """One of RtMidi's APIs: ALSA or JACK."""

    def __init__(self, rtmidi: Any, api: int, name: str) -> None:
        self.name = name
        self._rtmidi = rtmidi
        self._api = api

    def client(self) -> Any:
        """A client with no port yet. Raises MachineError."""
        if self._api == self._rtmidi.API_LINUX_ALSA and not _SEQUENCER.exists():
            raise MachineError("there is no ALSA sequencer: `modprobe snd-seq`")
        try:
            client = self._rtmidi.MidiIn(self._api, name=_CLIENT_NAME)
        except Exception as error:  # its errors share no class across versions
            raise MachineError(f"{self.name} MIDI cannot be used: {error}") from None
        # Only channel messages reach a plugin. System exclusive ones are taken to be counted.
        client.ignore_types(sysex=False, timing=True, active_sense=True)
        return client


def midi_ports() -> list[str]:
    """The names of all input ports there are now. Raises MachineError without RtMidi."""
    names: list[str] = []
    for system in _systems():
        try:
            client = system.client()
        except MachineError:
            continue
        names += client.get_ports()
        client.delete()
    return names


def choose_port(ports: Sequence[str], wanted: str) -> str | None:
    """The port of that name, or the one that has it in its name; None if there is none.

    Raises InputError if it may be several.
    """
    name = _NUMBERS.sub("", wanted).casefold()
    for found in (
        [port for port in ports if port == wanted],
        [port for port in ports if _NUMBERS.sub("", port).casefold() == name],
        [port for port in ports if name in port.casefold()],
    ):
        if len(found) > 1:
            raise InputError(
                f"the MIDI port '{wanted}' is not clear: it may be {', '.join(found)}; "
                f"write more of its name"
            )
        if found:
            return found[0]
    return None


@dataclass
class _Port:
    wanted: str  # what the song calls it
    tracks: list[str]
    client: Any = None
    server: frozenset[str] = frozenset()  # its connections, where it needs a server
    full_name: str = ""
    told: str = ""
    received: int = 0
    sysex: int = 0
    held: set[tuple[int, int]] = field(default_factory=set)  # (channel, note)
    sustained: set[int] = field(default_factory=set)  # channels

    def note(self, data: bytes) -> None:
        """Remembers what sounds because of this message."""
        command, channel = data[0] & 0xF0, data[0] & 0x0F
        if command == 0x90 and data[2] > 0:
            self.held.add((channel, data[1]))
        elif command in (0x80, 0x90):
            self.held.discard((channel, data[1]))
        elif command == 0xB0 and data[1] == _SUSTAIN:
            (self.sustained.add if data[2] >= 64 else self.sustained.discard)(channel)

    def is_there(self) -> bool:
        return not hung_up(self.server) and self.full_name in _ports_of(self.client)

    def close(self) -> None:
        if self.client is None:
            return
        if hung_up(self.server):
            # libjack may have freed what it needs to close a client whose server has died, if
            # another client looked for a server meanwhile. So nobody may ever close this one.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.client))
        else:
            self.client.delete()
        self.client = None


class MidiInput:
    """Feeds a host from MIDI ports, as long as they are there. Use as a context manager, inside
    the host's."""

    def __init__(self, host: Host, ports: Mapping[str, Sequence[str]]) -> None:
        """`ports`: for each port (its name or a part of it) the ids of the tracks that hear it.
        Raises MachineError without RtMidi, InputError for a name that fits several ports or a
        track that is not there. A port that is missing is taken up when it comes."""
        for tracks in ports.values():
            for track in tracks:
                host.mix.strip(track)
        self.lost = 0  # messages: the engine's ring was full
        self._host = host
        self._systems = _systems()
        self._ports = [_Port(wanted, list(tracks)) for wanted, tracks in ports.items()]
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._next_look = 0.0
        for port in self._ports:
            self._connect(port, first=True)
        if self._ports:
            self._thread = threading.Thread(target=self._run, name="isb-midi", daemon=True)
            self._thread.start()

    def __enter__(self) -> "MidiInput":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> dict[str, str]:
        """The full names of the ports that are there, by the names the song uses."""
        return {port.wanted: port.full_name for port in self._ports if port.client is not None}

    @property
    def received(self) -> int:
        """Channel messages that were sent on to tracks."""
        return sum(port.received for port in self._ports)

    @property
    def sysex(self) -> int:
        """System exclusive messages, which are left out."""
        return sum(port.sysex for port in self._ports)

    def close(self) -> None:
        """Closes all ports; one that its MIDI system holds on to is left to it after a second,
        and said. Safe to call twice."""
        self._closing.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(_CLOSE_S)
        if thread.is_alive():
            held = [port for port in self._ports if port.client is not None]
            names = ", ".join(port.full_name or port.wanted for port in held or self._ports)
            text = f"the MIDI port {names} cannot be closed (is its sound server stopped?); it is "
            self._host.events.add(HostEventKind.DEVICE, f"{text}left behind")

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        self._next_look = time.monotonic() + _LOOK_S
        while not self._closing.wait(_PERIOD_S):
            for port in self._ports:
                if port.client is not None:
                    self._drain(port)
            if time.monotonic() >= self._next_look:
                self._look()
        for port in self._ports:  # here, where nobody waits for it without a limit
            port.close()
            self._release_notes(port)

    def _drain(self, port: _Port) -> None:
        for _ in range(_TURN):
            message = port.client.get_message()
            if message is None:
                return
            data = bytes(message[0])
            if data.startswith(_SYSEX):
                self._leave_out_sysex(port)
            elif _is_channel_message(data):
                port.received += 1
                port.note(data)
                self._send(port, data)

    def _send(self, port: _Port, data: bytes) -> None:
        for track in port.tracks:
            if not self._host.send_midi(track, data):
                self.lost += 1
                if self.lost == 1:
                    self._tell(port, f"the MIDI port {port.full_name} sends too much: some is lost")

    def _leave_out_sysex(self, port: _Port) -> None:
        port.sysex += 1
        if port.sysex == 1:
            self._tell(
                port,
                f"the MIDI port {port.full_name} sends system exclusive messages: they are left "
                "out, plugins get channel messages only",
            )

    def _look(self) -> None:
        """Which ports went, which came."""
        pause_s = _LOOK_S
        for port in self._ports:
            if port.client is not None and not port.is_there():
                port.close()
                self._release_notes(port)
                self._tell(
                    port,
                    f"the MIDI port {port.full_name} is gone; it is taken up again when it is back",
                )
            if port.client is None:
                self._connect(port)
                if port.client is None:
                    pause_s = _RETRY_S
        self._next_look = time.monotonic() + pause_s

    def _release_notes(self, port: _Port) -> None:
        """No note may sound forever because the cable was pulled while it was held."""
        for channel, note in port.held:
            self._send(port, bytes([0x80 | channel, note, 0]))
        for channel in port.sustained:
            self._send(port, bytes([0xB0 | channel, _SUSTAIN, 0]))
        port.held.clear()
        port.sustained.clear()

    # ------------------------------------------------------------------ connecting

    def _connect(self, port: _Port, first: bool = False) -> None:
        """Opens the port if it is there, and says so if it is not."""
        there: list[str] = []
        problems: list[str] = []
        for system in self._systems:
            before = server_sockets()
            try:
                client = system.client()
            except MachineError as error:
                problems.append(str(error))
                continue
            server = server_sockets() - before
            name = None
            try:
                there += (names := _ports_of(client))
                name = choose_port(names, port.full_name) if port.full_name else None
                name = name or choose_port(names, port.wanted)
                if name is not None:
                    client.open_port(names.index(name), name="in")
            except InputError as error:
                client.delete()
                if first:
                    raise
                self._tell(port, str(error))
                return
            except Exception as error:  # it went away between being listed and opened
                problems.append(f"{name}: {error}")
                name = None
            if name is None:
                client.delete()
                continue
            port.client, port.server = client, server
            if not first:
                news = "back" if port.full_name else "connected"
                self._tell(port, f"the MIDI port {name} is {news}")
            port.full_name = name
            return
        if first:
            if there:
                why = f"there are {', '.join(there)}"
            else:
                why = "; ".join(["there is no port", *problems])
            self._tell(
                port,
                f"the MIDI port '{port.wanted}' is not there ({why}); it is taken up when it comes",
            )

    def _tell(self, port: _Port, text: str) -> None:
        if text == port.told:
            return
        port.told = text
        self._host.events.add(HostEventKind.DEVICE, text, block=self._host.engine.block_count)


def _is_channel_message(data: bytes) -> bool:
    """Programs may send anything: a cut-short message, or one with a status byte in its middle."""
    if not data or not 0x80 <= data[0] < 0xF0:
        return False
    size = 2 if data[0] & 0xF0 in (0xC0, 0xD0) else 3
    return len(data) == size and max(data[1:]) < 0x80


def _ports_of(client: Any) -> list[str]:
    try:
        return [str(name) for name in client.get_ports()]
    except Exception:  # its server has gone
        return []


def _systems() -> list[_System]:
    """ALSA and JACK, as far as this RtMidi has them. Raises MachineError."""
    try:
        import rtmidi
    except ImportError as error:
        raise MachineError(f"RtMidi cannot be loaded ({error}): `pip install python-rtmidi`") from (
            None
        )
    _silence_libjack()
    names = {rtmidi.API_LINUX_ALSA: "ALSA", rtmidi.API_UNIX_JACK: "JACK"}
    return [_System(rtmidi, api, names[api]) for api in rtmidi.get_compiled_api() if api in names]


def _silence_libjack() -> None:
    """libjack writes to stderr, several lines a time, that no server runs: RtMidi tells us too."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "libjack" in line}
    # A C function that takes a text, and does nothing else that anyone could notice.
    ignore = ctypes.CDLL(None).strlen
    for path in paths:
        if not os.path.isfile(path):
            continue
        try:
            library = ctypes.CDLL(path)
            library.jack_set_error_function(ignore)
            library.jack_set_info_function(ignore)
        except (OSError, AttributeError):
            continue
