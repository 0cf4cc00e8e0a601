# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes songs of one track: a file, and the chain that `--chain` and `--param` describe."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import soundfile

from host.midi_file import is_midi
from host.plugin_id import PluginId
from host.song import AudioSource, MidiSource, Slot, Song, Track
from host.user_file import open_input, path_text
from ipc.errors import InputError
from tools.plugins.typed_id import typed_plugin_id
from tools.render.settings import SAMPLE_RATES

TRACK = "file"
_MIDI_RATE = 48000  # notes have none of their own


def chain_slots(plugins: Sequence[str], parameters: Sequence[str]) -> tuple[Slot, ...]:
    """The chain: `plugins` as typed, `parameters` as SLOT.NAME=VALUE.

    SLOT is the plugin's place in the chain, from 1, or its short name (zameq2, delay, …; the
    second of a name is delay-2). VALUE is a position from 0 to 1, or a text for the plugin to
    read. InputError for anything else.
    """
    slots: list[Slot] = []
    for text in plugins:
        try:
            plugin = typed_plugin_id(text)
        except InputError as error:
            raise InputError(f"--chain: {error}") from None
        slots.append(Slot(id=_free_name(_short_name(plugin), slots), plugin=plugin))
    for text in parameters:
        index, name, value = _parse_parameter(text, slots)
        values = {**slots[index].parameters, name: value}
        slots[index] = msgspec.structs.replace(slots[index], parameters=values)
    return tuple(slots)


def chain_song(file: Path, slots: tuple[Slot, ...], sample_rate: int | None) -> Song:
    """A song that plays `file` through the chain, at its own sample rate unless told."""
    path = os.fspath(file)
    rate = sample_rate or _own_rate(file)
    if is_midi(file):
        track = Track(id=TRACK, midi=MidiSource(file=path), chain=slots)
    else:
        track = Track(id=TRACK, audio=AudioSource(file=path), chain=slots)
    return Song(name=path_text(file.name)[:200], sample_rate=rate, tracks=(track,))


def _own_rate(file: Path) -> int:
    """Of what cannot be read, any: reading it says what is wrong with it."""
    if is_midi(file):
        return _MIDI_RATE
    with open_input(file, "an audio or MIDI file") as opened:
        try:
            with soundfile.SoundFile(opened.fileno(), closefd=False) as sound:
                rate: int = sound.samplerate
        except (soundfile.SoundFileError, ValueError):
            return _MIDI_RATE
    if rate not in SAMPLE_RATES:
        raise InputError(
            f"{path_text(file)}: its sample rate of {rate} Hz is not between "
            f"{SAMPLE_RATES[0]} and {SAMPLE_RATES[-1]} Hz; give another with --rate"
        )
    return rate


def _short_name(plugin: str) -> str:
    parsed = PluginId.parse(plugin)
    last = re.split(r"[/#:]", parsed.label or parsed.target)[-1]
    name = last.removesuffix(".vst3").removesuffix(".clap")
    short = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:56]
    return short or parsed.format.value


def _free_name(name: str, slots: Sequence[Slot]) -> str:
    taken = {slot.id for slot in slots}
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _parse_parameter(text: str, slots: Sequence[Slot]) -> tuple[int, str, float | str]:
    assignment, equals, value = text.rpartition("=")
    slot, dot, name = assignment.partition(".")
    if not (equals and dot and slot and name and value):
        raise InputError(f"--param {path_text(text)}: expected SLOT.NAME=VALUE, such as 1.Gain=0.5")
    ids = [s.id for s in slots]
    places = [str(place) for place in range(1, len(ids) + 1)]
    if slot in places:
        index = places.index(slot)
    elif slot in ids:
        index = ids.index(slot)
    else:
        known = ", ".join(f"{place} ({name})" for place, name in zip(places, ids, strict=True))
        raise InputError(f"--param {path_text(text)}: no slot '{slot}' in the chain: {known}")
    try:
        number = float(value)
    except ValueError:
        return index, name, value
    return index, name, number if 0.0 <= number <= 1.0 else value
