# SPDX-License-Identifier: GPL-3.0-or-later
"""What an LV2 plugin's own data says that JUCE does not pass on: names, units, ranges, keys.

minihost's module exports the lilv library that JUCE's LV2 host is built upon; this reads from a
world of its own (JUCE's is out of reach), loaded once per launcher. Without it plugins would have
no names, parameters no units, and side-chain inputs could not be told from main ones.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_bool, c_char_p, c_float, c_int, c_uint32, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ipc.errors import MachineError
from sandbox.backends.minihost_library import minihost, text_of
from sandbox.backends.plugin import PlainRange

_CORE = "http://lv2plug.in/ns/lv2core#"
_FEATURE_KINDS = ("required", "optional")
_UNITS = "http://lv2plug.in/ns/extensions/units#"
# Units by the last part of their URI; what is not listed is shown by that part itself.
_UNIT_SYMBOLS = {
    "db": "dB", "hz": "Hz", "khz": "kHz", "mhz": "MHz", "pc": "%", "s": "s", "ms": "ms",
    "min": "min", "bar": "bars", "beat": "beats", "bpm": "bpm", "cent": "ct", "coef": "",
    "degree": "°", "frame": "frames", "semitone12TET": "semitones", "oct": "oct", "m": "m",
    "cm": "cm", "mm": "mm", "km": "km", "inch": "in", "mile": "mi", "midiNote": "MIDI note",
}  # fmt: skip

_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "lilv_world_new": (c_void_p, ()),
    "lilv_world_load_all": (None, (c_void_p,)),
    "lilv_world_load_bundle": (None, (c_void_p, c_void_p)),
    "lilv_new_file_uri": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "lilv_world_get": (c_void_p, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "lilv_world_get_all_plugins": (c_void_p, (c_void_p,)),
    "lilv_new_uri": (c_void_p, (c_void_p, c_char_p)),
    "lilv_node_free": (None, (c_void_p,)),
    "lilv_node_as_string": (c_char_p, (c_void_p,)),
    "lilv_node_is_uri": (c_bool, (c_void_p,)),
    "lilv_nodes_get_first": (c_void_p, (c_void_p,)),
    "lilv_nodes_free": (None, (c_void_p,)),
    "lilv_plugins_begin": (c_void_p, (c_void_p,)),
    "lilv_plugins_is_end": (c_bool, (c_void_p, c_void_p)),
    "lilv_plugins_get": (c_void_p, (c_void_p, c_void_p)),
    "lilv_plugins_next": (c_void_p, (c_void_p, c_void_p)),
    "lilv_plugin_get_uri": (c_void_p, (c_void_p,)),
    "lilv_plugins_get_by_uri": (c_void_p, (c_void_p, c_void_p)),
    "lilv_plugin_get_name": (c_void_p, (c_void_p,)),
    "lilv_plugin_get_author_name": (c_void_p, (c_void_p,)),
    "lilv_plugin_get_class": (c_void_p, (c_void_p,)),
    "lilv_plugin_class_get_label": (c_void_p, (c_void_p,)),
    "lilv_plugin_class_get_uri": (c_void_p, (c_void_p,)),
    "lilv_plugin_get_library_uri": (c_void_p, (c_void_p,)),
    "lilv_plugin_get_bundle_uri": (c_void_p, (c_void_p,)),
    "lilv_plugin_get_value": (c_void_p, (c_void_p, c_void_p)),
    "lilv_plugin_has_latency": (c_bool, (c_void_p,)),
    "lilv_plugin_get_num_ports": (c_uint32, (c_void_p,)),
    "lilv_plugin_get_port_by_index": (c_void_p, (c_void_p, c_uint32)),
    "lilv_port_is_a": (c_bool, (c_void_p, c_void_p, c_void_p)),
    "lilv_port_has_property": (c_bool, (c_void_p, c_void_p, c_void_p)),
    "lilv_port_get": (c_void_p, (c_void_p, c_void_p, c_void_p)),
    "lilv_port_get_symbol": (c_void_p, (c_void_p, c_void_p)),
    "lilv_port_get_range": (
        None,
        (c_void_p, c_void_p, POINTER(c_void_p), POINTER(c_void_p), POINTER(c_void_p)),
    ),
    "lilv_node_as_float": (c_float, (c_void_p,)),
    "lilv_free": (None, (c_void_p,)),
    "lilv_plugin_get_uis": (c_void_p, (c_void_p,)),
    "lilv_uis_free": (None, (c_void_p,)),
    "lilv_uis_begin": (c_void_p, (c_void_p,)),
    "lilv_uis_is_end": (c_bool, (c_void_p, c_void_p)),
    "lilv_uis_get": (c_void_p, (c_void_p, c_void_p)),
    "lilv_uis_next": (c_void_p, (c_void_p, c_void_p)),
    "lilv_ui_get_uri": (c_void_p, (c_void_p,)),
    "lilv_ui_get_classes": (c_void_p, (c_void_p,)),
    "lilv_ui_get_binary_uri": (c_void_p, (c_void_p,)),
    "lilv_ui_get_bundle_uri": (c_void_p, (c_void_p,)),
    "lilv_world_load_resource": (c_int, (c_void_p, c_void_p)),
    "lilv_world_find_nodes": (c_void_p, (c_void_p, c_void_p, c_void_p, c_void_p)),
    "lilv_nodes_begin": (c_void_p, (c_void_p,)),
    "lilv_nodes_is_end": (c_bool, (c_void_p, c_void_p)),
    "lilv_nodes_get": (c_void_p, (c_void_p, c_void_p)),
    "lilv_nodes_next": (c_void_p, (c_void_p, c_void_p)),
    "lilv_file_uri_parse": (c_void_p, (c_char_p, POINTER(c_void_p))),
}


class Lv2Data(NamedTuple):
    """What a plugin's data says of it."""

    name: str
    author: str
    version: str  # MINOR.MICRO, as LV2 numbers plugins
    category: str
    is_instrument: bool
    bundle: str
    audio_inputs: tuple[int, ...]  # by the numbers of their ports
    audio_outputs: tuple[int, ...]
    has_latency: bool
    works_in_place: bool
    keys: tuple[int, ...]  # places among the audio inputs of those that are a side-chain
    controls: dict[str, PlainRange]  # by port symbol
    symbols: tuple[str, ...]  # of all ports, in their order


