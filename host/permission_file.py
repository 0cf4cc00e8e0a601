# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's permissions for plugins, in a file that people read and edit.

    profile = "default"                   # for plugins that are not named below

    [[plugin]]
    id = "vst3:/usr/lib/vst3/Sampler.vst3"   # * stands for anything, [*] for *
    read = ["~/Samples"]

A file with a mistake counts for nothing, as a whole: half of it might allow what the other half
takes back. Whoever reads it says so; the defaults hold. Commands rewrite only the part of the
plugin that they are about, so that comments and order stay.
"""

import itertools
import json
import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from platformdirs import user_config_path

from host.permissions import PermissionRules, PluginRule
from host.user_file import AtomicFile, file_error, path_text, read_input
from ipc.errors import InputError, MachineError
from ipc.permissions import PROFILES, MemoryMb, Profile

CONFIG_VARIABLE = "ISOBOOTH_CONFIG"
FILE_NAME = "permissions.toml"

_MOST_BYTES = 1024 * 1024
_LEAST_MB, _MOST_MB = get_args(MemoryMb)[1].ge, get_args(MemoryMb)[1].le
_BLOCK = re.compile(r"^\s*\[\[\s*plugin\s*\]\]")
_HEAD = """\
# What plugins may do beyond their profile; `isobooth permissions --help`, docs/permissions.md.
# profile = "default"    # strict, default or open: for plugins that are not named below
"""


def permission_file() -> Path:
    """permissions.toml in ISOBOOTH_CONFIG, or where the desktop keeps `isobooth`'s settings."""
    chosen = os.environ.get(CONFIG_VARIABLE)
    if chosen:
        return Path(os.path.expanduser(chosen)).absolute() / FILE_NAME
    return user_config_path("isobooth", appauthor=False) / FILE_NAME


def load_permissions(path: Path | None = None) -> PermissionRules:
    """The user's rules; those that hold without a file, if there is none. InputError names file
    and line."""
    path = permission_file() if path is None else path
    if not os.path.lexists(path):
        return PermissionRules()
    text = _read(path)
    return parse_permissions(text, path_text(path))


def _read(path: Path) -> str:
    if os.path.exists(path) and os.path.getsize(path) == 0:
        return ""
    try:
        return read_input(path, "a permissions file", _MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path_text(path)}: not UTF-8 text (byte {error.start})") from None


