# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether it is heard that a state does not hold all parameters: what sounds the same is a
nuisance, and no more."""

import math
from collections.abc import Mapping

import numpy as np

from host.stress.check import Subject
from host.stress.rig import Rig, Sound
from ipc.rig_calls import SetParameter
from ipc.sound_measures import residue_db

AUDIBLE_DB = -60.0
LISTENED_FRAMES = 24000


def is_heard(subject: Subject, state: bytes, lost: Mapping[int, float], before: Sound) -> bool:
    """Restored from `state`, it sounds otherwise than with the parameters that it `lost` set by
    hand, and otherwise than it did `before`: of a plugin that sounds the same each time."""
    restored = [_sound_of(subject, state, {}) for _ in range(2)]
    if not all(np.isfinite(one).all() for one in (*restored, before)):
        return False  # other checks say so
    if not math.isinf(residue_db(*restored)):
        return False
    others = [_sound_of(subject, state, lost)]
    others += [before] if before.shape == restored[0].shape else []
    return all(residue_db(restored[0], other) > AUDIBLE_DB for other in others)


def sound_now(subject: Subject, rig: Rig) -> Sound:
    return rig.render(LISTENED_FRAMES, **subject.stimulus(LISTENED_FRAMES)).sound


def _sound_of(subject: Subject, state: bytes, values: Mapping[int, float]) -> Sound:
    with subject.open() as rig:
        rig.set_state(state)
        rig.perform([SetParameter(index, value) for index, value in values.items()])
        return sound_now(subject, rig)
