# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain's shared memory and semaphores, as their creator sees them.

The host creates everything for the largest number of records a chain may have, before the first
worker starts: a worker that has locked itself down cannot open anything later. Every file is
allocated in full, because a page that /dev/shm cannot provide is a SIGBUS at some later write;
here it is an error that says so.

Only the creator uses `multiprocessing.shared_memory`. Its resource tracker is told at once to
forget the segments: it is one more process that can be killed, and then complains on the user's
terminal of every segment. What a killed host leaves, the next one's start clears (ipc/sweep.py).
Host and workers attach natively, by name (ipc/native/mapping.hpp).
"""

import contextlib
import errno
import mmap
import os
from functools import cached_property
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import posix_ipc

from ipc._native import Geometry, SegmentKind, header_mismatch, write_header
from ipc.errors import MachineError
from ipc.names import SHM_DIR, new_segment_names, segment_path

_MIB = 1024 * 1024


class ChainSegments:
    """Creates a chain's files and semaphores; `close` unlinks them all.

    `names` is what workers and the engine attach to. The memory views are for the control thread
    and are mapped on first use, so that many chains do not cost many descriptors.
    Raises MachineError if /dev/shm cannot hold the chain.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.names = new_segment_names(geometry.records)
        self._segments: list[str] = []
        self._semaphores: list[str] = []
        self._views: list[mmap.mmap] = []
        self._closed = False
        try:
            self._shared = [
                self._create(self.names.host, SegmentKind.CHAIN_HOST),
                self._create(self.names.activation, SegmentKind.CHAIN_ACTIVATION),
            ]
            self._outputs = [
                self._create(name, SegmentKind.RECORD_OUTPUT) for name in self.names.outputs
            ]
            for name in self.names.all_semaphores:
                self._create_semaphore(name)
        except OSError as error:
            self.close()
            raise MachineError(self._explain(error)) from error
        except BaseException:
            self.close()
            raise

    @cached_property
    def host(self) -> memoryview:
        return self._view(self.names.host, SegmentKind.CHAIN_HOST)

    @cached_property
    def activation(self) -> memoryview:
        return self._view(self.names.activation, SegmentKind.CHAIN_ACTIVATION)

    @cached_property
    def outputs(self) -> list[memoryview]:
        return [self._view(name, SegmentKind.RECORD_OUTPUT) for name in self.names.outputs]

    def renew(self, record: int) -> bool:
        """Clears a record's output file for its next worker, once the last one is gone.

        False if the last one replaced or resized the file: then the host's mapping may no longer
        be the file that a new worker would attach, and the record must not be used again.
        """
        return self._rewrite(record, only_if_intact=True)

    def is_intact(self, record: int) -> bool:
        """Is the record's output file still the one that was created, in its full size?"""
        return _stands(self.names.outputs[record], self._outputs[record])

    def is_shared_intact(self) -> bool:
        """The same of the two files that belong to all records."""
        names = (self.names.host, self.names.activation)
        return all(map(_stands, names, self._shared))

    def mend(self, record: int) -> None:
        """Gives an output file its size and header back, whatever its worker did to it: other
        workers of the chain attach it too, even if nobody will ever play on it again."""
        self._rewrite(record, only_if_intact=False)

    def mend_headers(self) -> None:
        """Writes the headers anew that a worker has overwritten: no worker of the chain could
        attach any more, whoever's fault it was."""
        outputs = ((output, SegmentKind.RECORD_OUTPUT) for output in self.outputs)
        for view, kind in ((self.activation, SegmentKind.CHAIN_ACTIVATION), *outputs):
            # Only those: a worker may be looking at a good one this very moment.
            if header_mismatch(view, kind, self.geometry):
                write_header(view, kind, self.geometry)

    def _rewrite(self, record: int, only_if_intact: bool) -> bool:
        path = segment_path(self.names.outputs[record])
        size = self.geometry.size_of(SegmentKind.RECORD_OUTPUT)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if only_if_intact and _fingerprint(fd) != self._outputs[record]:
                return False
            os.posix_fallocate(fd, 0, size)  # a hole punched into it is a SIGBUS in waiting
            with mmap.mmap(fd, size) as view:
                view[:] = bytes(size)
                write_header(view, SegmentKind.RECORD_OUTPUT, self.geometry)
            return True
        except OSError:
            return False
        finally:
            os.close(fd)

    def close(self) -> None:
        """Unmaps and unlinks everything; whoever has it mapped keeps it until they end."""
        if self._closed:
            return
        self._closed = True
        for cached in ("host", "activation", "outputs"):
            self.__dict__.pop(cached, None)
        for view in self._views:
            with contextlib.suppress(BufferError):  # somebody still looks at it
                view.close()
        for name in self._segments:
            with contextlib.suppress(OSError):  # a worker unlinked it
                os.unlink(segment_path(name))
        for name in self._semaphores:
            with contextlib.suppress(posix_ipc.ExistentialError):
                posix_ipc.unlink_semaphore(name)

    def __enter__(self) -> "ChainSegments":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _create(self, name: str, kind: SegmentKind) -> "_Fingerprint":
        size = self.geometry.size_of(kind)
        segment = SharedMemory(name.removeprefix("/"), create=True, size=size)  # mode 0600
        self._segments.append(name)
        resource_tracker.unregister(f"/{segment.name}", "shared_memory")
        fd = os.open(segment_path(name), os.O_RDWR | os.O_CLOEXEC)
        try:
            os.posix_fallocate(fd, 0, size)
            assert segment.buf is not None  # only after close
            write_header(segment.buf, kind, self.geometry)
            return _fingerprint(fd)
        finally:
            os.close(fd)
            segment.close()  # the file stays

    def _create_semaphore(self, name: str) -> None:
        semaphore = posix_ipc.Semaphore(name, posix_ipc.O_CREX, mode=0o600, initial_value=0)
        self._semaphores.append(name)
        semaphore.close()

    def _view(self, name: str, kind: SegmentKind) -> memoryview:
        fd = os.open(segment_path(name), os.O_RDWR | os.O_CLOEXEC)
        try:
            view = mmap.mmap(fd, self.geometry.size_of(kind))
        finally:
            os.close(fd)
        self._views.append(view)
        return memoryview(view)

    def _explain(self, error: OSError) -> str:
        geometry = self.geometry
        need = (
            geometry.size_of(SegmentKind.CHAIN_HOST)
            + geometry.size_of(SegmentKind.CHAIN_ACTIVATION)
            + geometry.records * geometry.size_of(SegmentKind.RECORD_OUTPUT)
        )
        if error.errno in (errno.ENOSPC, errno.ENOMEM):
            space = os.statvfs(SHM_DIR)
            free, total = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
            return (
                f"{SHM_DIR} is full: the plugins of one track need {need / _MIB:.1f} MiB there, "
                f"{free / _MIB:.1f} of {total / _MIB:.1f} MiB are free; remove files there, or "
                f"enlarge it (`mount -o remount,size=50% {SHM_DIR}`; docker: `--shm-size=1g`)"
            )
        return (
            f"cannot create the {need / _MIB:.1f} MiB of shared memory that the plugins of a track "
            f"need in {SHM_DIR}: "
            f"{error.strerror or error}"
        )


# What changes when somebody replaces or resizes a file: device, inode, size. (Cutting a file and
# growing it again is noticed by the engine, if it looked at the file meanwhile, as a SIGBUS.)
_Fingerprint = tuple[int, int, int]


def _stands(name: str, as_created: "_Fingerprint") -> bool:
    try:
        status = os.stat(segment_path(name), follow_symlinks=False)
    except OSError:
        return False
    return (status.st_dev, status.st_ino, status.st_size) == as_created


def _fingerprint(fd: int) -> _Fingerprint:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino, status.st_size