def parse_permissions(text: str, where: str) -> PermissionRules:
    """`where` is the file's name, for messages."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: {_with_line(str(error))}") from None
    reader = _Reader(text, where)
    reader.check_keys(data, ("profile", "plugin"), 0)
    blocks = data.get("plugin", [])
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise reader.error("plugin", "is written as [[plugin]], once for each plugin", 0)
    return PermissionRules(
        profile=reader.profile(data, 0) or "default",
        rules=tuple(reader.rule(block, number) for number, block in enumerate(blocks, 1)),
    )


def _with_line(message: str) -> str:
    """ "Expected '=' (at line 3, column 7)" as "line 3, column 7: expected '='"."""
    found = re.fullmatch(r"(.*) \(at (line \d+, column \d+|end of document)\)", message, re.DOTALL)
    reason = (found[1] if found else message).replace("\n", " ")
    reason = reason[:1].lower() + reason[1:]
    return f"{found[2]}: {reason}" if found else reason


class _Reader:
    """Finds for each value the line that it stands in. Block 0 is what stands before them all."""

    def __init__(self, text: str, where: str) -> None:
        self._where = where
        self._lines = text.splitlines()

    def error(self, key: str, problem: str, block: int) -> InputError:
        return InputError(f"{self._where}: line {self._line(key, block)}: {key} {problem}")

    def _line(self, key: str, block: int) -> int:
        seen, start = 0, 1
        written = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        for number, line in enumerate(self._lines, 1):
            if _BLOCK.match(line):
                seen += 1
                start = number if seen == block else start
            elif seen == block and written.match(line):
                return number
        return start

    def check_keys(self, data: dict[str, Any], known: tuple[str, ...], block: int) -> None:
        for key in data:
            if key not in known:
                raise self.error(key, f"is not known here; known: {', '.join(known)}", block)

    def rule(self, data: dict[str, Any], block: int) -> PluginRule:
        known = ("id", "profile", "read", "write", "network", "display", "memory_mb")
        self.check_keys(data, known, block)
        plugin = data.get("id")
        if not isinstance(plugin, str) or (":" not in plugin and "*" not in plugin):
            raise self.error("id", "must be a plugin id such as vst3:/usr/lib/vst3/X.vst3", block)
        for switch in ("network", "display"):
            if not isinstance(data.get(switch), bool | None):
                raise self.error(switch, "must be true or false", block)
        memory_mb = data.get("memory_mb")
        if memory_mb is not None and (
            not isinstance(memory_mb, int)
            or isinstance(memory_mb, bool)
            or not _LEAST_MB <= memory_mb <= _MOST_MB
        ):
            raise self.error(
                "memory_mb", f"must be a whole number from {_LEAST_MB} to {_MOST_MB}", block
            )
        return PluginRule(
            id=plugin,
            profile=self.profile(data, block),
            read=self._paths(data, "read", block),
            write=self._paths(data, "write", block),
            network=data.get("network"),
            display=data.get("display"),
            memory_mb=memory_mb,
        )

    def profile(self, data: dict[str, Any], block: int) -> Profile | None:
        name = data.get("profile")
        if name is not None and name not in PROFILES:
            raise self.error("profile", f"must be one of {', '.join(PROFILES)}", block)
        made: Profile | None = name
        return made

    def _paths(self, data: dict[str, Any], key: str, block: int) -> tuple[str, ...]:
        paths = data.get(key, [])
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise self.error(key, 'must be a list of paths, such as ["~/Samples"]', block)
        for path in paths:
            if not path.startswith(("/", "~/")) or "\0" in path:
                raise self.error(key, f"must hold absolute paths; {path!r} is none", block)
        return tuple(paths)


def save_rule(rule: PluginRule, path: Path | None = None) -> None:
    """Puts the rule in the place of that of the same id, or at the end. InputError if the file
    cannot be understood."""
    path = permission_file() if path is None else path
    _rewrite(path, rule.id, _written(rule))


def remove_rule(plugin: str, path: Path | None = None) -> bool:
    """Whether there was a rule of exactly this id."""
    path = permission_file() if path is None else path
    if not any(rule.id == plugin for rule in load_permissions(path).rules):
        return False
    _rewrite(path, plugin, "")
    return True


def rule_of(plugin: str, rules: PermissionRules) -> PluginRule:
    """The rule of exactly this id, empty if there is none."""
    found = [rule for rule in rules.rules if rule.id == plugin]
    merged = PluginRule(id=plugin)
    for rule in found:
        merged = replace(
            merged,
            profile=rule.profile or merged.profile,
            read=tuple(dict.fromkeys(merged.read + rule.read)),
            write=tuple(dict.fromkeys(merged.write + rule.write)),
            network=merged.network if rule.network is None else rule.network,
            display=merged.display if rule.display is None else rule.display,
            memory_mb=merged.memory_mb if rule.memory_mb is None else rule.memory_mb,
        )
    return merged


def _rewrite(path: Path, plugin: str, written: str) -> None:
    rules = load_permissions(path)  # refuses a file that would be made worse
    parts = _parts(_read(path) if os.path.lexists(path) else _HEAD)
    if len(parts) != len(rules.rules) + 1:  # lists and strings may be written in many ways
        raise InputError(
            f"{path_text(path)}: write [[plugin]] on a line of its own, or edit it here"
        )
    kept, done = [parts[0]], not written
    for rule, part in zip(rules.rules, parts[1:], strict=True):
        if rule.id != plugin:
            kept.append(part)
        elif not done:
            kept.append(_comments(part) + written)
            done = True
    if not done:
        kept.append(written)
    text = "\n".join(part.strip("\n") + "\n" for part in kept if part.strip())
    parse_permissions(text, path_text(path))  # what is written can be read
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"{path_text(path.parent)}: cannot be made: {error.strerror}") from None
    try:
        with AtomicFile(path) as file:
            file.file.write(text.encode())
    except OSError as error:
        raise file_error(path, "written", error) from None


def _parts(text: str) -> list[str]:
    """What stands before the first [[plugin]], then each of them; comments right above one are
    its own."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if _BLOCK.match(line):
            above = []
            while parts[-1] and parts[-1][-1].lstrip().startswith("#"):
                above.append(parts[-1].pop())
            parts.append(above[::-1])
        parts[-1].append(line)
    return ["".join(part) for part in parts]


def _comments(part: str) -> str:
    """What stands above the [[plugin]]."""
    lines = part.splitlines(keepends=True)
    return "".join(itertools.takewhile(lambda line: not _BLOCK.match(line), lines))


def _written(rule: PluginRule) -> str:
    lines = ["[[plugin]]", f"id = {json.dumps(rule.id, ensure_ascii=False)}"]
    if rule.profile is not None:
        lines.append(f'profile = "{rule.profile}"')
    for key, paths in (("read", rule.read), ("write", rule.write)):
        if paths:
            quoted = ", ".join(json.dumps(path, ensure_ascii=False) for path in paths)
            lines.append(f"{key} = [{quoted}]")
    if rule.network is not None:
        lines.append(f"network = {'true' if rule.network else 'false'}")
    if rule.display is not None:
        lines.append(f"display = {'true' if rule.display else 'false'}")
    if rule.memory_mb is not None:
        lines.append(f"memory_mb = {rule.memory_mb}")
    return "\n".join(lines) + "\n"
