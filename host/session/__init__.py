# SPDX-License-Identifier: GPL-3.0-or-later
"""A session on disk while it lasts, so that a killed host costs nobody more than a second of work.

    $XDG_STATE_HOME/isobooth/sessions/ID/
        lock            held as long as the session's host lives
        session.json    what it is: the song's name, how it is played
        song.json       the song as it was loaded
        journal.jsonl   what has changed since: a line each, the last of a target counts
        states/         the plugins' snapshots, each named by the hash of its content

A host that ends in order removes the folder; one that is killed leaves it, and the lock free.
"""
