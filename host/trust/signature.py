# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached signatures in minisign's format, FILE.minisig beside FILE.

Of a bundle every binary counts: one that is not signed could be anybody's.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host.store.content import binaries_at
from host.trust.settings import TrustedKey

SUFFIX = ".minisig"
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Signed:
    """`by`: names of the trusted keys that signed all binaries; empty: nobody whom we know.
    `forged`: a file whose signature, of a trusted key or not to be read, is not its own.
    `stranger`: the id of a key that signed something and is not trusted."""

    by: tuple[str, ...] = ()
    forged: str | None = None
    stranger: str | None = None


def signed(path: Path, keys: Sequence[TrustedKey]) -> Signed:
    """Reads every binary once, if there are signatures."""
    files = binaries_at(path)
    if not any(os.path.lexists(f"{file}{SUFFIX}") for file in files):
        return Signed()
    import minisign  # seldom needed, and slow to import

    known = {_key_id(key.key.encode()): key for key in keys}
    signers: list[str | None] = []
    stranger = None
    for file in files:
        signature = Path(f"{file}{SUFFIX}")
        if not os.path.lexists(signature):
            signers.append(None)
            continue
        try:
            with open(signature, "rb") as opened:
                found = minisign.Signature.from_bytes(opened.read(_MOST_BYTES))
            key_id = _key_id(bytes(found).splitlines()[1])
            key = known.get(key_id)
            if key is not None:
                with open(file, "rb") as data:
                    minisign.PublicKey.from_base64(key.key).verify(data, found)
        except (minisign.Error, ValueError, OSError):
            return Signed(forged=str(file))
        signers.append(key.name if key is not None else None)
        if key is None:
            stranger = key_id[::-1].hex().upper()  # as minisign writes it
    if not signers or None in signers:
        return Signed(stranger=stranger)
    return Signed(by=tuple(dict.fromkeys(name for name in signers if name is not None)))


def _key_id(line: bytes) -> bytes:
    """Both keys and signatures begin with two bytes of algorithm and eight of id."""
    return base64.standard_b64decode(line)[2:10]
