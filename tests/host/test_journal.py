# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restarted plugin is told: the newest state that can be trusted, and the edits it lacks."""

from host.journal import KEPT_SNAPSHOTS, PROGRAM, Edit, Journal, Restore
from host.slot_state import with_state
from host.song import Slot


def good_snapshot(journal: Journal, data: bytes, applied_edit: int) -> None:
    journal.add_snapshot(data, applied_edit, blocks=0)
    journal.survive(blocks=100, needed=100)


def test_an_empty_journal_restores_nothing() -> None:
    assert Journal().next_restore() == Restore(None, True, 0, ())


def test_the_song_s_state_comes_first_and_all_edits_follow_it() -> None:
    journal = Journal(b"song")
    first = journal.edit(3, 0.5)
    second = journal.edit(1, 0.25)
    assert (first, second) == (Edit(1, 3, 0.5), Edit(2, 1, 0.25))
    assert journal.next_restore() == Restore(b"song", True, 0, (first, second))


def test_only_the_newest_edit_of_a_parameter_is_replayed_in_the_order_made() -> None:
    journal = Journal()
    journal.edit(0, 0.1)
    other = journal.edit(1, 0.2)
    newest = journal.edit(0, 0.3)
    assert journal.next_restore().edits == (other, newest)
    assert journal.last_edit == 3


def test_a_snapshot_is_used_once_the_plugin_has_survived_it() -> None:
    journal = Journal(b"song")
    edit = journal.edit(0, 0.1)
    journal.add_snapshot(b"new", edit.number, blocks=1000)
    journal.survive(blocks=1049, needed=50)
    assert journal.next_restore().state == b"song"
    journal.survive(blocks=1050, needed=50)
    assert journal.next_restore() == Restore(b"new", False, edit.number, ())


def test_a_snapshot_is_followed_by_the_edits_that_it_lacks() -> None:
    journal = Journal()
    journal.edit(0, 0.1)
    journal.edit(1, 0.2)
    good_snapshot(journal, b"state", applied_edit=1)
    later = journal.edit(2, 0.3)
    assert journal.next_restore().edits == (Edit(2, 1, 0.2), later)


def test_what_the_plugin_changed_by_itself_after_an_edit_is_not_undone() -> None:
    """The edit is in the snapshot; replaying it would set back a knob turned in the plugin."""
    journal = Journal()
    journal.edit(0, 0.1)
    good_snapshot(journal, b"moved in its own window", applied_edit=1)
    assert journal.next_restore().edits == ()


def test_a_state_that_fails_gives_way_to_the_one_before_with_more_edits() -> None:
    journal = Journal(b"song")
    journal.edit(0, 0.1)
    good_snapshot(journal, b"older", applied_edit=1)
    journal.edit(1, 0.2)
    good_snapshot(journal, b"newer", applied_edit=2)
    newest = journal.next_restore()
    assert (newest.state, newest.edits) == (b"newer", ())
    journal.reject(newest)
    older = journal.next_restore()
    assert (older.state, older.edits) == (b"older", (Edit(2, 1, 0.2),))
    journal.reject(older)
    song = journal.next_restore()
    assert song == Restore(b"song", True, 0, (Edit(1, 0, 0.1), Edit(2, 1, 0.2)))
    journal.reject(song)
    assert journal.next_restore() == Restore(None, True, 0, song.edits)
    journal.reject(journal.next_restore())
    assert journal.next_restore().state is None


def test_a_state_that_the_plugin_did_not_survive_is_forgotten_with_it() -> None:
    """A new instance's blocks say nothing about a state that it was not restored from."""
    journal = Journal()
    good_snapshot(journal, b"good", applied_edit=0)
    journal.add_snapshot(b"poisoned", 0, blocks=100)
    journal.instance_lost()
    journal.survive(blocks=10_000, needed=50)
    assert journal.next_restore().state == b"good"
    assert [snapshot.data for snapshot in journal.snapshots] == [b"good"]


def test_few_snapshots_are_kept_and_among_them_the_last_good_one() -> None:
    journal = Journal()
    good_snapshot(journal, b"good", applied_edit=0)
    for i in range(10):
        journal.add_snapshot(f"fresh {i}".encode(), 0, blocks=100)
        assert len(journal.snapshots) <= KEPT_SNAPSHOTS
        assert journal.next_restore().state == b"good"
    journal.survive(blocks=1000, needed=50)
    assert journal.next_restore().state == b"fresh 9"


def test_an_unchanged_state_is_not_kept_twice_but_holds_more_edits() -> None:
    journal = Journal()
    good_snapshot(journal, b"same", applied_edit=1)
    journal.edit(0, 0.5)
    journal.edit(0, 0.5)
    journal.add_snapshot(b"same", 2, blocks=500)
    assert len(journal.snapshots) == 1
    assert journal.next_restore().applied_edit == 2
    journal.add_snapshot(b"same", 0, blocks=500)  # a late answer of the instance before
    assert journal.next_restore().applied_edit == 2


def test_a_report_gets_the_last_edits_and_the_state() -> None:
    journal = Journal(b"song")
    for i in range(100):
        journal.edit(i % 3, i / 100)
    assert len(journal.recent_edits) == 32
    assert journal.recent_edits[-1] == Edit(100, 0, 0.99)
    assert journal.state_for_report() == b"song"


def test_an_edit_that_kills_is_not_replayed_but_stays_for_the_song() -> None:
    journal = Journal()
    first, second = journal.edit(3, 0.5), journal.edit(4, 0.25)
    assert journal.poison(3) == first
    assert journal.poison(3) is None
    assert journal.poison(9) is None
    assert journal.next_restore().edits == (second,)
    assert journal.edits_after(0) == (first, second)
    assert journal.edits_after(second.number) == (first,)  # no state holds it
    anew = journal.edit(3, 0.75)
    assert journal.next_restore().edits == (second, anew)


def test_the_song_s_state_is_kept_for_the_song_even_if_this_plugin_refuses_it() -> None:
    journal = Journal(b"of another version")
    journal.reject(journal.next_restore())
    assert journal.next_restore().state is None
    assert journal.song_state == b"of another version"


def test_a_program_is_replayed_where_it_was_chosen_and_kept_by_a_song_with_what_came_later() -> (
    None
):
    journal = Journal(b"song")
    journal.edit(0, 0.1)
    program = journal.edit(PROGRAM, 2.0)
    later = journal.edit(1, 0.2)
    restore = journal.next_restore()
    assert [edit.number for edit in restore.edits] == [1, 2, 3]
    assert program.is_program and not later.is_program
    slot = with_state(Slot(id="a", plugin="builtin:gain"), b"song", restore.edits, 7, {"9": 1.0})
    assert (slot.program, slot.parameters) == (2, {"1": 0.2})
    again = journal.edit(PROGRAM, 3.0)
    assert journal.next_restore().edits[-1] == again
