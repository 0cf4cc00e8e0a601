# SPDX-License-Identifier: GPL-3.0-or-later
"""A song of eight tracks in which every state of a slot is seen."""

from ipc.desk.state import DeskState, DeviceState, SlotState, TrackState, TransportState
from ipc.status import SlotStatus


def _slot(id: str, name: str, status: str = "active", **more: object) -> SlotState:
    return SlotState(
        id=id,
        plugin=f"lv2:http://example.org/{id}",
        name=name,
        status=SlotStatus(status),
        pid=4711,
        **more,  # type: ignore[arg-type]
    )


def _track(id: str, name: str, *slots: SlotState, **more: object) -> TrackState:
    kind = more.pop("kind", "audio")
    return TrackState(id=id, name=name, kind=kind, slots=slots, **more)  # type: ignore[arg-type]


def example_state() -> DeskState:
    """Ids of tracks are their names in small letters; of slots, such as "kick-eq"."""
    return DeskState(
        song="Night Drive",
        path="/home/me/Music/night-drive.json",
        is_modified=True,
        undo="gain of Bass",
        redo="",
        tracks=(
            _track("kick", "Kick", _slot("kick-eq", "ZamEQ2"), _slot("kick-comp", "ZamComp")),
            _track(
                "snare",
                "Snare",
                _slot("snare-gate", "ZamGate", "late", reason="missed 12 of the last 100 blocks"),
                gain_db=-3.5,
                pan=0.15,
            ),
            _track(
                "hats",
                "Hi-hats",
                _slot(
                    "hats-eq",
                    "LSP Parametric Equalizer x16 Stereo",
                    bypassed=True,
                    status="bypassed",
                ),
                gain_db=-8.2,
                pan=-0.35,
                mute=True,
            ),
            _track(
                "bass",
                "Bass",
                _slot("bass-synth", "mda DX10", is_instrument=True),
                _slot("bass-comp", "Compressor", "restarting", reason="signal 11 in process()"),
                _slot("bass-sat", "Ruby Tube", standby=True, status="standby"),
                kind="midi",
                gain_db=-1.0,
                solo=True,
            ),
            _track(
                "pad",
                "Pad",
                _slot("pad-synth", "synthv1", "quarantined", reason="failed 5 times in a minute"),
                _slot("pad-verb", "Dragonfly Hall"),
                kind="midi",
                gain_db=-12.0,
                silenced=True,
            ),
            _track("keys", "Electric piano left hand", gain_db=-6.0, pan=-0.5, silenced=True),
            _track(
                "vox",
                "Vocals",
                _slot("vox-tune", "x42 Autotune", "failed", reason="the file is gone"),
                _slot("vox-eq", "ZamEQ2"),
                _slot("vox-comp", "ZamComp"),
                _slot("vox-verb", "mda Ambience"),
                _slot("vox-delay", "mda Delay"),
                kind="live",
                colour="#dd70b4",
                gain_db=1.5,
            ),
            _track("drums", "Drum bus", _slot("bus-glue", "ZaMultiComp"), kind="group"),
        ),
        master=TrackState(
            id="master",
            name="Master",
            kind="master",
            gain_db=-0.5,
            slots=(_slot("master-limit", "LSP Limiter Stereo", latency_frames=240),),
        ),
        transport=TransportState(
            playing=True, loop=(0, 384_000), tempo=118.0, length_frames=9_600_000
        ),
        device=DeviceState(
            device="hw:1", label="USB Audio", sample_rate=48000, block_frames=128, latency_s=0.0081
        ),
        revision=1,
    )
