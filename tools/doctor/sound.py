# SPDX-License-Identifier: GPL-3.0-or-later
"""How sound and notes get in and out. All of it is optional: rendering needs none."""

from tools.doctor.check import Finding, Machine, ok, warn
from tools.doctor.probe import ProbeError, probe

# As the kernel shows them in /proc/PID/comm.
SOUND_SERVERS = ("jackd", "jackdbus", "pipewire", "pulseaudio")

# A list of all devices of a studio is long; the JSON has it whole.
_SHOWN_DEVICES = 3


def audio_devices(machine: Machine) -> Finding:
    """What PortAudio can open."""
    without = "rendering works without; `isobooth play --device null` plays to nowhere"
    try:
        answer = probe("audio")
    except ProbeError as error:
        if "PortAudio library not found" in str(error):
            return warn(
                "the PortAudio library is not installed",
                f"`apt install libportaudio2` ({without})",
                devices=[],
            )
        return warn(f"PortAudio {error}", f"check the sound drivers ({without})", devices=[])
    devices = [f"{device['name']} ({device['api']})" for device in answer["devices"]]
    values = {"devices": devices, "apis": answer["apis"], "portaudio": answer["portaudio"]}
    outputs = [device["name"] for device in answer["devices"] if device["outputs"]]
    if not outputs:
        return warn(
            "no output device",
            f"connect one, start JACK or PipeWire, or join the group `audio` ({without})",
            **values,
        )
    shown = ", ".join(outputs[:_SHOWN_DEVICES])
    more = len(outputs) - _SHOWN_DEVICES
    return ok(shown + (f" and {more} more" if more > 0 else ""), **values)


def sound_servers(machine: Machine) -> Finding:
    """Which sound server runs: it owns the device, so its block size and rate count."""
    running = sorted(
        {
            name
            for process in machine.path("/proc").glob("[0-9]*")
            if (name := machine.read(f"/proc/{process.name}/comm")) in SOUND_SERVERS
        }
    )
    if running:
        return ok(f"{', '.join(running)} runs", running=running)
    return ok("none runs; devices are opened directly", running=[])


def midi_ports(machine: Machine) -> Finding:
    """Which MIDI ports there are."""
    try:
        answer = probe("midi")
    except ProbeError as error:
        no_sequencer = not machine.path("/dev/snd/seq").exists()
        return warn(
            "no ALSA sequencer (/dev/snd/seq)" if no_sequencer else f"RtMidi {error}",
            "load it (`modprobe snd-seq`); MIDI files work without"
            if no_sequencer
            else "check the MIDI drivers; MIDI files work without",
            inputs=[],
            outputs=[],
        )
    inputs, outputs = answer["inputs"], answer["outputs"]
    if not inputs:
        return ok("no input connected", inputs=inputs, outputs=outputs)
    return ok(", ".join(inputs[:_SHOWN_DEVICES]), inputs=inputs, outputs=outputs)
