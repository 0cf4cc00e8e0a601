# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sessions lie, which of them did not end in order, and how many are kept.

A session is alive as long as somebody holds its lock. The kernel lets go of it when the host ends,
however it ends, so nothing has to be believed about pids or times.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta
from platformdirs import user_state_path

from host.user_file import AtomicFile, file_error, path_text
from ipc.errors import InputError, IsoboothError
from ipc.permissions import Profile

VERSION: Final = 1
KEPT_SESSIONS = 10  # that did not end in order; older ones are removed

_LOCK, _ABOUT, SONG, JOURNAL, STATES = (
    "lock", "session.json", "song.json", "journal.jsonl", "states"
)  # fmt: skip
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9-]+")
_MOST_BYTES = 64_000_000  # of session.json; it has hundreds


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """How the song is played, as far as a resumed session plays it the same way."""

    sample_rate: Annotated[int, Meta(ge=8000, le=192000)] = 48000
    block_frames: Annotated[int, Meta(ge=16, le=4096)] = 128
    pipelined: bool = False
    device: str | None = None
    loop: bool = False
    profile: Profile | None = None  # of all plugins; None: as is set


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is, for choosing one."""

    version: Literal[1] = VERSION
    song: str  # as it was named: a path, or the song's own name
    started: str  # ISO 8601, UTC
    playing: Playing = Playing()


class SessionFolder:
    """One session's folder with its lock held; `close` lets go, `remove` leaves nothing."""

    def __init__(self, path: Path, lock: int, about: About) -> None:
        self.path = path
        self.about = about
        self._lock = lock

    @property
    def id(self) -> str:
        return self.path.name

    def rename(self, song: str) -> None:
        """Its song is called so from now on. Raises InputError or MachineError."""
        about = msgspec.structs.replace(self.about, song=song)
        with AtomicFile(self.path / _ABOUT) as output:
            output.file.write(msgspec.json.encode(about))
        self.about = about

    def close(self) -> None:
        """The session can be resumed from now on. Safe to call twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()


def sessions_folder() -> Path:
    """`isobooth/sessions` where this user's programs keep their state; it may not exist."""
    return user_state_path("isobooth", appauthor=False) / "sessions"


def new_session(about: About, within: Path | None = None) -> SessionFolder:
    """Makes and locks a folder; the oldest of too many are removed. Raises InputError or
    MachineError if that cannot be done."""
    within = sessions_folder() if within is None else within
    path = within / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
    try:
        within.mkdir(mode=0o700, parents=True, exist_ok=True)
        _prune(within)
        path = _made(path)
        (path / STATES).mkdir(mode=0o700)
        lock = _locked(path)
        assert lock is not None
    except OSError as error:
        raise file_error(path, "written", error) from None
    folder = SessionFolder(path, lock, about)
    try:
        with AtomicFile(path / _ABOUT) as output:
            output.file.write(msgspec.json.encode(about))
    except BaseException:
        folder.remove()
        raise
    return folder


def unended(within: Path | None = None) -> list[tuple[str, About]]:
    """Ids of sessions that did not end in order and are not alive, the last first."""
    found = []
    for path in reversed(list(_folders(sessions_folder() if within is None else within))):
        with contextlib.suppress(IsoboothError):
            folder = _opened(path)
            found.append((folder.id, folder.about))
            folder.close()
    return found


def claim(session_id: str | None, within: Path | None = None) -> SessionFolder:
    """The session with this id, None: the last one, locked. Raises InputError if there is none, or
    it is alive."""
    within = sessions_folder() if within is None else within
    if session_id is None:
        known = unended(within)
        if not known:
            raise InputError("there is no session to resume: all have ended in order")
        session_id = known[0][0]
    path = within / session_id
    if not _ID.fullmatch(session_id) or not path.is_dir():
        known_ids = ", ".join(name for name, _ in unended(within)) or "none"
        raise InputError(
            f"there is no session '{path_text(session_id)}' to resume; there are: {known_ids}"
        )
    return _opened(path)


def _made(path: Path) -> Path:
    """Two sessions of a process may begin within one second."""
    for number in range(1000):
        chosen = path.with_name(f"{path.name}-{number}") if number else path
        with contextlib.suppress(FileExistsError):
            chosen.mkdir(mode=0o700)
            return chosen
    raise FileExistsError(17, "too many sessions within one second")


def _opened(path: Path) -> SessionFolder:
    """Raises InputError: it is alive, or cannot be read."""
    where = path_text(path)
    try:
        lock = _locked(path)
    except OSError as error:
        raise file_error(path, "read", error) from None
    if lock is None:
        raise InputError(f"{where}: this session is still playing")
    try:
        with open(path / _ABOUT, "rb") as file:
            about = msgspec.json.decode(file.read(_MOST_BYTES), type=About)
        return SessionFolder(path, lock, about)
    except OSError as error:
        os.close(lock)
        raise file_error(path / _ABOUT, "read", error) from None
    except (msgspec.MsgspecError, ValueError):
        os.close(lock)
        raise InputError(f"{where}: this session cannot be resumed: it is damaged") from None


def _locked(path: Path) -> int | None:
    """None if somebody else holds it."""
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _folders(within: Path) -> Iterator[Path]:
    """Oldest first: the names begin with the time."""
    with contextlib.suppress(OSError):
        yield from sorted(path for path in within.iterdir() if _ID.fullmatch(path.name))


def _prune(within: Path) -> None:
    """Makes room for one more."""
    dead = []
    for path in _folders(within):
        with contextlib.suppress(OSError):
            lock = _locked(path)
            if lock is not None:
                os.close(lock)
                dead.append(path)
    for path in dead[: max(0, len(dead) - KEPT_SESSIONS + 1)]:
        shutil.rmtree(path, ignore_errors=True)
