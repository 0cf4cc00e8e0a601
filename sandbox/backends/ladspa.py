# SPDX-License-Identifier: GPL-3.0-or-later
"""ladspa:PATH#LABEL. One plugin of a LADSPA file, over the native core's C interface to it."""

from pathlib import Path

from ipc.errors import NoSuchPlugin
from ipc.messages import MAX_LINE, ListedPlugin
from ipc.text import one_line
from sandbox._native import LadspaFile, LadspaProcessor
from sandbox.backends.own_parameters import OwnParametersPlugin
from sandbox.backends.plugin import LoadSettings
from sandbox.backends.plugin_id import PluginId

_LABELS_SHOWN = 12


def warm() -> None:
    """Nothing to prepare: a LADSPA file shares nothing with another."""


def contents(path: Path) -> list[ListedPlugin]:
    return [
        ListedPlugin(id=f"ladspa:{path}#{d.label}", name=one_line(d.name or d.label, MAX_LINE))
        for d in LadspaFile(str(path)).descriptors
    ]


def code_of(plugin: PluginId) -> Path:
    return _file_of(plugin)[0].resolve()


def _file_of(plugin: PluginId) -> tuple[Path, str]:
    """The file, which exists, and the label, which may be empty."""
    # A path may hold a # as well, a label no slash.
    location, hash_sign, label = plugin.location.rpartition("#")
    if not hash_sign or "/" in label:
        location, label = plugin.location, ""
    path = Path(location).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise NoSuchPlugin(f"{plugin.text}: the LADSPA file {path} {what}")
    return path, label


def load(plugin: PluginId, settings: LoadSettings) -> OwnParametersPlugin:
    path, label = _file_of(plugin)
    file = LadspaFile(str(path.resolve()))
    descriptors = [d for d in file.descriptors if d.label == label]
    if not label and len(file.descriptors) == 1:
        descriptors = file.descriptors
    if not descriptors:
        labels = [d.label for d in file.descriptors]
        some = ", ".join(labels[:_LABELS_SHOWN]) + (", …" if len(labels) > _LABELS_SHOWN else "")
        wrong = f"no plugin '{label}'" if label else "several plugins"
        raise NoSuchPlugin(
            f"{plugin.text}: {path.name} has {wrong}; write ladspa:PATH#LABEL, labels: {some}"
        )
    descriptor = descriptors[0]
    processors = [LadspaProcessor(file, descriptor, settings.sample_rate)]
    if settings.needs_second(processors[0]):
        processors.append(LadspaProcessor(file, descriptor, settings.sample_rate))
    return OwnParametersPlugin(
        plugin.text if label else f"{plugin.text}#{descriptor.label}",
        processors,
        plugin_format="ladspa",
        name=descriptor.name,
        kind=f"ladspa:{descriptor.label}",
        vendor=descriptor.maker,
        path=str(path),
    )
