# SPDX-License-Identifier: GPL-3.0-or-later
"""vst3:PATH. A VST3 bundle; of one that holds several plugins, the first."""

import platform
from pathlib import Path

from ipc.description import PluginDescription
from ipc.errors import NoSuchPlugin
from ipc.messages import MAX_LINE, ListedPlugin
from ipc.text import one_line
from sandbox.backends.juce_plugin import JucePlugin, open_instances
from sandbox.backends.minihost_library import minihost, text_of
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import PluginId
from sandbox.backends.vst3_factory import audio_classes

_KEY_CHANNELS = 2  # asked for; a plugin with a mono side-chain gives one


def warm() -> None:
    minihost()


def contents(path: Path) -> list[ListedPlugin]:
    """JUCE opens the first; of the others is said that they are there."""
    _check_bundle(str(path), path)
    classes = audio_classes(str(_module_of(path)))
    hidden = "one of several in its bundle; only the first can be opened so far"
    return [
        ListedPlugin(
            id=f"vst3:{path}" if number == 0 else f"vst3:{path}#{found.cid}",
            name=one_line(found.name or path.stem, MAX_LINE),
            remark="" if number == 0 else hidden,
        )
        for number, found in enumerate(classes)
    ]


def _module_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    code = path / "Contents" / f"{platform.machine()}-linux"
    named = code / f"{path.stem}.so"
    return named if named.exists() else min(code.glob("*.so"))


def load(plugin: PluginId, settings: LoadSettings) -> JucePlugin:
    path = Path(plugin.location).expanduser()
    _check_bundle(plugin.text, path)
    library = minihost()

    def open_one() -> int:
        keys = _KEY_CHANNELS if settings.sidechain else 0
        return library.open_file(
            str(path.absolute()), settings.sample_rate, settings.max_frames, keys
        )

    instances = open_instances(library, settings, open_one)
    info = library.probe(str(path.absolute()))
    about = PluginDescription(
        id=plugin.text,
        name=text_of(info.name) or path.stem,
        vendor=text_of(info.vendor),
        version=text_of(info.version),
        format="vst3",
        path=str(path),
        is_instrument=bool(info.is_instrument),
        sidechain_channels=instances.sidechain_channels,
    )
    return JucePlugin(plugin.text, library, instances, about)


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
