# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a plugin that has none of its own: a small JSON document of plain values by
parameter id.

Plain, because a range may depend on the sample rate, or grow with a new version of the plugin: 1
kHz must stay 1 kHz.
"""

from collections.abc import Mapping

import msgspec

STATE_VERSION = 1


class SavedValues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    plugin: str
    values: dict[str, float]


def encode_values(kind: str, values: Mapping[str, float]) -> bytes:
    """`kind` names the plugin: a state of another one is rejected."""
    return msgspec.json.encode(SavedValues(STATE_VERSION, kind, dict(values)))


def decode_values(kind: str, data: bytes) -> dict[str, float]:
    """Raises ValueError, one line, if `data` is no state of this kind of plugin."""
    try:
        saved = msgspec.json.decode(data, type=SavedValues)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"this is not a state of it ({error})") from None
    if saved.version != STATE_VERSION:
        raise ValueError(f"the state has version {saved.version}, known is {STATE_VERSION}")
    if saved.plugin != kind:
        raise ValueError(f"the state is of '{saved.plugin}', not of '{kind}'")
    return saved.values
