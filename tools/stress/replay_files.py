# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a replay makes: looked at before it, so that none is replaced unasked, and nobody
waits for a shrunk log that cannot be written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from host.user_file import path_text
from ipc.errors import InputError
from tools.job_files import check_writable


@dataclass(frozen=True)
class ReplayFiles:
    """`log`: where the shrunk one goes; `script`: the program; None: nowhere."""

    log: Path | None
    script: Path | None

    def check(self, source: Path, force: bool) -> None:
        """InputError if one of them cannot be written, or would replace what is there: the log
        that is replayed and the other one in any case, else unless `force` says so."""
        taken = {"the log that is replayed": source}
        for option, path in (("-o", self.log), ("--script", self.script)):
            if path is None:
                continue
            where = f"{option} {path_text(path)}"
            for what, other in taken.items():
                if path.resolve() == other.resolve():
                    raise InputError(f"{where}: is {what}; name another file")
            if not path.absolute().parent.is_dir():
                raise InputError(f"{where}: its folder does not exist")
            if path.exists() and not path.is_file():
                raise InputError(f"{where}: is no file; name one")
            if path.exists() and not force:
                raise InputError(f"{where}: exists already; --force replaces it")
            check_writable(option, path)
            taken["the shrunk log"] = path


def replay_files(
    source: Path, *, shrink: bool, output: Path | None, script: Path | None
) -> ReplayFiles:
    """As asked for; what is shrunk goes beside the log, and its program beside that, without a
    word. Raises InputError where `output` is given and nothing will be shrunk."""
    if not shrink:
        if output is not None:
            raise InputError("-o is for the shrunk log; it needs --shrink")
        return ReplayFiles(None, script)
    log = output or source.with_suffix(".shrunk.json")
    return ReplayFiles(log, script or log.with_suffix(".py"))
