# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a plugin in a confined worker: its filter, the host that answers it and the crash
handler get what they would have got without."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from host.stress.death import PluginDied
from host.stress.rig import Rig, open_rig
from host.stress.workshop import Workshop
from ipc.rig_calls import CallResult
from sandbox._native import audit_sees_system_calls
from tests.fixtures.build import fixture_library

LIBRARY = Path(__file__).parents[2] / "sandbox" / "libisobooth_audit.so"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        not LIBRARY.exists(), reason="sandbox/libisobooth_audit.so is not built (make native)"
    ),
    pytest.mark.skipif(
        not audit_sees_system_calls(), reason="this machine has no Syscall User Dispatch"
    ),
]


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with Workshop(environment={"LD_PRELOAD": str(LIBRARY)}) as made:
        yield made


def plugin(label: str) -> str:
    return f"ladspa:{fixture_library('audit_fixture')}#{label}"


def play(rig: Rig, audit: bool) -> CallResult:
    return rig.render(640, blocks=[64], source="noise", audit=audit).result


@pytest.mark.parametrize(
    ("label", "call"), [("opens", "openat"), ("starts", "clone"), ("writes", "write")]
)
def test_calls_that_the_host_answers_have_the_same_outcome(
    workshop: Workshop, label: str, call: str
) -> None:
    with open_rig(workshop, plugin(label)) as rig:
        plain, denied = play(rig, audit=False), rig.denials
    with open_rig(workshop, plugin(label)) as rig:
        looked_at, denied_too = play(rig, audit=True), rig.denials
    assert denied_too == denied
    assert looked_at.digest == plain.digest
    assert looked_at.changed == looked_at.unseen == []
    seen = [v for v in looked_at.violations if v.kind == "system-call"]
    assert any(v.what.startswith(call) for v in seen), [v.what for v in seen]


def test_a_crash_in_the_middle_of_an_audit_is_the_crash_that_it_is_without(
    workshop: Workshop,
) -> None:
    ends = []
    for audit in (False, True):
        with open_rig(workshop, plugin("crashes")) as rig:
            with pytest.raises(PluginDied) as died:
                play(rig, audit)
            ends.append(died.value)
    assert [end.last.signal for end in ends] == ["SIGSEGV", "SIGSEGV"]
    assert ends[0].signature == ends[1].signature != ""


@pytest.mark.parametrize("audit", [False, True])
def test_a_stack_that_is_used_up_in_a_block_leaves_a_backtrace(
    workshop: Workshop, audit: bool
) -> None:
    with open_rig(workshop, f"ladspa:{fixture_library('crash_fixture')}#overflow") as rig:
        [kill] = [one.index for one in rig.description.parameters if one.name == "Kill"]
        rig.set_parameter(kill, 1.0)
        with pytest.raises(PluginDied) as died:
            play(rig, audit)
    assert died.value.last.signal == "SIGSEGV"
    assert any(line.startswith("fill_the_stack+") for line in died.value.last.backtrace)
