# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugin ids as users write them: FORMAT:WHERE, with options for our own devices."""

from typing import NamedTuple

from ipc.errors import NoSuchPlugin

FORMATS = ("vst3", "lv2", "clap", "ladspa", "pedalboard", "builtin", "fault")
_FORMS = (
    "vst3:PATH, lv2:URI, clap:PATH#ID, ladspa:PATH#LABEL, pedalboard:CLASS, "
    "builtin:NAME?OPTIONS, fault:KIND?OPTIONS"
)


class PluginId(NamedTuple):
    """`location` is the path, URI, class or name; `options` only for builtin: and fault:."""

    text: str
    format: str
    location: str
    options: dict[str, str]


def parse_plugin_id(text: str) -> PluginId:
    """Raises NoSuchPlugin if the id names no format we know or is malformed."""
    name, colon, location = text.partition(":")
    if not colon or name not in FORMATS:
        raise NoSuchPlugin(f"'{text}' is no plugin id; they are written {_FORMS}")
    options: dict[str, str] = {}
    if name in ("builtin", "fault"):  # a URI or a path may hold question marks of its own
        location, _, query = location.partition("?")
        for part in filter(None, query.split("&")):
            key, equals, value = part.partition("=")
            if not equals or not key or key in options:
                raise NoSuchPlugin(f"{text}: '{part}' is no option; write KEY=VALUE, each once")
            options[key] = value
    # An LV2 plugin without a URI is refused by its backend, which knows what is installed.
    if (not location and name != "lv2") or "\0" in text:
        raise NoSuchPlugin(f"'{text}' names no plugin; ids are written {_FORMS}")
    return PluginId(text, name, location, options)


class OptionReader:
    """Takes whole-number options of an id one by one, and refuses what nobody took."""

    def __init__(self, plugin: PluginId) -> None:
        self._plugin = plugin
        self._left = dict(plugin.options)
        self._known: list[str] = []

    def integer(self, key: str, default: int, least: int, most: int) -> int:
        self._known.append(key)
        text = self._left.pop(key, None)
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise NoSuchPlugin(
                f"{self._plugin.text}: {key} is a whole number from {least} to {most}, not '{text}'"
            )
        return value

    def finish(self) -> None:
        if self._left:
            known = ", ".join(self._known) or "none"
            raise NoSuchPlugin(
                f"{self._plugin.text}: there is no option '{next(iter(self._left))}' here; "
                f"known: {known}"
            )
