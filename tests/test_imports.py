# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder is a process: what it imports is what it drags into that process."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("ipc", "host", "sandbox", "ui", "tools")
ALLOWED = {
    "ipc": {"ipc"},
    "host": {"host", "ipc"},
    "sandbox": {"sandbox", "ipc"},
    "ui": {"ui", "ipc"},
    "tools": set(OURS),
}


def _imported_packages(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names & set(OURS)


def _included_folders(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    return set(re.findall(r'#include "(\w+)/', text)) & set(OURS)


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_its_process_may(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in (".py", ".pyi"):
            forbidden = _imported_packages(path) - ALLOWED[folder]
        elif path.suffix in (".hpp", ".cpp"):
            forbidden = _included_folders(path) - ALLOWED[folder]
        else:
            continue
        assert not forbidden, f"{path.relative_to(ROOT)} imports {sorted(forbidden)}"


def test_the_rule_would_notice_a_forbidden_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from host.config import HostConfig\n", encoding="utf-8")
    assert _imported_packages(module) - ALLOWED["sandbox"] == {"host"}
