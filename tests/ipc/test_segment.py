# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain's memory is complete, private and gone afterwards, or it is a clear error."""

import errno
import gc
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import posix_ipc
import pytest

from ipc._native import Geometry, SegmentKind, header_mismatch, record_state
from ipc.errors import MachineError
from ipc.names import SHM_DIR, segment_path, semaphore_path
from ipc.segment import ChainSegments

pytestmark = pytest.mark.sanitize

ROOT = Path(__file__).resolve().parents[2]
GEOMETRY = Geometry(24, 128, 48000.0)


def own_files() -> list[str]:
    return [name for name in os.listdir(SHM_DIR) if f"isobooth-{os.getpid()}-" in name]


def test_every_file_is_whole_private_and_has_its_header() -> None:
    with ChainSegments(GEOMETRY) as chain:
        kinds = [SegmentKind.CHAIN_HOST, SegmentKind.CHAIN_ACTIVATION]
        kinds += [SegmentKind.RECORD_OUTPUT] * 24
        for name, kind in zip(chain.names.segments, kinds, strict=True):
            status = os.stat(segment_path(name))
            assert stat.S_IMODE(status.st_mode) == 0o600
            assert status.st_size == GEOMETRY.size_of(kind)
            assert status.st_blocks * 512 >= status.st_size  # no page can fail to come later
            with open(segment_path(name), "rb") as file:
                assert header_mismatch(file.read(), kind, GEOMETRY) == ""
        for name in chain.names.all_semaphores:
            assert stat.S_IMODE(os.stat(semaphore_path(name)).st_mode) == 0o600
            semaphore = posix_ipc.Semaphore(name)
            assert semaphore.value == 0
            semaphore.close()
    assert own_files() == []


def test_the_views_show_the_files() -> None:
    with ChainSegments(GEOMETRY) as chain:
        assert len(chain.host) == GEOMETRY.size_of(SegmentKind.CHAIN_HOST)
        assert len(chain.outputs) == 24
        status, generation = record_state(chain.activation, GEOMETRY, 5)
        assert (status.name, generation) == ("OFFLINE", 0)
        chain.outputs[3][1000] = 7
        assert Path(segment_path(chain.names.outputs[3])).read_bytes()[1000] == 7


def test_an_unviewed_chain_keeps_no_descriptor_open() -> None:
    with ChainSegments(GEOMETRY):
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))
        with ChainSegments(GEOMETRY):
            assert len(os.listdir("/proc/self/fd")) == before


def test_closing_twice_does_no_harm_and_a_view_may_outlive_it() -> None:
    chain = ChainSegments(GEOMETRY)
    view = chain.host
    chain.close()
    chain.close()
    assert view[0] == ord("I")
    assert own_files() == []


def test_a_chain_is_made_in_less_than_ten_milliseconds() -> None:
    ChainSegments(GEOMETRY).close()  # starts the resource tracker
    times_ms = []
    for _ in range(5):
        started = time.perf_counter()
        chain = ChainSegments(GEOMETRY)
        times_ms.append((time.perf_counter() - started) * 1000)
        chain.close()
    print(f"a chain of 24 records: {min(times_ms):.2f} ms")
    assert min(times_ms) < 10.0


@pytest.mark.parametrize("call", [0, 1, 7, 25])
def test_running_out_of_memory_is_an_error_with_numbers_and_leaves_nothing(
    call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(100))

    def allocate(fd: int, offset: int, size: int) -> None:
        if next(calls) == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", allocate)
    with pytest.raises(MachineError) as error:
        ChainSegments(GEOMETRY)
    message = str(error.value)
    assert "/dev/shm is full: the plugins of one track need 1." in message
    assert "MiB are free" in message
    assert "\n" not in message
    assert own_files() == []


def test_a_semaphore_that_cannot_be_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = posix_ipc.Semaphore, []

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        made.append(name)
        if len(made) == 5:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return make(name, *args, **kwargs)

    monkeypatch.setattr(posix_ipc, "Semaphore", refuse)
    with pytest.raises(MachineError, match="Too many open files"):
        ChainSegments(GEOMETRY)
    assert own_files() == []


def run_script(script: str, *prefix: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )


def test_a_full_dev_shm_is_an_error_and_not_a_crash() -> None:
    unshare = shutil.which("unshare")
    script = """
        import os
        from ipc._native import Geometry
        from ipc.errors import MachineError
        from ipc.segment import ChainSegments
        with ChainSegments(Geometry(4, 128, 48000.0)):
            try:
                ChainSegments(Geometry(64, 4096, 48000.0))
            except MachineError as error:
                print(error, len([n for n in os.listdir("/dev/shm") if "-2-" in n]))
    """
    mount = 'mount -t tmpfs -o size=1m tmpfs /dev/shm && exec "$@"'
    prefix = ("unshare", "--mount", "--map-root-user", "sh", "-c", mount, "sh")
    if unshare is None or subprocess.run([*prefix, "true"], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a small /dev/shm")
    done = run_script(script, *prefix)
    assert done.returncode == 0, done.stderr
    assert "/dev/shm is full: the plugins of one track need" in done.stdout
    assert "of 1.0 MiB are free" in done.stdout
    assert done.stdout.strip().endswith(" 0")  # and nothing of it was left
    assert done.stderr == ""


def test_a_clean_exit_is_silent() -> None:
    done = run_script(
        """
        from ipc._native import Geometry
        from ipc.segment import ChainSegments
        chains = [ChainSegments(Geometry(24, 128, 48000.0)) for _ in range(3)]
        chains[1].host, chains[2].outputs
        for chain in chains:
            chain.close()
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_segment_unlinked_by_somebody_else_is_no_problem_at_the_end() -> None:
    done = run_script(
        """
        import os
        from ipc._native import Geometry
        from ipc.names import segment_path, semaphore_path
        from ipc.segment import ChainSegments
        chain = ChainSegments(Geometry(2, 128, 48000.0))
        os.unlink(segment_path(chain.names.outputs[1]))
        os.unlink(semaphore_path(chain.names.end))
        chain.close()
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_record_is_cleared_for_its_next_worker() -> None:
    with ChainSegments(GEOMETRY) as chain:
        size = GEOMETRY.size_of(SegmentKind.RECORD_OUTPUT)
        chain.outputs[2][:] = b"\xff" * size  # header and all
        assert chain.renew(2)
        assert header_mismatch(chain.outputs[2], SegmentKind.RECORD_OUTPUT, GEOMETRY) == ""
        assert bytes(chain.outputs[2][64:]) == bytes(size - 64)


def test_a_resized_or_replaced_record_is_not_used_again() -> None:
    with ChainSegments(GEOMETRY) as chain:
        cut, replaced, missing = (segment_path(name) for name in chain.names.outputs[:3])
        os.truncate(cut, 100)
        content = Path(replaced).read_bytes()
        os.unlink(replaced)
        Path(replaced).write_bytes(content)
        os.unlink(missing)
        assert [chain.renew(record) for record in range(4)] == [False, False, False, True]


def test_a_hole_in_a_record_is_filled() -> None:
    with ChainSegments(GEOMETRY) as chain:
        path = segment_path(chain.names.outputs[0])
        size = os.stat(path).st_size
        os.truncate(path, 0)
        os.truncate(path, size)
        assert chain.renew(0)
        assert os.stat(path).st_blocks * 512 >= size


def test_headers_that_a_worker_has_overwritten_are_set_right() -> None:
    with ChainSegments(GEOMETRY) as chain:
        chain.activation[:64] = bytes(64)
        chain.outputs[3][:64] = b"\xff" * 64
        chain.outputs[4][64:96] = b"\x07" * 32
        chain.mend_headers()
        assert header_mismatch(chain.activation, SegmentKind.CHAIN_ACTIVATION, GEOMETRY) == ""
        assert header_mismatch(chain.outputs[3], SegmentKind.RECORD_OUTPUT, GEOMETRY) == ""
        assert bytes(chain.outputs[4][64:96]) == b"\x07" * 32  # what a worker is at stays


# A user's or the kernel's kill may hit the process that multiprocessing starts beside ours.
TRACKED = """
import os, signal, time
from multiprocessing import resource_tracker
from ipc._native import Geometry
from ipc.segment import ChainSegments

segments = ChainSegments(Geometry(2, 128, 48000.0))
tracker = resource_tracker._resource_tracker._pid
if tracker is not None:
    os.kill(tracker, signal.SIGKILL)
    os.waitpid(tracker, 0)
    resource_tracker._resource_tracker._pid = None  # as if nobody had noticed
    resource_tracker._resource_tracker._fd = None
segments.close()
print(len([name for name in os.listdir("/dev/shm") if segments.names.host[1:] == name]))
"""


def test_nobody_complains_when_the_resource_tracker_is_killed() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TRACKED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0\n", "")
