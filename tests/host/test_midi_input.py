# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a MIDI port whose system does not answer any more."""

import threading
import time
from collections.abc import Iterator

import pytest

from host.config import HostConfig
from host.host import Host
from host.midi_input import MidiInput
from host.song import LiveInput, Song, Track

SONG = Song(tracks=(Track(id="keys", input=LiveInput(channels=(), midi="piano")),))


class FakeClient:
    """A port that can be opened and read; `deletes` is set, and waits, when it is closed."""

    def __init__(self) -> None:
        self.deletes, self.goes_on = threading.Event(), threading.Event()

    name = "a system"

    def client(self) -> "FakeClient":
        return self

    def get_ports(self) -> list[str]:
        return ["piano"]

    def open_port(self, number: int, name: str) -> None: ...

    def get_message(self) -> None: ...

    def delete(self) -> None:
        self.deletes.set()
        assert self.goes_on.wait(20)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClient]:
    fake = FakeClient()
    monkeypatch.setattr("host.midi_input._systems", lambda: [fake])
    yield fake
    fake.goes_on.set()


def test_a_port_that_cannot_be_closed_holds_nobody_up(client: FakeClient) -> None:
    with Host(HostConfig()) as host:
        host.load(SONG)
        midi = MidiInput(host, {"piano": ["keys"]})
        assert midi.connected == {"piano": "piano"}
        closing = threading.Thread(target=midi.close)
        closing.start()
        assert client.deletes.wait(20)
        closing.join(20)
        assert not closing.is_alive()
        [event] = [event for event in host.events_since(0) if "piano" in event.text]
        assert "cannot be closed" in event.text
        midi.close()  # again, at once
        client.goes_on.set()
        deadline = time.monotonic() + 20
        while any(thread.name == "isb-midi" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_ports_that_answer_are_closed_with_the_input(client: FakeClient) -> None:
    client.goes_on.set()
    with Host(HostConfig()) as host:
        host.load(SONG)
        with MidiInput(host, {"piano": ["keys"]}) as midi:
            assert midi.connected
        assert client.deletes.is_set()
        assert not midi.connected
        assert not [event for event in host.events_since(0) if "piano" in event.text]
