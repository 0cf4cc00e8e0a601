# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of a test's own, where Debian's package is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server here (package postgresql)")
    return found[-1].parent


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, reached by a socket in a folder of its own."""
    programs = _programs()
    prefix: list[str] = []
    if os.getuid() == 0:  # which the server refuses to be
        if shutil.which("setpriv") is None:
            pytest.skip("PostgreSQL does not run as root, and setpriv is not there")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    folder = Path(tempfile.mkdtemp(prefix="isobooth-postgres-"))
    try:
        if prefix:
            shutil.chown(folder, "postgres", "postgres")
        data = folder / "data"

        def run(*words: str) -> None:
            done = subprocess.run(
                [*prefix, *words],
                cwd=folder,
                stdout=subprocess.DEVNULL,  # the server keeps it open
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=60,
            )
            log = folder / "log"
            assert done.returncode == 0, log.read_text() if log.exists() else words

        run(str(programs / "initdb"), "-D", str(data), "-U", "me", "-A", "trust", "--no-sync")
        control = str(programs / "pg_ctl")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(control, "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql://me@/postgres?host={folder}"
        finally:
            run(control, "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)
