# SPDX-License-Identifier: GPL-3.0-or-later
"""Who shares a process with whom, as a rule; and how experience is counted."""

from pathlib import Path

import msgspec
import pytest

from host.conduct import PROVEN_S, PROVEN_SESSIONS, Choice, Conduct, Standing
from host.grouping import group_keys
from host.permissions import PermissionRules, PluginRule
from host.song import Grouping, Slot
from host.store.conduct_store import ConductStore, Played
from host.store.database import Database
from host.worker_group import joint_permissions
from ipc.errors import InputError
from ipc.messages import MAX_MEMBERS
from ipc.permissions import Permissions, default_memory_mb, machine_memory_mb

A, B = "lv2:urn:a", "lv2:urn:b"
RULES = PermissionRules()


def slots(*plugins: str, track: str = "t") -> list[tuple[str, Slot]]:
    return [(track, Slot(id=f"{track}{i}", plugin=plugin)) for i, plugin in enumerate(plugins)]


def proven(plugin: str, **fields: object) -> Conduct:
    return Conduct(
        plugin_id=plugin,
        calm_s=PROVEN_S,
        calm_sessions=PROVEN_SESSIONS,
        **fields,  # type: ignore[arg-type]
    )


def together(keys: dict[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for slot, key in keys.items():
        groups.setdefault(key, []).append(slot)
    return list(groups.values())


def test_the_rule_is_a_process_a_plugin() -> None:
    assert group_keys(Grouping.PLUGIN, slots(A, A), {}, RULES) == {}


def test_chains_share_apart_from_each_other() -> None:
    both = slots(A, B) + slots(A, B, track="u") + slots(A, track="v")
    assert together(group_keys(Grouping.CHAIN, both, {}, RULES)) == [["t0", "t1"], ["u0", "u1"]]
    (all_of_them,) = together(group_keys(Grouping.ALL, both, {}, RULES))
    assert len(all_of_them) == 5


def test_a_process_holds_so_many_and_nobody_is_left_with_one_alone() -> None:
    keys = group_keys(Grouping.ALL, slots(*[A] * (MAX_MEMBERS + 1)), {}, RULES)
    assert [len(group) for group in together(keys)] == [MAX_MEMBERS]


def test_who_runs_in_python_or_failed_or_is_told_to_runs_alone() -> None:
    some = [*slots(A, B, "pedalboard:Reverb", "lv2:urn:c")]
    some.append(("t", Slot(id="alone", plugin=A, alone=True)))
    known = {B: Conduct(plugin_id=B, last_fault="2026-01-01")}
    assert together(group_keys(Grouping.ALL, some, known, RULES)) == [["t0", "t3"]]


def test_who_may_do_more_shares_with_his_like() -> None:
    rules = PermissionRules(
        rules=(PluginRule(id=B, network=True), PluginRule(id="lv2:urn:c", profile="open"))
    )
    some = slots(A, B, A, B, "lv2:urn:c")
    assert together(group_keys(Grouping.ALL, some, {}, rules)) == [["t0", "t2"], ["t1", "t3"]]


def test_experience_groups_those_of_a_chain_that_have_proved_themselves() -> None:
    known = {A: proven(A), B: Conduct(plugin_id=B, calm_s=PROVEN_S, calm_sessions=1)}
    assert together(group_keys(Grouping.AUTO, slots(A, B, A), known, RULES)) == [["t0", "t2"]]


def test_vendors_share_where_they_are_known() -> None:
    known = {A: Conduct(plugin_id=A, vendor="Zam"), B: Conduct(plugin_id=B, vendor="Zam")}
    some = slots(A, B, "lv2:urn:c", "lv2:urn:d")
    assert together(group_keys(Grouping.VENDOR, some, known, RULES)) == [["t0", "t1"]]


@pytest.mark.parametrize(
    ("conduct", "standing"),
    [
        (Conduct(plugin_id=A), Standing.UNPROVEN),
        (proven(A), Standing.PROVEN),
        (proven(A, last_fault="2026-01-01", faults=3), Standing.PROVEN),
        (Conduct(plugin_id=A, last_fault="2026-01-01", calm_s=3600.0), Standing.ALONE),
        (proven(A, choice=Choice.ALONE), Standing.ALONE),
        (Conduct(plugin_id=A, last_fault="2026-01-01", choice=Choice.SHARE), Standing.PROVEN),
    ],
)
def test_standing(conduct: Conduct, standing: Standing) -> None:
    assert conduct.standing is standing
    assert conduct.why


@pytest.fixture
def store(tmp_path: Path) -> ConductStore:
    return ConductStore(Database(tmp_path / "store.sqlite"))


def played(plugin: str, hours: float, **fields: object) -> Played:
    usual: dict[str, object] = {
        "plugin_id": plugin,
        "name": "A",
        "vendor": "V",
        "version": "1",
        "played_s": hours * 3600,
        "calm_s": hours * 3600,
        "failed": False,
        "is_session": True,
    }
    return msgspec.convert({**usual, **fields}, Played)


def test_sessions_add_up_and_a_failure_begins_anew(store: ConductStore) -> None:
    for _ in range(PROVEN_SESSIONS):
        store.played([played(A, 2.0), played(B, 1.0)])
    known = store.of([A, B, "lv2:urn:c"])
    assert known[A].standing is Standing.PROVEN and known[B].standing is Standing.UNPROVEN
    store.failed(A, is_certain=True)
    store.played([played(A, 3.0, calm_s=60.0, failed=True)])
    (after, _) = store.list()
    assert (after.played_s, after.calm_s, after.calm_sessions) == (13 * 3600, 60.0, 0)
    assert after.standing is Standing.ALONE and after.faults == 1
    store.forget(A)
    with pytest.raises(InputError, match="not known"):
        store.forget(A)


def test_a_suspect_is_no_crasher_but_proves_itself_anew(store: ConductStore) -> None:
    for _ in range(PROVEN_SESSIONS):
        store.played([played(A, 5.0)])
    store.failed(A, is_certain=False)
    (known,) = store.list()
    assert known.standing is Standing.UNPROVEN and known.faults == 0


def test_another_version_is_another_plugin(store: ConductStore) -> None:
    store.played([played(A, 1.0)])
    store.failed(A, is_certain=True)
    store.played([played(A, 1.0, version="2")])
    (known,) = store.list()
    assert known.standing is Standing.UNPROVEN and known.calm_s == 3600.0
    assert known.faults == 1 and known.played_s == 7200.0


def test_a_version_that_nobody_knew_yet_forgives_nothing(store: ConductStore) -> None:
    store.failed(A, is_certain=True)  # while it was loaded
    store.played([played(A, 0.0, version="1.2")])
    (known,) = store.list()
    assert known.version == "1.2" and known.standing is Standing.ALONE


def test_a_session_in_which_it_was_not_heard_proves_nothing(store: ConductStore) -> None:
    store.played([played(A, 0.0)])
    assert store.list()[0].calm_sessions == 0


def test_renders_count_but_are_no_sessions(store: ConductStore) -> None:
    store.played([played(A, 20.0, is_session=False)])
    (known,) = store.list()
    assert known.calm_s > PROVEN_S and known.standing is Standing.UNPROVEN


def test_a_process_may_do_what_any_of_its_plugins_may() -> None:
    joint = joint_permissions(
        [Permissions(read=("/a",), write=("/w",)), Permissions(read=("/b", "/a"))]
    )
    assert (joint.read, joint.write) == (("/a", "/b"), ("/w",))


def test_a_process_has_no_display_network_or_profile_that_one_of_its_plugins_may_not_have() -> None:
    more, less = Permissions(profile="open", network=True, display=True), Permissions()
    for each in ([more, less], [less, more]):
        joint = joint_permissions(each)
        assert (joint.profile, joint.network, joint.display) == ("default", False, False)
    assert joint_permissions([more, more]).display


def test_a_process_has_memory_for_all_but_not_the_machine_s() -> None:
    assert joint_permissions([Permissions()]).memory_mb == default_memory_mb()
    most = max(default_memory_mb(), machine_memory_mb() * 3 // 4)
    assert joint_permissions([Permissions()] * 32).memory_mb == most


def test_who_has_a_limit_of_memory_of_its_own_runs_alone() -> None:
    rules = PermissionRules(rules=(PluginRule(id=B, memory_mb=100),))
    assert together(group_keys(Grouping.ALL, slots(A, B, A), {}, rules)) == [["t0", "t2"]]
