# SPDX-License-Identifier: GPL-3.0-or-later
"""Live MIDI: a keyboard (a JACK port of RtMidi's) plays plugins, goes away and comes back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from host.config import HostConfig
from host.device import AudioDevice
from host.host import Host
from host.midi_input import MidiInput, choose_port, midi_ports
from host.song import LiveInput, Slot, Song, Track
from ipc.errors import InputError
from tests.fixtures.own_process import own_process
from tests.process.jack import JackServer, until

pytestmark = pytest.mark.process

SYNTH = "builtin:synth"
PIANO = "lv2:http://drobilla.net/plugins/mda/Piano"


def song(**ports: str) -> Song:
    """A track for each plugin, named by the port it listens to."""
    return Song(
        tracks=tuple(
            Track(
                id=name,
                input=LiveInput(channels=(), midi=name),
                chain=(Slot(id=f"{name}-slot", plugin=plugin),),
            )
            for name, plugin in ports.items()
        )
    )


@pytest.fixture
def jack() -> Iterator[JackServer]:
    with JackServer() as server:
        yield server


class Keyboards:
    """Ports `NAME:keys` in a process of their own: like real ones, they do not share our fate, nor
    we theirs (JACK's library may crash when a client of several in a process is closed)."""

    def __init__(self, *names: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _KEYBOARDS, *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def __enter__(self) -> "Keyboards":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        """In order."""
        self._process.communicate(timeout=10)

    def send(self, name: str, message: Sequence[int]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name} {bytes(message).hex()}\n")
        self._process.stdin.flush()

    def note_until_heard(self, host: Host, name: str) -> None:
        deadline = time.monotonic() + 30
        while level(host, name) < 0.001:
            assert time.monotonic() < deadline, f"{name} is not heard"
            self.send(name, [0x90, 60, 100])
            time.sleep(0.05)


_KEYBOARDS = """
import rtmidi, sys
ports = {name: rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name) for name in sys.argv[1:]}
for port in ports.values():
    port.open_virtual_port("keys")
print("ready", flush=True)
for line in sys.stdin:
    name, message = line.split()
    ports[name].send_message(list(bytes.fromhex(message)))
for port in ports.values():
    port.delete()
"""


class Keyboard:
    """One of them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._keyboards = Keyboards(name)

    def send_message(self, message: Sequence[int]) -> None:
        self._keyboards.send(self._name, message)

    def close(self) -> None:
        self._keyboards.close()


@contextmanager
def keyboard(name: str) -> Iterator[Keyboard]:
    """A port `NAME:keys` that sends what it is told."""
    port = Keyboard(name)
    try:
        yield port
    finally:
        port.close()


@contextmanager
def playing(played: Song) -> Iterator[Host]:
    with Host(HostConfig(block_frames=256)) as host:
        host.load(played)
        host.start()
        yield host


def level(host: Host, track: str) -> float:
    mix = host.mix
    return max(mix.strip(track).native.peaks)


def until_connected(midi: MidiInput, *ports: str) -> None:
    until(lambda: set(midi.connected) == set(ports), f"the ports {ports}")


def note_until_heard(host: Host, port: Keyboard, track: str) -> None:
    """Again and again: JACK forgets what is sent in a block it could not finish."""
    deadline = time.monotonic() + 30
    while level(host, track) < 0.001:
        assert time.monotonic() < deadline, f"{track} is not heard"
        port.send_message([0x90, 60, 100])
        time.sleep(0.05)


def let_go(midi: MidiInput, send_note_off: Callable[[], None]) -> None:
    """Again and again, as above, until one has arrived."""
    time.sleep(0.2)  # the notes that are still on their way
    before, deadline = midi.received, time.monotonic() + 30
    while midi.received == before:
        assert time.monotonic() < deadline, "the note is not let go"
        send_note_off()
        time.sleep(0.05)


def until_silent(host: Host, track: str) -> None:
    until(lambda: level(host, track) < 1e-4, f"{track} silent")


@pytest.mark.parametrize("plugin", [SYNTH, PIANO])
def test_a_key_is_heard_and_let_go(jack: JackServer, plugin: str) -> None:
    if plugin == PIANO and not os.path.exists("/usr/lib/lv2/mda.lv2"):
        pytest.skip("mda-lv2 is not installed")
    with keyboard("piano") as port, playing(song(piano=plugin)) as host:
        assert "piano:keys" in midi_ports()
        with MidiInput(host, {"piano": ["piano"]}) as midi:
            assert midi.connected == {"piano": "piano:keys"}
            assert level(host, "piano") == 0.0
            note_until_heard(host, port, "piano")
            let_go(midi, lambda: port.send_message([0x80, 60, 0]))
            until_silent(host, "piano")
            assert midi.received > 0
            assert midi.lost == 0
    assert not [event for event in host.events_since(0) if event.kind == "device"]


def test_ports_reach_the_tracks_that_listen_to_them(jack: JackServer) -> None:
    both = song(left=SYNTH, right=SYNTH)
    with (
        keyboard("left") as left,
        keyboard("right") as right,
        playing(both) as host,
        MidiInput(host, {"left": ["left"], "right:keys": ["right", "left"]}) as midi,
    ):
        assert midi.connected == {"left": "left:keys", "right:keys": "right:keys"}
        note_until_heard(host, left, "left")
        assert level(host, "right") == 0.0
        let_go(midi, lambda: left.send_message([0x80, 60, 0]))
        until_silent(host, "left")
        note_until_heard(host, right, "right")
        until(lambda: level(host, "left") > 0.001, "the other track of the port")


def test_what_is_no_channel_message_goes_nowhere(jack: JackServer) -> None:
    with (
        keyboard("keys") as port,
        playing(song(keys=SYNTH)) as host,
        MidiInput(host, {"keys": ["keys"]}) as midi,
    ):
        for message in ([0xF8], [0xFE], [0xF2, 1, 1], [0xFF]):
            port.send_message(message)
        note_until_heard(host, port, "keys")  # it still works
        until(lambda: midi.received > 0, "a note")
        assert (midi.lost, midi.sysex) == (0, 0)


def test_what_is_no_message_at_all_stops_nothing(jack: JackServer) -> None:
    with (
        keyboard("keys") as port,
        playing(song(keys=SYNTH)) as host,
        MidiInput(host, {"keys": ["keys"]}) as midi,
    ):
        for message in ([0x90], [0x90, 60], [0x90, 200, 200], [60, 100], [0xC0], [0xB0, 64]):
            port.send_message(message)
        note_until_heard(host, port, "keys")
        assert midi.lost == 0


def test_system_exclusive_messages_are_counted_and_named_once(jack: JackServer) -> None:
    with (
        keyboard("keys") as port,
        playing(song(keys=SYNTH)) as host,
        MidiInput(host, {"keys": ["keys"]}) as midi,
    ):
        dump = [0xF0, *[1] * 1500, 0xF7]

        def several() -> bool:  # again and again: see note_until_heard
            port.send_message(dump)
            return midi.sysex >= 3

        until(several, "three dumps")
        note_until_heard(host, port, "keys")
        texts = [event.text for event in host.events_since(0) if event.kind == "device"]
    assert texts == [
        "the MIDI port keys:keys sends system exclusive messages: they are left out, plugins get "
        "channel messages only"
    ]


def test_a_port_that_goes_lets_its_notes_go_and_comes_back(jack: JackServer) -> None:
    with (
        playing(song(keys=SYNTH)) as host,
        MidiInput(host, {"keys": ["keys"]}) as midi,
    ):
        assert midi.connected == {}
        with keyboard("keys") as port:
            until_connected(midi, "keys")
            port.send_message([0xB0, 64, 127])  # the sustain pedal
            note_until_heard(host, port, "keys")
        until_connected(midi)
        until_silent(host, "keys")  # nobody can let go of the key any more
        with keyboard("keys") as port:
            until_connected(midi, "keys")
            note_until_heard(host, port, "keys")
        texts = [event.text for event in host.events_since(0) if event.kind == "device"]
    assert texts[0].startswith("the MIDI port 'keys' is not there (")
    assert texts[1:] == [
        "the MIDI port keys:keys is connected",
        "the MIDI port keys:keys is gone; it is taken up again when it is back",
        "the MIDI port keys:keys is back",
    ]


@own_process
def test_ports_come_back_with_their_server() -> None:
    both = song(left=SYNTH, right=SYNTH)
    with (
        JackServer() as jack,
        playing(both) as host,
        MidiInput(host, {"left": ["left"], "right": ["right"]}) as midi,
    ):
        for _ in range(3):
            with Keyboards("left", "right") as keyboards:
                until_connected(midi, "left", "right")
                keyboards.note_until_heard(host, "left")
                keyboards.note_until_heard(host, "right")
                jack.stop()
                until_connected(midi)
                until_silent(host, "left")
                until_silent(host, "right")
            jack.start()


@own_process
def test_device_and_keyboard_come_back_together() -> None:
    with (
        JackServer() as jack,
        Host(HostConfig(block_frames=256)) as host,
    ):
        host.load(song(keys=SYNTH))
        with (
            AudioDevice(host) as device,
            MidiInput(host, {"keys": ["keys"]}) as midi,
        ):
            device.open()
            assert device.start()
            host.start()
            driver = host.driver
            assert driver is not None
            for _ in range(2):
                with Keyboards("keys") as keyboards:
                    until_connected(midi, "keys")
                    keyboards.note_until_heard(host, "keys")
                    jack.stop(signal.SIGKILL)
                    until_connected(midi)
                    until_silent(host, "keys")
                calls = driver.callbacks
                jack.start()
                until(lambda calls=calls: driver.callbacks > calls + 100, "the device")
        assert device.losses == 2


def test_a_name_that_fits_several_ports_is_refused() -> None:
    ports = ["Keystation 49 20:0", "Keystation 61 24:0", "nanoKONTROL 28:0"]
    with pytest.raises(InputError) as error:
        choose_port(ports, "keystation")
    assert str(error.value) == (
        "the MIDI port 'keystation' is not clear: it may be Keystation 49 20:0, "
        "Keystation 61 24:0; write more of its name"
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("nanokontrol", "nanoKONTROL 28:0"),
        ("Keystation 49 20:0", "Keystation 49 20:0"),
        ("Keystation 49 32:0", "Keystation 49 20:0"),  # it was plugged in somewhere else then
        ("keystation 49", "Keystation 49 20:0"),
        ("theremin", None),
    ],
)
def test_a_port_is_found_by_its_name_or_a_part_of_it(wanted: str, found: str | None) -> None:
    ports = ["Keystation 49 20:0", "Keystation 49 mk2 24:0", "nanoKONTROL 28:0"]
    assert choose_port(ports, wanted) == found


def test_a_port_for_a_track_that_is_not_there_is_refused(jack: JackServer) -> None:
    with playing(song(keys=SYNTH)) as host, pytest.raises(InputError, match="no track 'drums'"):
        MidiInput(host, {"keys": ["keys", "drums"]})
