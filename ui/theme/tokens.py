# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens (tokens.toml) as a typed object: a misspelled or missing one is found at the start."""

import tomllib
from importlib.resources import files
from typing import Annotated

import msgspec
from msgspec import Meta

from ipc.errors import InputError

Hex = Annotated[str, Meta(pattern=r"^#[0-9a-f]{6}$")]
Pixels = Annotated[int, Meta(ge=0, le=100)]
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class Type(_Part, frozen=True):
    family: tuple[str, ...]
    figures: tuple[str, ...]  # for numbers that change: all digits have one width
    tiny: Pixels
    small: Pixels
    normal: Pixels
    large: Pixels
    display: Pixels


class Space(_Part, frozen=True):
    hair: Pixels
    small: Pixels
    normal: Pixels
    large: Pixels
    huge: Pixels


class Radius(_Part, frozen=True):
    small: Pixels
    normal: Pixels
    large: Pixels


class Motion(_Part, frozen=True):
    quick_ms: Milliseconds
    normal_ms: Milliseconds
    slow_ms: Milliseconds
    notice_ms: Milliseconds
    peak_hold_ms: Milliseconds
    meter_fall_db_per_s: Annotated[float, Meta(gt=0.0)]


class Colours(_Part, frozen=True):
    """Of one theme."""

    backdrop: Hex
    panel: Hex
    raised: Hex
    control: Hex
    control_hover: Hex
    control_pressed: Hex
    well: Hex
    line: Hex
    line_soft: Hex
    text: Hex
    text_dim: Hex
    text_faint: Hex
    accent: Hex
    accent_strong: Hex
    on_accent: Hex
    selection: Hex
    mute: Hex
    solo: Hex
    on_lit: Hex  # writing on a lit mute or solo button
    knob: Hex
    knob_edge: Hex
    knob_mark: Hex
    meter_low: Hex
    meter_mid: Hex
    meter_high: Hex
    meter_off: Hex
    peak: Hex
    active: Hex  # from here on: slots, by their status
    late: Hex
    restarting: Hex
    bypassed: Hex
    standby: Hex
    quarantined: Hex
    failed: Hex
    shadow: Hex
    warning_ground: Hex
    error_ground: Hex


class Tracks(_Part, frozen=True):
    colours: Annotated[tuple[Hex, ...], Meta(min_length=1)]


class Tokens(_Part, frozen=True):
    type: Type
    space: Space
    radius: Radius
    motion: Motion
    dark: Colours
    light: Colours
    tracks: Tracks


def load_tokens(text: str | None = None) -> Tokens:
    """From `text`, or from the file beside this. Raises InputError."""
    if text is None:
        text = (files(__package__) / "tokens.toml").read_text(encoding="utf-8")
    try:
        return msgspec.convert(tomllib.loads(text), Tokens)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"the window's tokens cannot be used: {error}") from None
