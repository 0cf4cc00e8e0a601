# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that did not end in order: telling of them, listing them, going on with one."""

from dataclasses import replace
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace as replace_fields

from host.session.folder import About, claim, unended
from host.session.recovery import Recovered, recover
from host.user_file import path_text
from ipc.errors import IsoboothError
from tools.console import print_table, readable_time
from tools.play.session import PlaySettings


class SessionEntry(Struct, frozen=True, kw_only=True):
    """One that can be resumed."""

    id: str
    song: str
    started: str  # ISO 8601, UTC


class SessionListing(Struct, frozen=True, kw_only=True):
    """What `--resume list --json` prints; the last session first."""

    sessions: list[SessionEntry]


def gather() -> SessionListing:
    return SessionListing(
        sessions=[
            SessionEntry(id=session_id, song=about.song, started=about.started)
            for session_id, about in unended()
        ]
    )


def print_listing(listing: SessionListing) -> None:
    """For people, on standard output."""
    if not listing.sessions:
        print("no session to resume: all have ended in order")
        return
    print_table(
        ("SESSION", "SONG", "STARTED (UTC)"),
        [(one.id, one.song, readable_time(one.started)) for one in listing.sessions],
    )


def hint() -> str | None:
    """One line if there is something to resume."""
    known = unended()
    if not known:
        return None
    session_id, about = known[0]
    more = f" ({len(known) - 1} more: `isobooth play --resume list`)" if len(known) > 1 else ""
    return (
        f"a session of {path_text(about.song)}, begun {_local(about)}, did not end in order; "
        f"`isobooth play --resume {session_id}` goes on with it{more}"
    )


def resume(session_id: str | None) -> Recovered:
    """The session with its lock held, None: the last. Raises InputError."""
    folder = claim(session_id)
    try:
        return recover(folder)
    except IsoboothError:
        folder.close()
        raise


def settings_of(recovered: Recovered, asked: PlaySettings) -> PlaySettings:
    """As it was played, but for what is `asked` anew."""
    playing = recovered.folder.about.playing
    return replace(
        asked,
        device=asked.device if asked.device is not None else playing.device,
        block_frames=asked.block_frames or playing.block_frames,
        sample_rate=asked.sample_rate or playing.sample_rate,
        pipelined=asked.pipelined or playing.pipelined,
        loop=asked.loop or playing.loop,
        profile=asked.profile or playing.profile,
    )


def at_rate(recovered: Recovered, sample_rate: int) -> Recovered:
    """The same place in the song at another sample rate."""
    ratio = sample_rate / recovered.folder.about.playing.sample_rate
    return replace(
        recovered,
        song=replace_fields(recovered.song, sample_rate=sample_rate),
        position_frames=round(recovered.position_frames * ratio),
        loop=None if recovered.loop is None else _scaled(recovered.loop, ratio),
    )


def _scaled(loop: tuple[int, int], ratio: float) -> tuple[int, int]:
    return round(loop[0] * ratio), round(loop[1] * ratio)


def _local(about: About) -> str:
    try:
        return f"{datetime.fromisoformat(about.started).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return "some time ago"
