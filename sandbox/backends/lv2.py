# SPDX-License-Identifier: GPL-3.0-or-later
"""lv2:URI. An installed LV2 plugin; any one of a bundle that holds many."""

import contextlib
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from ipc.description import PluginDescription
from ipc.errors import NoSuchPlugin, NotCarried, WorkerError
from ipc.messages import MAX_LINE, ListedPlugin
from ipc.text import one_line
from sandbox._native import Lv2Tap
from sandbox.backends.juce_plugin import Instances, JucePlugin, open_instances
from sandbox.backends.lilv import LilvWorld, Lv2Data, Lv2Ui, world
from sandbox.backends.lv2_editor import Lv2BesideEditor, looks_inside, ui_for_x11
from sandbox.backends.minihost_library import Minihost, minihost
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import PluginId
from sandbox.backends.turtle import problem_in

_URIS_SHOWN = 12
_NEAR = 3
_SEARCH = "`isobooth plugin info lv2:WORD` looks for a word in them"


def warm() -> None:
    world()


def contents(path: Path) -> list[ListedPlugin]:
    """Without names: the texts that hold them are large, and read when a plugin is loaded."""
    problem = problem_in(path / "manifest.ttl")
    if problem:
        raise WorkerError(problem)
    bundle = LilvWorld(path)
    return [
        ListedPlugin(id=f"lv2:{uri}", name="", problem=one_line(_lacks(bundle, uri), MAX_LINE))
        for uri in bundle.uris
    ]


def _lacks(bundle: LilvWorld, uri: str) -> str:
    binary = bundle.binary_of(uri)
    if not binary:
        return "its texts name no library"
    return "" if Path(binary).is_file() else f"its library {binary} is not there"


def name_of(plugin: PluginId) -> str:
    return world().name_of(plugin.location)


def code_of(plugin: PluginId) -> Path | None:
    binary = world().binary_of(plugin.location)
    if binary is None:
        raise _not_installed(plugin.location)
    return Path(binary) if binary else None


def _not_installed(uri: str) -> NoSuchPlugin:
    wrong = f"lv2:{uri}: no installed LV2 plugin has this URI;" if uri else "which LV2 plugin?"
    return NoSuchPlugin(f"{wrong} {_nearest(uri)}")


def load(plugin: PluginId, settings: LoadSettings) -> JucePlugin:
    uri = plugin.location
    data = world().find(uri)
    if data is None:
        raise _not_installed(uri)
    library = minihost()
    ui = _ui_of(uri)
    tap = _tapped(uri, data, settings.direct, ui is not None and looks_inside(ui))
    others = len(tap.handles) if tap else 0
    instances = open_instances(
        library,
        settings,
        lambda: library.open_lv2(uri, settings.sample_rate, settings.max_frames),
        data.keys,
    )
    try:
        _check_connected(library, instances, data)
        if data.has_latency:  # an LV2 plugin tells it only when it runs
            for each in instances.processors:
                each.pause(0.0)
                each.flush()
                each.resume()
    except WorkerError as error:
        instances.close()
        raise type(error)(f"{plugin.text}: {error}") from None
    processor = instances.processors[0]
    remarks = []
    if instances.sidechain_channels > processor.sidechain_channels:
        # minihost opens LV2 plugins by URI without their side-chain bus, and feeds it silence.
        remarks.append(
            f"its side-chain input ({instances.sidechain_channels} channels) cannot be reached "
            "and hears silence"
        )
    about = PluginDescription(
        id=plugin.text,
        name=data.name or uri,
        vendor=data.author,
        version=data.version,
        format="lv2",
        path=data.bundle,
        category=data.category.removesuffix(" Plugin"),
        is_instrument=data.is_instrument,
        sidechain_channels=processor.sidechain_channels,
        has_editor=ui is not None,
        works_in_place=data.works_in_place,
        remarks=remarks,
    )
    ranges = {f"sym:{symbol}": control for symbol, control in data.controls.items()}

    inside = (tap, tap.handles[others]) if tap and len(tap.handles) > others else None

    def make_editor(parameter_ids: Sequence[str]) -> Lv2BesideEditor:
        ui = ui_for_x11(world().uis_of(uri))
        return Lv2BesideEditor(uri, data, ui, settings.sample_rate, parameter_ids, inside)

    return JucePlugin(plugin.text, library, instances, about, make_editor, ranges)


def _ui_of(uri: str) -> Lv2Ui | None:
    try:
        return ui_for_x11(world().uis_of(uri))
    except WorkerError:
        return None


def _tapped(uri: str, data: Lv2Data, direct: bool, inside: bool) -> Lv2Tap | None:
    """Before it is opened. None where nobody wants it, or the plugin's functions are out of reach,
    which whoever wants it sees."""
    if not direct and not inside:
        return None
    with contextlib.suppress(RuntimeError):
        tap = Lv2Tap.of(world().binary_of(uri) or "", uri)
        if direct:
            keys = [data.audio_inputs[place] for place in data.keys]
            mains = [port for port in data.audio_inputs if port not in keys]
            tap.lend_buffers(mains, keys, data.audio_outputs)
        return tap
    return None


def _nearest(uri: str) -> str:
    """Where to go on: the installed plugins that may have been meant, or where they come from."""
    known = world().uris
    if not known:
        return "none is installed; folders of LV2_PATH are searched, by default /usr/lib/lv2"
    if ":" in uri:
        near = _like(uri, known)
        if near:
            return f"did you mean {' or '.join(near)}?"
        return f"{len(known)} are installed; {_SEARCH}"
    # A part of a URI is a search, and shown all that has it.
    found = [one for one in known if uri and uri.casefold() in one.casefold()]
    shown = found or (_like(uri, known) if uri else []) or known
    more = f" and {len(shown) - _URIS_SHOWN} more" if len(shown) > _URIS_SHOWN else ""
    some = ", ".join(shown[:_URIS_SHOWN]) + more
    return f"installed are {some}; {_SEARCH}" if shown is known else f"did you mean {some}?"


def _like(uri: str, known: Sequence[str]) -> list[str]:
    """By their last words: all URIs of a maker are alike before it."""
    by_word = {_last_word(one): one for one in known}
    return [by_word[near] for near in get_close_matches(_last_word(uri), by_word, n=_NEAR)]


def _last_word(uri: str) -> str:
    return re.split("[/#:]", uri.rstrip("/"))[-1].casefold()


def _check_connected(library: Minihost, instances: Instances, data: Lv2Data) -> None:
    """JUCE leaves audio ports out whose data is unusual, and the plugin would then read or write
    through a pointer that was never set."""
    for is_input, ports in ((True, data.audio_inputs), (False, data.audio_outputs)):
        channels = library.bus_channels(instances.handles[0], is_input)
        if channels < len(ports):
            side = "inputs" if is_input else "outputs"
            raise NotCarried(
                f"it has {len(ports)} audio {side}, of which the host library connects {channels}; "
                "it would crash"
            )
