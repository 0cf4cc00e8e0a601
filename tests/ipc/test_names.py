# SPDX-License-Identifier: GPL-3.0-or-later
"""Names tell whose a file or process is, and claim nothing that is not ours."""

import pytest

from ipc.names import (
    host_mark,
    new_segment_names,
    owner_of_command,
    owner_of_file,
    segment_path,
    semaphore_path,
)
from ipc.processes import ProcessIdentity, own_identity


def test_every_name_of_a_chain_is_distinct_and_leads_back_to_this_host() -> None:
    first, second = new_segment_names(24), new_segment_names(24)
    paths = [segment_path(n) for names in (first, second) for n in names.segments]
    paths += [semaphore_path(n) for names in (first, second) for n in names.all_semaphores]
    assert len(set(paths)) == 2 * (26 + 25)
    for path in paths:
        assert owner_of_file(path.removeprefix("/dev/shm/")) == own_identity()


@pytest.mark.parametrize(
    "name",
    ["", "isobooth", "isobooth-1-2", "isobooth-x-2-host", "xisobooth-1-2-3-host", "sem.", "psm_1"],
)
def test_files_of_others_are_nobody_of_ours(name: str) -> None:
    assert owner_of_file(name) is None


def test_a_command_line_with_our_mark_names_its_host() -> None:
    host = ProcessIdentity(4711, 99)
    assert owner_of_command(["python", "-c", "…", host_mark(host), "5"]) == host
    assert owner_of_command(["python", "isobooth-host=1-2-3"]) is None
    assert owner_of_command(["grep", "see isobooth-host=1-2"]) is None
    assert owner_of_command([]) is None
