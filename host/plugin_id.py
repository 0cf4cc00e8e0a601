# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of a plugin: one line of text that says its format and where it is.

Songs, commands, crash reports and the blacklist all name plugins by this text, so it is read in
one place only and `str()` gives back exactly what was read. Nothing here looks at the disk: an id
may name a plugin of another machine, and only the worker that loads it finds out.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from ipc.clap_location import split_clap_location
from ipc.errors import InputError
from ipc.text import one_line
from ipc.vst3_location import split_vst3_location


class PluginFormat(StrEnum):
    """What stands before the first colon of a plugin id."""

    VST3 = "vst3"
    LV2 = "lv2"
    CLAP = "clap"
    LADSPA = "ladspa"
    PEDALBOARD = "pedalboard"
    BUILTIN = "builtin"
    FAULT = "fault"


EXAMPLES = {
    PluginFormat.VST3: "vst3:/usr/lib/vst3/X.vst3",
    PluginFormat.LV2: "lv2:http://drobilla.net/plugins/mda/Delay",
    PluginFormat.CLAP: "clap:/usr/lib/clap/X.clap",
    PluginFormat.LADSPA: "ladspa:/usr/lib/ladspa/amp.so#amp_stereo",
    PluginFormat.PEDALBOARD: "pedalboard:Reverb",
    PluginFormat.BUILTIN: "builtin:gain",
    PluginFormat.FAULT: "fault:segv?after=100",
}

_IN_FILES = (PluginFormat.VST3, PluginFormat.CLAP, PluginFormat.LADSPA)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORDS = re.compile(r"[\w -]{1,60}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_CLASS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_ARGUMENT = re.compile(r"([a-z][a-z0-9_]*)=([^&=#?\s]+)")


@dataclass(frozen=True, slots=True)
class PluginId:
    """A plugin id in its parts.

    `target` is the file's absolute path (vst3, clap, ladspa), the URI (lv2), the class (pedalboard)
    or the name (builtin, fault). `label` picks one plugin of a LADSPA, CLAP or VST3 file. `args`
    are the options of a built-in device or a fault, in the order written.
    """

    format: PluginFormat
    target: str
    label: str = ""
    args: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "PluginId":
        """Read an id; InputError says what was expected instead."""
        head, colon, rest = text.partition(":")
        if _UNPRINTABLE.search(text):
            raise _expected(PluginFormat.VST3, text, "a plugin id without control characters")
        if not colon or head not in set(PluginFormat):
            raise _unknown_format(head if colon else "", text)
        plugin_format = PluginFormat(head)
        match plugin_format:
            case PluginFormat.VST3:
                bundle = split_vst3_location(rest)
                if not _is_absolute_file(bundle.path):
                    raise _expected(plugin_format, text, "the absolute path of a VST3 plugin")
                return cls(plugin_format, bundle.path, bundle.class_id)
            case PluginFormat.LV2:
                if not _URI.fullmatch(rest):
                    raise _expected(plugin_format, text, "the URI of an LV2 plugin")
                return cls(plugin_format, rest)
            case PluginFormat.CLAP:
                where = split_clap_location(rest)
                if not _is_absolute_file(where.path) or str(where) != rest:
                    raise _expected(
                        plugin_format,
                        text,
                        "the absolute path of a CLAP plugin, and # and an id if it has several",
                    )
                return cls(plugin_format, where.path, where.id)
            case PluginFormat.LADSPA:
                path, _, label = rest.rpartition("#")
                if not _is_absolute_file(path) or not label or "/" in label:
                    raise _expected(
                        plugin_format, text, "the absolute path of a LADSPA file, # and a label"
                    )
                return cls(plugin_format, path, label)
            case PluginFormat.PEDALBOARD:
                if not _CLASS.fullmatch(rest):
                    raise _expected(plugin_format, text, "the class of a pedalboard effect")
                return cls(plugin_format, rest)
            case PluginFormat.BUILTIN:
                return cls._parse_ours(plugin_format, rest, text, "the name of a built-in device")
            case PluginFormat.FAULT:
                return cls._parse_ours(plugin_format, rest, text, "a fault")

    @classmethod
    def _parse_ours(
        cls, plugin_format: PluginFormat, rest: str, text: str, what: str
    ) -> "PluginId":
        name, question, tail = rest.partition("?")
        matches = [_ARGUMENT.fullmatch(part) for part in tail.split("&")] if question else []
        args = tuple((found[1], found[2]) for found in matches if found)
        if (
            not _NAME.fullmatch(name)
            or len(args) != len(matches)
            or len(dict(args)) != len(args)  # a key twice has no one meaning
        ):
            options = ", ? and key=value joined by &" if question else ""
            raise _expected(plugin_format, text, what + options)
        return cls(plugin_format, name, args=args)

    def __str__(self) -> str:
        text = f"{self.format}:{self.target}"
        if self.label:
            text += f"#{self.label}"
        if self.args:
            text += "?" + "&".join(f"{key}={value}" for key, value in self.args)
        return text

    @property
    def path(self) -> str | None:
        """The plugin's file or bundle, where the id itself says it."""
        return self.target if self.format in _IN_FILES else None


def _is_absolute_file(path: str) -> bool:
    # Relative paths would mean another plugin in a worker's folder, or in the blacklist.
    return path.startswith("/") and not path.endswith("/")


def _expected(plugin_format: PluginFormat, text: str, what: str) -> InputError:
    return InputError(f'expected {what}, such as "{EXAMPLES[plugin_format]}", got {_quoted(text)}')


def _unknown_format(head: str, text: str) -> InputError:
    hint = ""
    if text.startswith("/") and text.endswith((".vst3", ".clap")):
        hint = f"; did you mean {_quoted(text[-4:] + ':' + text)}?"
    elif head in ("http", "https", "urn"):
        hint = f"; did you mean {_quoted('lv2:' + text)}?"
    elif head.lower() in set(PluginFormat):
        hint = f'; the format is written "{head.lower()}"'
    elif head:
        hint = "; the formats are " + ", ".join(PluginFormat)
    elif _WORDS.fullmatch(text):
        hint = f"; `isobooth plugins search '{text}'` finds ids by names"
    return InputError(
        f'expected an id such as "{EXAMPLES[PluginFormat.VST3]}", got {_quoted(text)}{hint}'
    )


def _quoted(text: str) -> str:
    shown = one_line(_UNPRINTABLE.sub("?", text))  # and what no font has a picture of
    return f'"{shown[:117]}..."' if len(shown) > 120 else f'"{shown}"'
