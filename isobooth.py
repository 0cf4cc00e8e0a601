# SPDX-License-Identifier: GPL-3.0-or-later
"""Isobooth for scripts and notebooks: render songs through sandboxed plugins, or host them live.

    >>> import isobooth
    >>> tone = isobooth.Slot(id="tone", plugin="builtin:tone")
    >>> gain = isobooth.Slot(id="gain", plugin="builtin:gain", parameters={"Gain": "-6 dB"})
    >>> track = isobooth.Track(id="test", chain=(tone, gain))
    >>> song = isobooth.Song(tracks=(track,), length_s=0.5)
    >>> report = isobooth.render(song, "tone.wav")
    >>> report.result, report.duration_s, [slot.status for slot in report.slots]
    ('done', 0.5, ['active', 'active'])

A host is steered while it plays; here it is asked for its blocks one after the other:

    >>> with isobooth.Host(isobooth.HostConfig(offline=True, block_frames=256)) as host:
    ...     host.load(song)
    ...     host.start()
    ...     audio = host.render(10)
    ...     host.set_gain("test", -12.0)
    ...     quieter = host.render(10)
    >>> audio.shape, bool(abs(quieter[:, -256:]).max() < abs(audio).max() / 2)
    ((2, 2560), True)

A host that is given a `Session` keeps all edits on disk. After a kill, `recover_session()` has what
was left: its `song`, its `position_frames`, and all the rest for `Session(…, resumes=…)`.

Plugins are confined (docs/permissions.md); `HostConfig(permissions=isobooth.load_permissions())`
takes the user's exceptions over. Songs are described in docs/song-format.md, a render's report in
docs/render-report.md. Every error is an `IsoboothError` whose message stands alone.
"""

from host.config import FaultPolicy, HostConfig
from host.host import Host, SlotReport
from host.permission_file import load_permissions
from host.permissions import PermissionRules, PluginRule
from host.session.folder import Playing, claim
from host.session.recovery import Recovered, recover
from host.session.session import Session
from host.song import (
    AudioSource,
    Grouping,
    LiveInput,
    Master,
    MidiSource,
    OnMiss,
    Slot,
    Song,
    Track,
)
from host.song_file import load_song, save_song
from host.version import isobooth_version
from ipc.errors import InputError, IsoboothError, MachineError
from ipc.status import SlotStatus
from tools.render.one import RenderFailed, render
from tools.render.report import RenderReport

__version__ = isobooth_version()


def recover_session(session_id: str | None = None) -> Recovered:
    """What is left of a session that did not end in order, None: of the last. Nobody else can
    resume it meanwhile. Raises InputError if there is none, or it cannot be resumed."""
    return recover(claim(session_id))


__all__ = [
    "AudioSource",
    "FaultPolicy",
    "Grouping",
    "Host",
    "HostConfig",
    "InputError",
    "IsoboothError",
    "LiveInput",
    "MachineError",
    "Master",
    "MidiSource",
    "OnMiss",
    "PermissionRules",
    "Playing",
    "PluginRule",
    "Recovered",
    "RenderFailed",
    "RenderReport",
    "Session",
    "Slot",
    "SlotReport",
    "SlotStatus",
    "Song",
    "Track",
    "__version__",
    "load_permissions",
    "load_song",
    "recover_session",
    "render",
    "save_song",
]
