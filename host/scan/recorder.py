# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a scan finds as it is found, beside it: the disk must not hold the workers up."""

import queue
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from host.catalogue.catalogue import Catalogue, Completion, FileKey, Run
from host.plugin_id import PluginFormat
from host.scan.places import standard_folders
from host.scan.verdict import DEADLY, ScannedPlugin, Status
from host.store.blacklist import Blacklist
from host.store.content import sha256_of
from host.store.crash_store import CrashStore

# As much as a scan that is killed loses.
_PERIOD_S = 0.1
_REASON = "scan: "
LIFTED_BY_SCAN = "a scan found it all right"
# Files of these hold several plugins; what such a file does before it names one is blamed on all.
_FILES_OF_MANY = (PluginFormat.LADSPA, PluginFormat.CLAP)

_Entry = tuple[FileKey, ScannedPlugin] | Completion


class Recorder:
    """Use as a context manager: at its end all is written. Raises there what the database said."""

    def __init__(
        self, catalogue: Catalogue, run: Run, crashes: CrashStore, blacklist: Blacklist
    ) -> None:
        self._catalogue = catalogue
        self._run = run
        self._crashes = crashes
        self._blacklist = blacklist
        self._entries: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        # What scans have blamed: to be lifted when it works.
        self._blamed = {
            entry.plugin_id: entry.id
            for entry in blacklist.list()
            if entry.plugin_id and entry.reason.startswith(_REASON)
        }
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="isb-catalogue", daemon=True)

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if kind is None:
            self.check()

    def add(self, key: FileKey, plugin: ScannedPlugin) -> None:
        self._entries.put((key, plugin))

    def complete(self, end: Completion) -> None:
        self._entries.put(end)

    def check(self) -> None:
        """Raises what has become of the writing."""
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            while not self._ended.wait(_PERIOD_S):
                self._write()
            self._write()
        except BaseException as error:  # for the scan, which looks
            self._failure = error

    def _write(self) -> None:
        found: list[tuple[FileKey, ScannedPlugin]] = []
        ends: list[Completion] = []
        while not self._entries.empty():
            entry = self._entries.get()
            if isinstance(entry, Completion):
                ends.append(entry)
            else:
                found.append((entry[0], self._with_report(entry[1])))
        if found or ends:
            self._catalogue.add(self._run, found, ends)

    def _with_report(self, plugin: ScannedPlugin) -> ScannedPlugin:
        if plugin.status is Status.OK and plugin.id in self._blamed:
            self._blacklist.lift(self._blamed.pop(plugin.id), LIFTED_BY_SCAN)
        if plugin.crash is None:
            return plugin
        report = self._crashes.add(plugin.crash)
        if plugin.status in DEADLY:
            self._blame(plugin, [report])
        return msgspec.structs.replace(plugin, report=report, crash=None)

    def _blame(self, plugin: ScannedPlugin, reports: Sequence[str]) -> None:
        path = Path(plugin.path)
        if plugin.format == PluginFormat.LV2 and not _is_installed(path):
            return  # a copy elsewhere: by its URI, the installed one would be meant
        reason = f"{_REASON}{plugin.detail}"
        content = sha256_of(path) if plugin.is_file and plugin.format in _FILES_OF_MANY else None
        if content is not None:
            self._blacklist.add_hash(content, path, reason, reports)
        else:
            self._blacklist.add(plugin.id, path, reason, reports)


def _is_installed(bundle: Path) -> bool:
    return bundle.parent in standard_folders(PluginFormat.LV2)
