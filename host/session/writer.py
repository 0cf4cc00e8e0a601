# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a session to disk, on a thread of its own: neither the control loop nor the audio thread
waits for a disk.

What is new is written within a quarter of a second, which is what a killed host can lose, and
synced every half second, for a machine that loses its power. A snapshot's file stands before the
line that names it. A disk that is full is tried again; until then the newest values wait here.
"""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from host.journal import Snapshot
from host.session.folder import JOURNAL, SONG, STATES
from host.session.ledger import AnyEntry, Kept, Ledger, Position, Snapshots, encode_line
from host.song import Song
from host.song_file import save_song
from host.user_file import AtomicFile, file_error
from ipc.errors import IsoboothError

_WRITE_EVERY_S = 0.25
_SYNC_EVERY_S = 0.5
# A journal that has grown by this beyond what it has to say is written anew.
_COMPACT_BYTES = 1_000_000
_JOIN_S = 10.0  # a disk that hangs must not hold up the end of a session


class SessionWriter:
    """`start` begins with what was put before. `position` tells the transport's frame, from any
    thread; `tell` takes one line about what goes wrong, once."""

    def __init__(
        self, folder: Path, position: Callable[[], int], tell: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._position = position
        self._tell = tell
        self._told = False
        self._lock = threading.Lock()
        self._pending = Ledger()
        self._snapshots: dict[str, tuple[Snapshot, ...]] = {}
        self._forgotten: set[str] = set()
        self._song: Song | None = None
        self._must_compact = False  # the thread's own
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="isb-session", daemon=True)
        # The thread's own.
        self._ledger = Ledger()
        self._file = -1
        self._written = 0
        self._compact_at = _COMPACT_BYTES
        self._torn = False
        self._unsynced = False
        self._synced = 0.0

    def put(self, entry: AnyEntry) -> None:
        """Replaces what still waits of the same target."""
        with self._lock:
            self._pending.put(entry)

    def put_snapshots(self, slot: str, snapshots: Sequence[Snapshot]) -> None:
        """From now on these are a slot's."""
        with self._lock:
            self._snapshots[slot] = tuple(snapshots)

    def forget_slot(self, slot: str) -> None:
        """From now on another plugin has this id, or none."""
        with self._lock:
            self._pending.forget_slot(slot)
            self._snapshots.pop(slot, None)
            self._forgotten.add(slot)

    def change(self, song: Song, forgotten: Iterable[str], entries: Iterable[AnyEntry]) -> None:
        """From now on this song is what the journal begins with; what was kept of the `forgotten`
        slots is of other plugins."""
        with self._lock:
            for slot in forgotten:
                self._pending.forget_slot(slot)
                self._snapshots.pop(slot, None)
                self._forgotten.add(slot)
            for entry in entries:
                self._pending.put(entry)
            self._song = song

    def start(self) -> None:
        """Raises InputError or MachineError if the journal cannot be made; what was put before is
        on disk when this returns."""
        self._open()
        self._write()
        self._sync()
        self._thread.start()

    def stop(self) -> None:
        """Writes what is left. Safe to call twice, and without a start."""
        if self._thread.is_alive():
            self._ended.set()
            self._thread.join(_JOIN_S)
        if not self._thread.is_alive() and self._file >= 0:
            os.close(self._file)
            self._file = -1

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while True:
            ended = self._ended.wait(_WRITE_EVERY_S)
            try:
                self._write()
                if self._unsynced and (ended or time.monotonic() - self._synced >= _SYNC_EVERY_S):
                    self._sync()
            except (IsoboothError, OSError) as error:
                self._complain(error)
            if ended:
                return

    def _write(self) -> None:
        frame = self._position()
        with self._lock:
            taken, self._pending = self._pending, Ledger()
            snapshots, self._snapshots = self._snapshots, {}
            forgotten, self._forgotten = self._forgotten, set()
            song, self._song = self._song, None
        taken.put(Position(max(0, frame)))
        try:
            if song is not None:
                save_song(song, self._folder / SONG)
                song = None
            if any([self._ledger.forget_slot(slot) for slot in forgotten]):
                self._must_compact = True
            if self._must_compact:
                self._compact()
            for slot, kept in snapshots.items():
                taken.put(Snapshots(slot, tuple(self._keep(one) for one in kept)))
            new = [entry for entry in taken if not self._ledger.holds(entry)]
            self._append(b"".join(map(encode_line, new)))
        except BaseException:
            self._take_back(taken, snapshots, forgotten, song)
            raise
        for entry in new:
            self._ledger.put(entry)
        if snapshots:
            self._drop_states()
        if self._written > self._compact_at:
            self._compact()

    def _take_back(
        self,
        taken: Ledger,
        snapshots: dict[str, tuple[Snapshot, ...]],
        forgotten: set[str],
        song: Song | None,
    ) -> None:
        """What could not be written waits for the next time, unless there is something newer."""
        with self._lock:
            self._song = self._song or song
            for slot in self._forgotten:
                taken.forget_slot(slot)
                snapshots.pop(slot, None)
            self._forgotten |= forgotten
            for entry in self._pending:
                taken.put(entry)
            self._pending = taken
            self._snapshots = {**snapshots, **self._snapshots}

    def _append(self, lines: bytes) -> None:
        if not lines:
            return
        if self._torn:
            lines = b"\n" + lines
        try:
            written = os.write(self._file, lines)
        except OSError as error:
            raise file_error(self._folder / JOURNAL, "written", error) from None
        self._torn = written != len(lines)
        self._written += written
        self._unsynced = True
        if self._torn:
            raise OSError(28, "No space left on device")

    def _sync(self) -> None:
        os.fdatasync(self._file)
        self._unsynced, self._synced = False, time.monotonic()

    def _keep(self, snapshot: Snapshot) -> Kept:
        name = hashlib.sha256(snapshot.data).hexdigest()
        path = self._state(name)
        if not path.exists():
            with AtomicFile(path) as output:
                output.file.write(snapshot.data)
        return Kept(name, snapshot.applied_edit, snapshot.good)

    def _drop_states(self) -> None:
        """Those that no line names any more, after the line that dropped them."""
        kept = self._ledger.hashes()
        for path in (self._folder / STATES).iterdir():
            if path.name not in kept:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _compact(self) -> None:
        text = self._ledger.text()
        with AtomicFile(self._folder / JOURNAL) as output:
            output.file.write(text)
        os.close(self._file)
        self._open()
        self._must_compact = False
        self._written = len(text)
        self._compact_at = _COMPACT_BYTES + 2 * len(text)

    def _open(self) -> None:
        path = self._folder / JOURNAL
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise file_error(path, "written", error) from None

    def _state(self, name: str) -> Path:
        return self._folder / STATES / name

    def _complain(self, error: Exception) -> None:
        if self._told:
            return
        self._told = True
        self._tell(
            f"the session is not kept on disk at the moment: {error}; if the host is killed, what "
            "was changed since is lost"
        )
