# SPDX-License-Identifier: GPL-3.0-or-later
"""Built-in devices that a user may choose: what they are called, wherever they are shown.

Named here because the worker makes them and the host lists them without a scan.
"""

from typing import NamedTuple


class BuiltinDevice(NamedTuple):
    name: str
    category: str
    is_instrument: bool = False


# By the word of their id, such as "builtin:gain". Others serve tests.
BUILTIN_DEVICES = {
    "gain": BuiltinDevice("Gain", "Utility"),
    "tone": BuiltinDevice("Test tone", "Generator"),
    "synth": BuiltinDevice("Simple synth", "Instrument", is_instrument=True),
}
