# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's confinement as the host holds it: the folder it may write to, and the ear for what it
is denied.

Made before a plugin is loaded and ended when all that the worker started is gone. The worker tells
once, before any of the plugin's code runs, what it was confined to, and hands over the descriptor
on which the kernel asks about its calls; from then on a native thread answers.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable

import msgspec

from ipc._native import CallWatch
from ipc.aside import aside
from ipc.denial import Act, Denial, denial_of, own_folder_made
from ipc.errors import MachineError
from ipc.names import new_private_folder, runtime_folder
from ipc.permissions import Confined, Permissions
from ipc.processes import ProcessIdentity
from ipc.screen import screen_here

_REMOVE_S = 10.0
_MOST_BYTES = 1024 * 1024
# A plugin that is denied something tries again and again, under ever new names at worst.
_MOST_TOLD = 100
_TOLD_PER_SECOND = 5

_LOOK_S = 5.0
_LAST_WORDS_S = 0.5

_decoder = msgspec.msgpack.Decoder(Confined)


class Confinement:
    """Of one worker. `permissions` are those asked for, with the worker's folder filled in;
    `descriptor` goes to the worker with its request to load. Belongs to the running loop."""

    def __init__(
        self,
        permissions: Permissions,
        worker: int,
        on_denial: Callable[[Denial], None],
        on_missing: Callable[[list[str]], None],
    ) -> None:
        self.confined: Confined | None = None
        self._worker = worker
        self._on_denial = on_denial
        self._on_missing = on_missing
        try:
            self._ours, self.descriptor = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            raise MachineError(f"a plugin cannot be confined: {error.strerror}") from None
        try:
            self._folder = new_private_folder()
        except OSError as error:
            self._ours.close()
            self.descriptor.close()
            raise MachineError(
                f"no folder could be made for a plugin's temporary files in {runtime_folder()}: "
                f"{error.strerror}"
            ) from None
        self.permissions = _on_screen(msgspec.structs.replace(permissions, temporary=self._folder))
        # Processes that came from the worker and left its session or its program; known once it
        # has ended.
        self.leavers: frozenset[ProcessIdentity] = frozenset()
        self._watch: CallWatch | None = None
        self._acts: list[Act] = []
        self._disk_is_gone = False
        self._telling: asyncio.Task[None] | None = None
        self._told: set[tuple[str, str]] = set()
        self._told_lately: list[float] = []
        self._data = b""
        self._listener = -1
        self._ours.setblocking(False)
        asyncio.get_running_loop().add_reader(self._ours, self._receive)

    def stop(self) -> None:
        """Answers no more calls: for a worker that has ended."""
        self._stop_receiving()
        watch, self._watch = self._watch, None
        if watch is None:
            return
        asyncio.get_running_loop().remove_reader(watch.fileno())
        self._read(watch)
        self.leavers = frozenset(ProcessIdentity(*known) for known in watch.leavers())
        # It may be looking at a network folder that is gone.
        threading.Thread(target=watch.stop, name="isb-watch-end", daemon=True).start()

    async def tell_last(self) -> None:
        """Waits until what the worker was denied last has been told."""
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=_LAST_WORDS_S)

    def forget(self) -> None:
        """What has been told already is told again when it happens again."""
        self._told.clear()

    async def settle(self) -> None:
        """Waits until what has been denied so far has been told."""
        if self._watch is not None:
            self._read(self._watch)
        await self.tell_last()

    def set_disk(self, full: bool, wait_ms: int, read_ms: int, most_ms: int) -> None:
        """What a disk does from now on to a worker that asks about its files (CallWatch)."""
        if self._watch is not None:
            self._watch.set_disk(full, wait_ms, read_ms, most_ms)

    @property
    def touched(self) -> list[tuple[str, bool]]:
        """Files that it asked for and may have, and whether to write; the first 512."""
        files = self._watch.touched() if self._watch is not None else []
        return [(os.fsdecode(path), write) for path, write in files]

    @property
    def disk_faults(self) -> int:
        """Writes that failed or waited because of it, and waits for them."""
        return self._watch.disk_faults if self._watch is not None else 0

    @property
    def slow_reads(self) -> int:
        """Reads that waited because of it, and mappings."""
        return self._watch.slow_reads if self._watch is not None else 0

    @property
    def written_without_room(self) -> list[str]:
        """Files that it wrote to through memory while the disk was full."""
        files = self._watch.written_without_room() if self._watch is not None else []
        return [os.fsdecode(path) for path in files]

    async def remove(self) -> None:
        """Removes the worker's folder, when nobody is left who could write to it."""
        self.stop()
        try:
            os.rmdir(self._folder)  # most plugins write nothing
        except OSError:
            # It may hold a million files: not on this thread.
            await asyncio.to_thread(remove_folder, self._folder)

    # -- inside ---------------------------------------------------------------------------------

    def _receive(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._ours, 65536, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        for descriptor in descriptors:
            if self._listener >= 0:
                os.close(self._listener)
            self._listener = descriptor
        self._data += data
        size = int.from_bytes(self._data[:4], "little")
        if not data or size > _MOST_BYTES:
            self._stop_receiving()  # the worker died first, or was open
        elif len(self._data) >= 4 + size:
            listener, self._listener = self._listener, -1
            body = self._data[4 : 4 + size]
            self._stop_receiving()
            self._begin(body, listener)

    def _stop_receiving(self) -> None:
        if self._ours.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
            self._ours.close()
        self.descriptor.close()
        if self._listener >= 0:
            os.close(self._listener)
            self._listener = -1

    def _begin(self, body: bytes, listener: int) -> None:
        try:
            self.confined = confined = _decoder.decode(body)
        except msgspec.MsgspecError:
            if listener >= 0:
                os.close(listener)  # whatever it asks fails
            return
        if confined.missing:
            self._on_missing(confined.missing)
        if listener < 0:
            return
        try:
            self._watch = CallWatch(
                listener,
                self._worker,
                confined.readable,
                confined.writable,
                confined.signals_scoped,
                list(self.permissions.reach),
            )
        except RuntimeError:  # no thread, no descriptor: what the worker asks fails, and so it says
            return
        watch = self._watch
        asyncio.get_running_loop().add_reader(watch.fileno(), lambda: self._read(watch))

    def _read(self, watch: CallWatch) -> None:
        acts = watch.read()
        if self._disk_is_gone:
            return
        self._acts += acts
        if self._acts and (self._telling is None or self._telling.done()):
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        """Not on the loop's thread: a path that a plugin names may lie on a disk that is gone."""
        confined = self.confined
        assert confined is not None
        while self._acts:
            acts, self._acts = self._acts, []

            def look(acts: list[Act] = acts) -> list[Denial | None]:
                return [own_folder_made(act, confined) or denial_of(act, confined) for act in acts]

            try:
                denials = await aside(look, _LOOK_S)
            except TimeoutError:
                # Each look more would be a thread more that never ends.
                self._disk_is_gone = True
                self._acts = []
                return
            for denial in denials:
                if denial is not None and self._is_news(denial):
                    self._on_denial(denial)

    def _is_news(self, denial: Denial) -> bool:
        now = time.monotonic()
        self._told_lately = [told for told in self._told_lately if now - told < 1.0]
        key = (denial.allow.partition(" ")[0], denial.path or denial.what)
        if (
            key in self._told
            or len(self._told) >= _MOST_TOLD
            or len(self._told_lately) >= _TOLD_PER_SECOND
        ):
            return False
        self._told.add(key)
        self._told_lately.append(now)
        return True


def _on_screen(permissions: Permissions) -> Permissions:
    """With the display, where one is allowed and there."""
    if not permissions.display:
        return permissions
    try:
        screen = screen_here()
    except MachineError:  # whoever opens a window is told
        return permissions
    reach = (*permissions.reach, screen.socket)
    return msgspec.structs.replace(permissions, screen=screen, reach=reach)


def remove_folder(folder: str) -> None:
    """Removes a worker's folder with all that is in it, whatever rights it was left with."""

    def make_removable(_function: object, path: str, _error: object) -> None:
        # No process is left that could put a link in the place of what is looked at here.
        for place in (os.path.dirname(path), path):
            inside = place == folder or place.startswith(folder + os.sep)
            if inside and not os.path.islink(place):
                with contextlib.suppress(OSError):
                    os.chmod(place, 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)

    try:
        shutil.rmtree(folder, onerror=make_removable)
    except RecursionError:  # folders nested a thousand deep; rm does not mind
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(["rm", "-rf", "--", folder], timeout=_REMOVE_S, check=False)
