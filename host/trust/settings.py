# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's policy and trusted keys, in a file that people read and edit.

policy = "warn"               # ask, warn or refuse

[[key]]                       # minisign public keys
name = "Zam Audio"
key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
"""

import json
import os
import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from host.permission_file import permission_file
from host.user_file import AtomicFile, path_text, read_input
from ipc.errors import InputError, MachineError

FILE_NAME = "trust.toml"
_MOST_BYTES = 1024 * 1024
_HEAD = "# Which plugin files are loaded; `isobooth trust --help`, docs/trust.md.\n"


class Policy(StrEnum):
    """What becomes of a plugin whose files are not those that were trusted."""

    ASK = "ask"  # commands ask on the terminal; without one, as REFUSE
    WARN = "warn"  # it is told, loaded, and trusted from now on
    REFUSE = "refuse"  # it is not loaded until it is accepted


@dataclass(frozen=True)
class TrustedKey:
    name: str
    key: str  # base64, as minisign prints it


@dataclass(frozen=True)
class TrustSettings:
    policy: Policy = Policy.WARN
    keys: tuple[TrustedKey, ...] = ()

    def with_key(self, name: str, key: str) -> "TrustSettings":
        """InputError if it is no minisign public key."""
        return replace(self, keys=(*(k for k in self.keys if k.name != name), _key(name, key)))

    def without_key(self, name: str) -> "TrustSettings":
        """InputError if there is no key of this name."""
        left = tuple(key for key in self.keys if key.name != name)
        if len(left) == len(self.keys):
            raise InputError(f"no key is called {name!r}: `isobooth trust keys` lists them")
        return replace(self, keys=left)


def trust_file() -> Path:
    """trust.toml beside the permissions."""
    return permission_file().with_name(FILE_NAME)


def load_trust(path: Path | None = None) -> TrustSettings:
    """The user's settings; the defaults, if there is no file. InputError names the file."""
    path = trust_file() if path is None else path
    if not os.path.lexists(path):
        return TrustSettings()
    where = path_text(path)
    try:
        data = tomllib.loads(read_input(path, "a trust file", _MOST_BYTES).decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None
    if unknown := set(data) - {"policy", "key"}:
        raise InputError(f"{where}: {min(unknown)} is not known here; known: policy, key")
    policies = [policy.value for policy in Policy]
    policy = data.get("policy", Policy.WARN.value)
    if policy not in policies:
        raise InputError(f"{where}: policy must be one of {', '.join(policies)}")
    blocks = data.get("key", [])
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise InputError(f"{where}: key is written as [[key]], once for each key")
    settings = TrustSettings(Policy(policy))
    for block in blocks:
        name, key = block.get("name"), block.get("key")
        if not isinstance(name, str) or not name or not isinstance(key, str):
            raise InputError(f"{where}: a [[key]] has a name and a key")
        try:
            settings = settings.with_key(name, key)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    return settings


def save_trust(settings: TrustSettings, path: Path | None = None) -> None:
    """Writes the file anew. InputError or MachineError if it cannot be written."""
    path = trust_file() if path is None else path
    lines = [_HEAD, f'policy = "{settings.policy}"\n']
    for key in settings.keys:
        name = json.dumps(key.name, ensure_ascii=False)
        lines.append(f'\n[[key]]\nname = {name}\nkey = "{key.key}"\n')
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(f"{path_text(path.parent)}: cannot be made: {error.strerror}") from None
    with AtomicFile(path) as file:
        file.file.write("".join(lines).encode())


def _key(name: str, text: str) -> TrustedKey:
    import minisign  # seldom needed, and slow to import

    key = text.strip().splitlines()[-1].strip() if text.strip() else ""  # a .pub file has a comment
    try:
        minisign.PublicKey.from_base64(key)
    except (minisign.Error, ValueError):
        raise InputError(
            f"the key of {name!r} is no minisign public key: 56 characters that begin with RW"
        ) from None
    return TrustedKey(name, key)