class Lv2Ui(NamedTuple):
    """What a plugin's data says of one of its editors."""

    uri: str
    binary: str
    bundle: str
    classes: frozenset[str]
    required: frozenset[str]  # features
    optional: frozenset[str]


class LilvWorld:
    """All installed LV2 plugins' data, or one bundle's."""

    def __init__(self, bundle: Path | None = None) -> None:
        self._c = minihost().c
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._c, name, None)
            if function is None:
                raise MachineError(
                    f"minihost at {minihost().path} lacks {name}; "
                    "install the version that the project pins"
                )
            function.restype = result
            function.argtypes = arguments
        self._world = self._c.lilv_world_new()
        if bundle is None:
            self._c.lilv_world_load_all(self._world)
        else:
            # With a slash at its end, or names in it are taken to be beside it.
            node = self._c.lilv_new_file_uri(self._world, None, os.fsencode(f"{bundle}/"))
            self._c.lilv_world_load_bundle(self._world, node)
            self._c.lilv_node_free(node)
        self._plugins = self._c.lilv_world_get_all_plugins(self._world)

    @property
    def uris(self) -> list[str]:
        """Of all installed plugins, sorted."""
        c, found = self._c, []
        place = c.lilv_plugins_begin(self._plugins)
        while not c.lilv_plugins_is_end(self._plugins, place):
            plugin = c.lilv_plugins_get(self._plugins, place)
            found.append(self._text(c.lilv_plugin_get_uri(plugin)))
            place = c.lilv_plugins_next(self._plugins, place)
        return sorted(found)

    def find(self, uri: str) -> Lv2Data | None:
        """The data of an installed plugin, or None. Reads the plugin's files when first asked."""
        plugin = self._plugin(uri)
        return self._read(plugin) if plugin else None

    def binary_of(self, uri: str) -> str | None:
        """The path of its library, empty where its data names none; None if it is not installed.
        Reads the bundles' manifests, and the plugin's own texts only if those do not say it."""
        plugin = self._plugin(uri)
        if plugin is None:
            return None
        subject, predicate = self._uri(uri), self._uri(_CORE + "binary")
        node = self._c.lilv_world_get(self._world, subject, predicate, None)
        path = self._path(node)
        for each in (subject, predicate, node):
            self._c.lilv_node_free(each)
        return path or self._path(self._c.lilv_plugin_get_library_uri(plugin))

    def name_of(self, uri: str) -> str:
        """Empty where it has none, or is not installed."""
        plugin = self._plugin(uri)
        return self._text(self._c.lilv_plugin_get_name(plugin), owned=True) if plugin else ""

    def _plugin(self, uri: str) -> int | None:
        if ":" not in uri:  # no URI, and lilv complains loudly about what is none
            return None
        node = self._uri(uri)
        plugin = self._c.lilv_plugins_get_by_uri(self._plugins, node) if node else None
        self._c.lilv_node_free(node)
        return plugin or None

    def _read(self, plugin: int) -> Lv2Data:
        c = self._c
        plugin_class = c.lilv_plugin_get_class(plugin)
        class_uri = self._text(c.lilv_plugin_class_get_uri(plugin_class))
        audio_inputs, audio_outputs, keys, controls = self._read_ports(plugin)
        version = [self._value(plugin, _CORE + part) for part in ("minorVersion", "microVersion")]
        return Lv2Data(
            name=self._text(c.lilv_plugin_get_name(plugin), owned=True),
            author=self._text(c.lilv_plugin_get_author_name(plugin), owned=True),
            version=".".join(filter(None, version)),
            category=self._text(c.lilv_plugin_class_get_label(plugin_class)),
            is_instrument=class_uri == _CORE + "InstrumentPlugin",
            bundle=self._path(c.lilv_plugin_get_bundle_uri(plugin)),
            audio_inputs=audio_inputs,
            audio_outputs=audio_outputs,
            has_latency=bool(c.lilv_plugin_has_latency(plugin)),
            works_in_place=self._works_in_place(plugin),
            keys=keys,
            controls=controls,
            symbols=tuple(
                self._text(c.lilv_port_get_symbol(plugin, port)) for port in self._ports(plugin)
            ),
        )

    def _works_in_place(self, plugin: int) -> bool:
        subject = self._c.lilv_plugin_get_uri(plugin)
        features = (self._objects(subject, _CORE + f"{kind}Feature") for kind in _FEATURE_KINDS)
        return all(_CORE + "inPlaceBroken" not in found for found in features)

    def uis_of(self, uri: str) -> list[Lv2Ui]:
        """A plugin's editors; none if it is not installed. Reads their files when first asked."""
        plugin = self._plugin(uri)
        if plugin is None:
            return []
        c = self._c
        uis = c.lilv_plugin_get_uis(plugin)
        place = c.lilv_uis_begin(uis)
        found = []
        while not c.lilv_uis_is_end(uis, place):
            found.append(self._read_ui(c.lilv_uis_get(uis, place)))
            place = c.lilv_uis_next(uis, place)
        c.lilv_uis_free(uis)
        return found

    def _read_ui(self, ui: int) -> Lv2Ui:
        c = self._c
        node = c.lilv_ui_get_uri(ui)
        c.lilv_world_load_resource(self._world, node)
        return Lv2Ui(
            uri=self._text(node),
            binary=self._path(c.lilv_ui_get_binary_uri(ui)),
            bundle=self._path(c.lilv_ui_get_bundle_uri(ui)),
            classes=self._texts(c.lilv_ui_get_classes(ui)),
            required=self._objects(node, _CORE + "requiredFeature"),
            optional=self._objects(node, _CORE + "optionalFeature"),
        )

    def _objects(self, subject: int, predicate: str) -> frozenset[str]:
        node = self._uri(predicate)
        nodes = self._c.lilv_world_find_nodes(self._world, subject, node, None)
        found = self._texts(nodes)
        self._c.lilv_nodes_free(nodes)
        self._c.lilv_node_free(node)
        return found

    def _texts(self, nodes: int | None) -> frozenset[str]:
        c, found = self._c, set()
        place = c.lilv_nodes_begin(nodes) if nodes else None
        while nodes and not c.lilv_nodes_is_end(nodes, place):
            found.add(self._text(c.lilv_nodes_get(nodes, place)))
            place = c.lilv_nodes_next(nodes, place)
        return frozenset(found)

    def _read_ports(
        self, plugin: int
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, PlainRange]]:
        c = self._c
        nodes = input_port, audio_port, control_port, is_key, unit, scaled = tuple(
            map(
                self._uri,
                (
                    _CORE + "InputPort",
                    _CORE + "AudioPort",
                    _CORE + "ControlPort",
                    _CORE + "isSideChain",
                    _UNITS + "unit",
                    _CORE + "sampleRate",
                ),
            )
        )
        audio_inputs: list[int] = []
        audio_outputs: list[int] = []
        keys: list[int] = []
        controls: dict[str, PlainRange] = {}
        for number, port in enumerate(self._ports(plugin)):
            is_audio = c.lilv_port_is_a(plugin, port, audio_port)
            if not c.lilv_port_is_a(plugin, port, input_port):
                audio_outputs += [number] * is_audio
            elif is_audio:
                if c.lilv_port_has_property(plugin, port, is_key):
                    keys.append(len(audio_inputs))
                audio_inputs.append(number)
            elif c.lilv_port_is_a(plugin, port, control_port):
                symbol = self._text(c.lilv_port_get_symbol(plugin, port))
                controls[symbol] = self._control(plugin, port, unit, scaled)
        for node in nodes:
            c.lilv_node_free(node)
        return tuple(audio_inputs), tuple(audio_outputs), tuple(keys), controls

    def _ports(self, plugin: int) -> Iterator[int]:
        for index in range(self._c.lilv_plugin_get_num_ports(plugin)):
            yield self._c.lilv_plugin_get_port_by_index(plugin, index)

    def _control(self, plugin: int, port: int, unit_predicate: int, scaled: int) -> PlainRange:
        text = self._text(self._c.lilv_port_get(plugin, port, unit_predicate), owned=True)
        _, is_uri, name = text.partition(_UNITS)
        unit = _UNIT_SYMBOLS.get(name, name) if is_uri else ""
        if self._c.lilv_port_has_property(plugin, port, scaled):
            return PlainRange(unit)  # the range is in multiples of the sample rate
        default, minimum, maximum = c_void_p(), c_void_p(), c_void_p()
        self._c.lilv_port_get_range(plugin, port, byref(default), byref(minimum), byref(maximum))
        return PlainRange(
            unit=unit,
            minimum=self._number(minimum),
            maximum=self._number(maximum),
            default=self._number(default),
        )

    def _number(self, node: c_void_p) -> float | None:
        value = float(self._c.lilv_node_as_float(node)) if node.value else None
        self._c.lilv_node_free(node)
        # NaN: the plugin wrote something that is no number.
        return value if value is not None and value == value else None

    def _value(self, plugin: int, predicate: str) -> str:
        node = self._uri(predicate)
        nodes = self._c.lilv_plugin_get_value(plugin, node)
        value = self._text(self._c.lilv_nodes_get_first(nodes)) if nodes else ""
        self._c.lilv_nodes_free(nodes)
        self._c.lilv_node_free(node)
        return value

    def _uri(self, uri: str) -> int:
        return int(self._c.lilv_new_uri(self._world, uri.encode()) or 0)

    def _text(self, node: int | None, owned: bool = False) -> str:
        raw = self._c.lilv_node_as_string(node) if node else None
        text = text_of(raw) if raw else ""
        if owned:
            self._c.lilv_node_free(node)
        return text

    def _path(self, node: int | None) -> str:
        raw = self._c.lilv_node_as_string(node) if node else None
        pointer = self._c.lilv_file_uri_parse(raw, None) if raw else None
        path = ctypes.string_at(pointer).decode("utf-8", "surrogateescape") if pointer else ""
        self._c.lilv_free(pointer)
        return path.rstrip("/")


world: Callable[[], LilvWorld] = cache(LilvWorld)
"""The world of this process: loaded when first asked for, in the launcher if it is warm."""
