# SPDX-License-Identifier: GPL-3.0-or-later
"""The session that a host keeps on disk while it plays, new or resumed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from host.journal import Edit as ParameterEdit
from host.journal import Journal, Snapshot
from host.session.folder import SONG, About, Playing, SessionFolder, new_session
from host.session.ledger import AnyEntry, Bypass, Edit, Gain, Loop, Mute, Pan, Program
from host.session.recovery import Recovered
from host.session.writer import SessionWriter
from host.song import MASTER, Slot, Song, with_slots
from host.song_file import save_song


class Session:
    """Give it to a `Host`, which begins and ends it.

    `name`: what the song is called when somebody looks for a session to resume. `resumes`: what it
    goes on from; that session's folder is removed once this one stands. `within`: where sessions
    are kept, None: where all of this user's are.
    """

    def __init__(
        self,
        name: str,
        playing: Playing,
        *,
        resumes: Recovered | None = None,
        within: Path | None = None,
    ) -> None:
        self._name = name
        self._playing = playing
        self._resumes = resumes
        self._within = within
        self._folder: SessionFolder | None = None
        self._writer: SessionWriter | None = None
        self._journals: dict[str, Journal] = {}
        self._bases: dict[str, Slot] = {}  # what each journal goes on from
        self._staged: dict[str, tuple[Journal, Slot]] = {}
        self._is_kept = False

    @property
    def id(self) -> str | None:
        """None before it has begun."""
        return self._folder.id if self._folder is not None else None

    def journal_of(self, slot: Slot) -> Journal:
        """A slot's journal: what was recovered of it, and kept from now on."""
        recovered = self._resumes.journals.get(slot.id) if self._resumes is not None else None
        journal = recovered if recovered is not None else Journal(slot.state)
        if self._writer is not None:  # of a song that plays: it counts from `rebase` on
            self._staged[slot.id] = (journal, slot)
        else:
            self._keep_journal(journal, slot)
        return journal

    def _keep_journal(self, journal: Journal, slot: Slot) -> None:
        before = self._journals.get(slot.id)
        if before is not None:
            before.keeper = None
        journal.keeper = _SlotKeeper(slot.id, self)
        self._journals[slot.id], self._bases[slot.id] = journal, slot

    def drop_staged(self) -> None:
        """The journals asked for since `rebase` are needed by nobody: the change was refused."""
        self._staged.clear()

    def begin(self, song: Song, position: Callable[[], int], tell: Callable[[str], None]) -> None:
        """The song is loaded. Raises InputError or MachineError if nothing can be kept."""
        started = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        about = About(song=self._name, started=started, playing=self._playing)
        self._folder = new_session(about, self._within)
        save_song(song, self._folder.path / SONG)
        writer = SessionWriter(self._folder.path, position, tell)
        for slot, journal in self._journals.items():
            for edit in journal.edits:
                writer.put(_entry(slot, edit))
            if journal.snapshots:
                writer.put_snapshots(slot, journal.snapshots)
        if self._resumes is not None and self._resumes.loop is not None:
            writer.put(Loop(*self._resumes.loop))
        self._writer = writer
        writer.start()
        if self._resumes is not None:
            self._resumes.folder.remove()
            self._resumes = None

    def rebase(self, song: Song) -> None:
        """The song that plays is another one, with the slots whose journals were asked for since
        the last time; the rest is kept. It reaches the disk at once or not at all."""
        if self._writer is None:
            return
        forgotten = self._journals.keys() - {slot.id for _, slot in song.slots()}
        for slot_id in forgotten:
            self._journals.pop(slot_id).keeper = None
            del self._bases[slot_id]
        for journal, slot in self._staged.values():
            self._keep_journal(journal, slot)
        forgotten |= self._staged.keys()
        self._staged.clear()
        entries: list[AnyEntry] = [Gain(MASTER, song.master.gain_db)]
        for track in song.tracks:
            entries += [
                Gain(track.id, track.gain_db),
                Pan(track.id, track.pan),
                Mute(track.id, track.mute),
            ]
        entries += [Bypass(slot.id, slot.bypassed) for _, slot in song.slots()]
        self._writer.change(self._as_journalled(song), forgotten, entries)

    def _as_journalled(self, song: Song) -> Song:
        """With the state of each plugin that its journal goes on from."""

        def based(slot: Slot) -> Slot:
            base = self._bases.get(slot.id, slot)
            return msgspec.structs.replace(
                slot, state=base.state, program=base.program, parameters=base.parameters
            )

        return with_slots(song, {slot.id: based(slot) for _, slot in song.slots()})

    def rename(self, name: str) -> None:
        """What the song is called from now on. Raises InputError or MachineError."""
        self._name = name
        if self._folder is not None:
            self._folder.rename(name)

    def rewrite_slot(self, slot: str) -> None:
        """Its journal has forgotten edits."""
        journal = self._journals.get(slot)
        if self._writer is None or journal is None:
            return
        self._writer.forget_slot(slot)
        for edit in journal.edits:
            self._writer.put(_entry(slot, edit))
        self._writer.put_snapshots(slot, journal.snapshots)

    def put(self, entry: AnyEntry) -> None:
        """Nothing before it has begun: what the song holds is in the song."""
        if self._writer is not None:
            self._writer.put(entry)

    def put_snapshots(self, slot: str, snapshots: Sequence[Snapshot]) -> None:
        if self._writer is not None:
            self._writer.put_snapshots(slot, snapshots)

    def keep(self) -> None:
        """However the host ends: it can be resumed."""
        self._is_kept = True

    def end(self, in_order: bool) -> None:
        """In order: nothing is left of it. Otherwise it can be resumed. Safe to call twice."""
        in_order = in_order and not self._is_kept
        if self._writer is not None:
            self._writer.stop()
        if self._folder is not None:
            self._folder.remove() if in_order else self._folder.close()
            self._folder = None
        if self._resumes is not None:
            self._resumes.folder.close()


class _SlotKeeper:
    """What a slot's journal tells the session."""

    def __init__(self, slot: str, session: Session) -> None:
        self._slot = slot
        self._session = session

    def edited(self, edit: ParameterEdit) -> None:
        self._session.put(_entry(self._slot, edit))

    def kept(self, snapshots: Sequence[Snapshot]) -> None:
        self._session.put_snapshots(self._slot, snapshots)


def _entry(slot: str, edit: ParameterEdit) -> Edit | Program:
    if edit.is_program:
        return Program(slot, edit.number, int(edit.value))
    return Edit(slot, edit.parameter, edit.number, edit.value)
