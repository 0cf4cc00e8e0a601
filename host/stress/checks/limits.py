# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a plugin may read and write, and what it may touch."""

from host.stress.check import Check, Subject
from host.stress.touched import foreign_files
from host.stress.verdict import Verdict
from ipc.text import one_line

_MOST_FILES = 32  # that are named


class StaysInItsBuffers(Check):
    name = "stays-in-its-buffers"
    level = 3
    what = (
        "gives it buffers that end where the memory ends, with inputs that can be read only "
        "(blocks of 1024 frames have such a border on both sides)"
    )
    means = "it breaks whatever lies behind: a crash, or wrong sound, somewhere else and later"

    def run(self, subject: Subject) -> None:
        frames = 1024 * 24
        for blocks in ([1024], [512, 256, 64, 16]):
            with subject.open(max_frames=1024, direct=True) as rig:
                heard = rig.render(
                    frames, blocks=blocks, guard=True, keep=False, **subject.stimulus(frames)
                )
                subject.tell_unseen(heard.result.unseen)


class AsksForNothingForbidden(Check):
    name = "asks-for-nothing-forbidden"
    level = 2
    what = (
        "notes which files, programs and addresses it asks for that its sandbox does not allow, "
        "and which files outside its bundle it opens that it may"
    )
    means = "it phones home, or reads what is not its own"

    def run(self, subject: Subject) -> None:
        frames = round(subject.sample_rate)
        with subject.open() as rig:
            rig.render(frames, keep=False, **subject.stimulus(frames))
            rig.save_state()
            rig.idle()
            rig.recreate(subject.sample_rate, subject.max_frames)
            for denial in rig.denials:
                subject.find(Verdict.WARN, f"it asked for {denial}", key=denial)
            touched = rig.touched  # nothing at all where nobody watches
        files = foreign_files(touched, subject.description.path)
        if touched:
            subject.figures["files_outside"] = len(files)
        for path, write in files[:_MOST_FILES]:
            subject.find(Verdict.PASS, f"it {'writes to' if write else 'reads'} {one_line(path)}")
