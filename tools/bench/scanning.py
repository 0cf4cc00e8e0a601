# SPDX-License-Identifier: GPL-3.0-or-later
"""How many plugins a first scan gets through in a second, with one worker and with two, against the
scanner that comes with minihost, over the same folders in the same round; and how long a scan takes
that finds nothing new.

minihost's scanner loads the first plugin of each bundle in a process of its own, and no LADSPA or
CLAP; ours takes every plugin of each file from its load to its destructor.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from host.scan.places import FORMATS

_ROOT = Path(__file__).resolve().parents[2]
_LIMIT_S = 1200.0
_RESCANS = 4  # after each first scan
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"

_MINIHOST = """
import json, sys, time
from minihost import plugincache
began = time.monotonic()
found = []
for folder in sys.argv[1:]:
    found += plugincache.scan(folder, refresh=True, include_errors=True)
usable = [plugin for plugin in found if plugin.get("status", "ok") == "ok"]
print(json.dumps({"plugins": len(usable), "seconds": time.monotonic() - began}))
"""


def measure(rounds: int, tell: Any) -> dict[str, Any]:
    """`scan_plugins_per_s` of `jobs_1`, `jobs_2` and `minihost` (medians of the rounds),
    `scan_ratio`, those of ours over minihost's within a round, `scan_plugins`, and `rescan_s`, the
    whole command."""
    speeds: dict[str, list[float]] = {"jobs_1": [], "jobs_2": [], "minihost": []}
    counts: dict[str, int] = {}
    rescans: list[float] = []
    for number in range(rounds):
        tell(f"scanning: round {number + 1} of {rounds}, minihost's scanner")
        counts["minihost"], seconds = _minihost_scan()
        speeds["minihost"].append(counts["minihost"] / seconds)
        for jobs in (1, 2):
            tell(f"scanning: round {number + 1} of {rounds}, {jobs} at a time")
            with tempfile.TemporaryDirectory(prefix="isobooth-bench-") as folder:
                told, seconds = _scan(folder, "--jobs", str(jobs), "--json")
                counts["isobooth"] = json.loads(told)["summary"]["probed"]
                speeds[f"jobs_{jobs}"].append(counts["isobooth"] / seconds)
                rescans += [_scan(folder)[1] for _ in range(_RESCANS)]
    ratios = {
        jobs: round(
            statistics.median(
                ours / theirs for ours, theirs in zip(speeds[jobs], speeds["minihost"], strict=True)
            ),
            2,
        )
        for jobs in ("jobs_1", "jobs_2")
    }
    return {
        "scan_plugins_per_s": {who: round(statistics.median(s), 2) for who, s in speeds.items()},
        "scan_rounds_per_s": {who: [round(one, 2) for one in s] for who, s in speeds.items()},
        "scan_ratio": ratios,
        "scan_plugins": counts,
        "rescan_s": round(statistics.median(rescans), 2),
    }


def _folders() -> list[str]:
    """Where Debian installs plugins."""
    folders = [Path("/usr/lib") / plugin_format.value for plugin_format in FORMATS]
    return [str(folder) for folder in folders if folder.is_dir()]


def _environment(folder: str) -> dict[str, str]:
    # Without it, Python compiles all that it imports, each time; few users live so.
    usual = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    return {
        **usual,
        "ISOBOOTH_DATA": f"{folder}/data",
        "XDG_CACHE_HOME": f"{folder}/cache",
        "HOME": folder,
    }


def _scan(folder: str, *words: str) -> tuple[bytes, float]:
    """What it told, and the whole command's seconds."""
    command = [str(Path(sys.executable).with_name("isobooth")), "scan", *words]
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=_ROOT,
        env=_environment(folder),
        capture_output=True,
        check=True,
        timeout=_LIMIT_S,
    )
    return done.stdout, time.monotonic() - began


def _minihost_scan() -> tuple[int, float]:
    with tempfile.TemporaryDirectory(prefix="isobooth-bench-") as folder:
        done = subprocess.run(
            [sys.executable, "-c", _MINIHOST, *_folders()],
            env=_environment(folder),
            capture_output=True,
            check=True,
            timeout=_LIMIT_S,
        )
    told = json.loads(done.stdout.splitlines()[-1])
    return int(told["plugins"]), float(told["seconds"])
