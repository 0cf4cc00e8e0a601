# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin is, as its worker tells the rest of the program.

One description for all formats: `plugin info` prints it, the host plans with it, the catalogue
will store it. Parameter values are normalized 0..1; where the format knows plain values (LADSPA,
our own devices), the range in plain values stands beside them.
"""

import msgspec


class ParameterDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter. Texts are the plugin's own words for a value; empty where it has none."""

    index: int
    id: str  # stable between versions of the plugin; unlike the index
    name: str
    unit: str = ""
    default: float = 0.0  # normalized
    min_text: str = ""
    max_text: str = ""
    default_text: str = ""
    steps: int = 0  # discrete values; 0: continuous
    automatable: bool = True
    boolean: bool = False
    read_only: bool = False  # only the plugin itself changes it
    hidden: bool = False  # not in use at present, says the plugin
    min_value: float | None = None  # plain values
    max_value: float | None = None
    default_value: float | None = None


class PluginDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin, loaded and asked."""

    id: str  # as given: vst3:PATH, lv2:URI, clap:PATH#ID, …
    name: str
    vendor: str = ""
    version: str = ""
    format: str
    path: str = ""  # the file or bundle that its code came from
    category: str = ""  # the format's own word, where it has one
    is_instrument: bool = False
    in_channels: int = 0
    out_channels: int = 0
    sidechain_channels: int = 0
    accepts_midi: bool = False
    produces_midi: bool = False
    works_in_place: bool = True  # its outputs may lie over its inputs, as far as it says
    latency_frames: int = 0
    tail_s: float = 0.0
    parameters: list[ParameterDescription] = []
    programs: list[str] = []
    has_editor: bool | None = False  # of its own, for a window of X11; None: nobody knows yet
    state_bytes: int = (
        0  # size of its state; filled in for `plugin info`, 0 when it is loaded to play
    )
    remarks: list[str] = []  # what a user should know: what of the plugin is out of reach, and why
