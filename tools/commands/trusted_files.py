# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's trust, as every command that loads plugins takes it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from tools import console

if TYPE_CHECKING:
    from host.store.database import Database
    from host.trust.settings import TrustSettings


def trust_settings() -> TrustSettings:
    """Of the user's file. One with a mistake is told, and nothing that changed is loaded: what it
    says may have been `refuse`."""
    from host.trust.settings import Policy, TrustSettings, load_trust
    from ipc.errors import IsoboothError

    try:
        return load_trust()
    except IsoboothError as error:
        console.warn(f"{error}; until it is mended, plugins that have changed are not loaded")
        return TrustSettings(policy=Policy.REFUSE)


def ask_about(plugins: Iterable[str], database: Database, settings: TrustSettings) -> None:
    """Under the policy `ask`, where there is somebody to ask: which changed plugins to load."""
    from host.store.trust_store import TrustStore
    from host.trust.gate import Standing, TrustGate
    from host.trust.settings import Policy

    if settings.policy is not Policy.ASK or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    gate = TrustGate(TrustStore(database), settings)
    for plugin in dict.fromkeys(plugins):
        finding = gate.examine(plugin)
        if finding.standing is not Standing.CHANGED:
            continue
        question = console.printable(f"{plugin} {finding.text}. Load it, and trust it from now on?")
        if typer.confirm(question, default=False, err=True):
            gate.accept(finding)


def check_before_loading(plugin: str, database: Database) -> None:
    """For a plugin that is loaded without a host. InputError if it must not be."""
    from host.store.trust_store import TrustStore
    from host.trust.gate import TrustGate
    from ipc.errors import InputError

    settings = trust_settings()
    ask_about([plugin], database, settings)
    admission = TrustGate(TrustStore(database), settings).admit(plugin)
    if not admission.allowed:
        raise InputError(f"{plugin} {admission.told}")
    if admission.told:
        console.warn(f"{console.printable(plugin)} {admission.told}")
