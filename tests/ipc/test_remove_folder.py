# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's folder is removed, however the plugin left it, and nothing beside it is touched."""

import os
from pathlib import Path

from ipc.confinement import remove_folder


def test_folders_nested_beyond_any_recursion_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "worker"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    remove_folder(str(folder))
    assert not folder.exists()


def test_a_folder_that_is_gone_already_leaves_its_parent_as_it_was(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    remove_folder(str(tmp_path / "gone"))
    assert tmp_path.stat().st_mode & 0o777 == 0o755
