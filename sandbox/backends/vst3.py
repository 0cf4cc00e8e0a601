# SPDX-License-Identifier: GPL-3.0-or-later
"""vst3:PATH, or vst3:PATH#CLASS. One plugin of a VST3 bundle; without a class, the first."""

import contextlib
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

from ipc.description import PluginDescription
from ipc.errors import NoSuchPlugin
from ipc.messages import MAX_LINE, ListedPlugin
from ipc.text import one_line
from ipc.vst3_location import split_vst3_location
from sandbox._native import tap_vst3
from sandbox.backends.juce_plugin import JucePlugin, open_instances
from sandbox.backends.minihost_library import Minihost, minihost, text_of
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import PluginId
from sandbox.backends.vst3_editor import Vst3BesideEditor
from sandbox.backends.vst3_factory import VstClass, audio_classes

_KEY_CHANNELS = 2  # asked for; a plugin with a mono side-chain gives one
_CLASSES_SHOWN = 12


def warm() -> None:
    minihost()


def contents(path: Path) -> list[ListedPlugin]:
    _check_bundle(str(path), path)
    return [
        ListedPlugin(
            id=f"vst3:{path}" if number == 0 else f"vst3:{path}#{found.class_id}",
            name=one_line(found.name or path.stem, MAX_LINE),
        )
        for number, found in enumerate(audio_classes(str(_module_of(path))))
    ]


def code_of(plugin: PluginId) -> Path:
    return _module_of(_bundle_of(plugin)[0])


def _bundle_of(plugin: PluginId) -> tuple[Path, str]:
    """The bundle, which is there, and the class of one of its plugins, which may be empty."""
    location = split_vst3_location(plugin.location)
    path = Path(location.path).expanduser()
    _check_bundle(plugin.text, path)
    return path, location.class_id


def _module_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    code = path / "Contents" / f"{platform.machine()}-linux"
    named = code / f"{path.stem}.so"
    return named if named.exists() else min(code.glob("*.so"))


def load(plugin: PluginId, settings: LoadSettings) -> JucePlugin:
    path, class_id = _bundle_of(plugin)
    library = minihost()
    if settings.direct:
        with contextlib.suppress(RuntimeError):  # the rig sees that it meets no buffers
            tap_vst3(library.native)
    file = str(path.absolute())
    if class_id:
        return _load_class(plugin, settings, library, path, _find_class(plugin, path, class_id))

    def open_one() -> int:
        keys = _KEY_CHANNELS if settings.sidechain else 0
        return library.open_file(file, settings.sample_rate, settings.max_frames, keys)

    instances = open_instances(library, settings, open_one)
    reached = instances.processors[0].sidechain_channels
    info = library.probe(file)
    about = PluginDescription(
        id=plugin.text,
        name=text_of(info.name) or path.stem,
        vendor=text_of(info.vendor),
        version=text_of(info.version),
        format="vst3",
        path=str(path),
        is_instrument=bool(info.is_instrument),
        has_editor=None,  # to be asked it must be created a second time
        # As it was opened with; else as it could be.
        sidechain_channels=reached if settings.sidechain else instances.sidechain_channels,
    )
    return JucePlugin(plugin.text, library, instances, about, _editor_maker(path, class_id))


def _editor_maker(path: Path, class_id: str) -> Callable[[Sequence[str]], Vst3BesideEditor]:
    """`class_id`: empty for the bundle's first."""

    def make(parameter_ids: Sequence[str]) -> Vst3BesideEditor:
        module = str(_module_of(path))
        wanted = class_id or next((one.class_id for one in audio_classes(module)), "")
        return Vst3BesideEditor(module, wanted, parameter_ids)

    return make


def _find_class(plugin: PluginId, path: Path, class_id: str) -> VstClass:
    offered = audio_classes(str(_module_of(path)))
    for each in offered:
        if each.class_id == class_id:
            return each
    some = ", ".join(f"{each.class_id} ({each.name})" for each in offered[:_CLASSES_SHOWN])
    more = ", …" if len(offered) > _CLASSES_SHOWN else ""
    raise NoSuchPlugin(
        f"{plugin.text}: {path.name} has no plugin of that class; it has {some}{more}"
    )


def _load_class(
    plugin: PluginId, settings: LoadSettings, library: Minihost, path: Path, wanted: VstClass
) -> JucePlugin:
    """One that is not the first of its bundle. minihost opens it without its side-chain."""
    file = str(path.absolute())
    instances = open_instances(
        library,
        settings,
        lambda: library.open_vst3_class(
            file, wanted.name, wanted.juce_id, settings.sample_rate, settings.max_frames
        ),
    )
    remarks = []
    if instances.sidechain_channels:
        remarks.append(
            f"its side-chain input ({instances.sidechain_channels} channels) cannot be reached, "
            "because it is not the first plugin of its bundle"
        )
    about = PluginDescription(
        id=plugin.text,
        name=wanted.name or path.stem,
        vendor=wanted.vendor or text_of(library.probe(file).vendor),
        version=wanted.version,
        format="vst3",
        path=str(path),
        category=wanted.categories,
        is_instrument="Instrument" in wanted.categories.split("|"),
        has_editor=None,
        sidechain_channels=instances.processors[0].sidechain_channels,
        remarks=remarks,
    )
    return JucePlugin(plugin.text, library, instances, about, _editor_maker(path, wanted.class_id))


def _check_bundle(plugin_id: str, path: Path) -> None:
    """Refuses what JUCE would refuse without saying why, or open as another format."""
    if not path.exists():
        raise NoSuchPlugin(f"{plugin_id}: the VST3 plugin {path} does not exist")
    if path.suffix.casefold() != ".vst3":
        raise NoSuchPlugin(f"{plugin_id}: {path} is no VST3 plugin; its name does not end in .vst3")
    code = path / "Contents" / f"{platform.machine()}-linux"
    if path.is_dir() and not any(code.glob("*.so")):
        raise NoSuchPlugin(
            f"{plugin_id}: the VST3 bundle {path} holds no code for this machine "
            f"(Contents/{code.name}/*.so)"
        )
