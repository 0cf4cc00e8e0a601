# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a plugin may read and write, and what it may touch."""

from host.stress.check import DIRECT_FORMATS, Check, Subject
from host.stress.verdict import Verdict


class StaysInItsBuffers(Check):
    name = "stays-in-its-buffers"
    level = 3
    what = (
        "gives it buffers that end where the memory ends, with inputs that can be read only "
        "(blocks of 1024 frames have such a border on both sides)"
    )
    means = "it breaks whatever lies behind: a crash, or wrong sound, somewhere else and later"
    formats = DIRECT_FORMATS

    def run(self, subject: Subject) -> None:
        frames = 1024 * 24
        for blocks in ([1024], [512, 256, 64, 16]):
            with subject.open(max_frames=1024) as rig:
                rig.render(
                    frames, blocks=blocks, guard=True, keep=False, **subject.stimulus(frames)
                )


class AsksForNothingForbidden(Check):
    name = "asks-for-nothing-forbidden"
    level = 2
    what = "notes which files, programs and addresses it asks for that its sandbox does not allow"
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
