# SPDX-License-Identifier: GPL-3.0-or-later
"""A session for the checked engine: all that the audio thread ever has to cope with, in seconds.

Run by test_realtime_discipline.py in a process of its own, because a violation ends the process.
Prints what happened, a line each, so that the test can tell a session that proved something.
"""

import faulthandler
import signal
import tempfile
from pathlib import Path

from host.config import FaultPolicy
from host.engine_module import RT_CHECKS
from host.events import HostEventKind
from host.song import LiveInput
from tests.process.songs import (
    Master,
    Playing,
    Slot,
    Song,
    Track,
    audio_track,
    chain,
    midi_track,
    noise,
    play,
    write_clip,
    write_midi,
)

_EQ = "vst3:/usr/lib/vst3/ZamEQ2.vst3"
_SYNTH = "lv2:http://drobilla.net/plugins/mda/EPiano"
_NOTES = [
    (i * 2400, bytes([0x90 if i % 2 == 0 else 0x80, 60 + i // 2 % 12, 90])) for i in range(99)
]


def _or_builtin(plugin: str, builtin: str) -> str:
    """The real plugin where it is installed."""
    if plugin == _SYNTH:
        return plugin if Path("/usr/lib/lv2/mda.lv2").exists() else builtin
    return plugin if Path(plugin.removeprefix("vst3:")).exists() else builtin


def _song(folder: Path) -> Song:
    clip = write_clip(folder / "clip.wav", noise(4 * 48000))
    notes = write_midi(folder / "notes.mid", _NOTES)
    eq = _or_builtin(_EQ, "builtin:gain")
    fault = "fault:{}?after=150&times=1"
    keyed = Slot(id="keyed", plugin=eq, sidechain="drums")
    return Song(
        tracks=(
            audio_track("drums", clip, eq, fault.format("segv"), eq),
            midi_track("keys", notes, _or_builtin(_SYNTH, "builtin:synth"), eq, output="group"),
            audio_track("odd", clip, fault.format("nan"), "builtin:gain", output="group"),
            audio_track("slow", clip, "fault:sleep?after=60&every=40&ms=30", pipelined=True),
            audio_track("stuck", clip, fault.format("deadlock"), "builtin:gain"),
            Track(id="live", input=LiveInput(), chain=chain("builtin:synth", prefix="live")),
            Track(id="group", chain=(keyed,)),
        ),
        master=Master(chain=chain("builtin:gain", prefix="master")),
    )


def _steer(playing: Playing, step: int) -> None:
    """Every kind of command, with values that change; live notes; a new plan."""
    host = playing.host
    value = step % 10 / 10
    for track in ("drums", "keys", "master"):
        host.set_gain(track, -3.0 * value)
        host.set_pan(track, value - 0.5)
    host.set_mute("odd", step % 7 == 0)
    for slot in ("drums0", "keys1", "keyed", "master0", "stuck1"):
        host.set_parameter(slot, 0, value)
    host.set_bypass("drums2", step % 5 == 0)
    # Chords, releases, the sustain pedal, a bend: more in a step than one block would hold by ear.
    for key in range(48, 60):
        host.send_midi("live", bytes([0x90 if step % 2 == 0 else 0x80, key, 100]))
    host.send_midi("live", bytes([0xB0, 64, 127 * (step % 2)]))
    host.send_midi("live", bytes([0xE0, 0, step % 128]))
    if step % 4 == 0:
        host._control.call(host.mix.publish)
    if step % 6 == 0:
        host.locate(step * 1000)
        host.set_loop(0, 48000 if step % 12 == 0 else 0)
    if step % 15 == 0:
        host.play(False)
        playing.run(3)
        host.play(True)


def main() -> None:
    faulthandler.enable()
    faults = FaultPolicy(
        hang_limit_s=0.3,
        next_restart_s=0.02,
        longest_restart_s=0.05,
        crash_limit=100,
        nonfinite_blocks=4,
        hold_blocks=10,
        hold_s=0.2,
        snapshot_after_edit_s=0.05,
        snapshot_interval_s=0.3,
        snapshot_good_blocks=4,
    )
    attacks = [
        ("drums0", signal.SIGKILL),
        ("keys0", signal.SIGSTOP),
        ("keyed", signal.SIGKILL),
        ("master0", signal.SIGSEGV),
        ("stuck1", signal.SIGKILL),
        ("live0", signal.SIGSTOP),
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        play(_song(Path(folder)), block=256, faults=faults) as playing,
    ):
        playing.run(20)
        for round_, (slot, number) in enumerate(attacks):
            if playing.host.worker_pid(slot) is not None:
                playing.kill(slot, number)
            for step in range(8):
                _steer(playing, 8 * round_ + step)
                playing.run(8)
            playing.until_restarts(slot, 1)
        peak = abs(playing.stop()).max()
        slots = playing.host.slots()
        print("checks:", RT_CHECKS)
        print("blocks:", playing.host.engine.block_count)
        print("faults:", len(playing.events(HostEventKind.FAULT)))
        print("restarts:", sum(slot.restarts for slot in slots))
        print("missed blocks:", sum(slot.missed_blocks for slot in slots))
        print("notes heard:", int(peak > 0.01))


if __name__ == "__main__":
    main()
