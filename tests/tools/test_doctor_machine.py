# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's checks of kernel, rights and clocks, against machines that lack one thing each."""

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipc.processes import children_of
from tools.doctor import kernel, libc, realtime
from tools.doctor.check import Machine, Status


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing on it."""
    return Machine(root=tmp_path / "root", environ={}, home=tmp_path / "home")


def _write(machine: Machine, name: str, text: str) -> None:
    path = machine.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _refuses(error: int) -> Callable[..., Any]:
    def refuse(*arguments: object) -> None:
        raise OSError(error, os.strerror(error))

    return refuse


# Real time


@pytest.mark.parametrize(
    ("granted", "status"), [(0, Status.WARN), (5, Status.WARN), (95, Status.OK)]
)
def test_realtime_rights_are_tried(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, granted: int, status: Status
) -> None:
    def set_scheduler(pid: int, policy: int, parameter: os.sched_param) -> None:
        if parameter.sched_priority > granted:
            raise PermissionError

    monkeypatch.setattr("os.sched_setscheduler", set_scheduler)
    finding = realtime.realtime_rights(machine)
    assert (finding.status, finding.values["highest_priority"]) == (status, granted)
    assert ("rtprio" in finding.advice) == (status is Status.WARN)


def test_trying_realtime_rights_leaves_this_thread_as_it_was(machine: Machine) -> None:
    before = (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority)
    realtime.realtime_rights(machine)
    assert (os.sched_getscheduler(0), os.sched_getparam(0).sched_priority) == before


@pytest.mark.parametrize(
    ("runtime", "status"),
    [("950000", Status.OK), ("-1", Status.WARN), ("0", Status.WARN), ("500000", Status.WARN)],
)
def test_realtime_throttling_is_judged(machine: Machine, runtime: str, status: Status) -> None:
    _write(machine, "/proc/sys/kernel/sched_rt_runtime_us", runtime)
    _write(machine, "/proc/sys/kernel/sched_rt_period_us", "1000000")
    finding = realtime.realtime_throttling(machine)
    assert (finding.status, finding.values["runtime_us"]) == (status, int(runtime))


def test_locking_memory_is_tried(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libc, "lock_memory", _refuses(12))
    finding = realtime.locked_memory(machine)
    assert finding.status is Status.WARN
    assert "memlock unlimited" in finding.advice


def test_memory_that_may_be_locked_is_locked_and_given_back() -> None:
    before = _locked_kilobytes()
    libc.lock_memory(4096)
    assert _locked_kilobytes() == before


def _locked_kilobytes() -> str:
    status = Path("/proc/self/status").read_text()
    return next(line for line in status.splitlines() if line.startswith("VmLck"))


@pytest.mark.parametrize(
    ("affinity", "quota", "status"),
    [
        ({0, 1, 2, 3}, None, Status.OK),
        ({0, 1}, "max 100000", Status.OK),
        ({0}, None, Status.WARN),
        ({0, 1}, "150000 100000", Status.WARN),
        ({0, 1}, "400000 100000", Status.OK),
    ],
)
def test_cores_are_those_that_may_be_used(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    affinity: set[int],
    quota: str | None,
    status: Status,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: affinity)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    if quota is not None:
        _write(machine, "/proc/self/cgroup", "0::/app.slice\n")
        _write(machine, "/sys/fs/cgroup/app.slice/cpu.max", quota + "\n")
    finding = realtime.cores(machine)
    assert (finding.status, finding.values["usable"]) == (status, len(affinity))


@pytest.mark.parametrize(
    ("governors", "status"),
    [
        ([], Status.OK),
        (["performance", "performance"], Status.OK),
        (["performance", "powersave"], Status.WARN),
        (["schedutil"], Status.WARN),
    ],
)
def test_governors_that_save_power_are_seen(
    machine: Machine, governors: list[str], status: Status
) -> None:
    for core, governor in enumerate(governors):
        folder = f"/sys/devices/system/cpu/cpu{core}/cpufreq"
        _write(machine, f"{folder}/scaling_governor", governor + "\n")
    finding = realtime.cpu_governor(machine)
    assert (finding.status, finding.values["governors"]) == (status, sorted(set(governors)))


@pytest.mark.parametrize(
    ("files", "model", "status"),
    [
        ({"/sys/kernel/realtime": "1"}, "realtime", Status.OK),
        ({"/sys/kernel/debug/sched/preempt": "none voluntary (full) lazy"}, "full", Status.OK),
        ({"/proc/cmdline": "quiet preempt=voluntary ro"}, "voluntary", Status.WARN),
        ({f"/boot/config-{os.uname().release}": "CONFIG_PREEMPT_NONE=y"}, "none", Status.WARN),
        ({f"/boot/config-{os.uname().release}": "CONFIG_PREEMPT=y"}, "full", Status.OK),
        ({}, "unknown", Status.OK),
    ],
)
def test_the_kernels_preemption_is_read_where_it_stands(
    machine: Machine, files: dict[str, str], model: str, status: Status
) -> None:
    for name, text in files.items():
        _write(machine, name, text)
    finding = realtime.preemption(machine)
    assert (finding.values["model"], finding.status) == (model, status)


@pytest.mark.parametrize(("source", "status"), [("tsc", Status.OK), ("hpet", Status.WARN)])
def test_slow_clocks_are_seen(machine: Machine, source: str, status: Status) -> None:
    folder = "/sys/devices/system/clocksource/clocksource0"
    _write(machine, f"{folder}/current_clocksource", source + "\n")
    _write(machine, f"{folder}/available_clocksource", "tsc hpet\n")
    finding = realtime.clock_source(machine)
    assert (finding.status, finding.values["available"]) == (status, ["tsc", "hpet"])


# Kernel


@pytest.mark.parametrize(
    ("free_mib", "status", "told"),
    [
        (1000, Status.OK, "1000 of 1000 MiB free"),
        (64, Status.WARN, "enough for the plugins of 42 tracks to be played, 8 rendered"),
        (2, Status.WARN, "enough for the plugins of 1 track to be played, 0 rendered"),
        (1, Status.FAIL, "too little for the plugins of a track"),
    ],
)
def test_a_small_dev_shm_is_seen(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, free_mib: int, status: Status, told: str
) -> None:
    machine.path("/dev/shm").mkdir(parents=True)
    blocks = free_mib * 256
    space = os.statvfs_result((4096, 4096, blocks, blocks, blocks, 0, 0, 0, 0, 255))
    monkeypatch.setattr("os.statvfs", lambda path: space)
    finding = kernel.shared_memory(machine)
    assert (finding.status, finding.values["free_bytes"]) == (status, free_mib * 2**20)
    assert told in finding.found


def test_a_missing_dev_shm_is_seen(machine: Machine) -> None:
    assert kernel.shared_memory(machine).status is Status.FAIL


def test_semaphores_work_here_and_leave_nothing(machine: Machine) -> None:
    before = set(os.listdir("/dev/shm"))
    assert kernel.semaphores(machine).status is Status.OK
    assert {name for name in set(os.listdir("/dev/shm")) - before if "posix" in name} == set()


def test_a_kernel_without_pidfds_is_seen(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.pidfd_open", _refuses(38))
    assert kernel.process_descriptors(machine).status is Status.FAIL


def test_a_process_that_may_not_adopt_is_seen(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kernel.child_subreaper(machine).status is Status.OK
    monkeypatch.setattr(libc, "prctl", _refuses(22))
    assert kernel.child_subreaper(machine).status is Status.FAIL


@pytest.mark.parametrize(
    ("soft", "status"),
    [(256, Status.WARN), (1024, Status.OK), (resource.RLIM_INFINITY, Status.OK)],
)
def test_few_descriptors_are_seen(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, soft: int, status: Status
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda which: (soft, 4096))
    assert kernel.open_files(machine).status is status


@pytest.mark.parametrize(("abi", "status"), [(7, Status.OK), (3, Status.WARN)])
def test_landlock_is_asked_for_its_version(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, abi: int, status: Status
) -> None:
    monkeypatch.setattr(libc, "syscall", lambda *arguments: abi)
    finding = kernel.landlock(machine)
    assert (finding.status, finding.values) == (status, {"abi": abi})


@pytest.mark.parametrize(("error", "advice"), [(95, "lsm="), (38, "Linux 5.13")])
def test_without_landlock_the_reason_decides_the_advice(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, error: int, advice: str
) -> None:
    monkeypatch.setattr(libc, "syscall", _refuses(error))
    finding = kernel.landlock(machine)
    assert finding.values == {"abi": 0}
    assert advice in finding.advice


@pytest.mark.parametrize(
    ("error", "actions", "status"),
    [
        (14, "errno user_notif allow", Status.OK),
        (14, "errno allow", Status.WARN),
        (22, "", Status.WARN),
    ],
)
def test_seccomp_is_asked_for_without_setting_a_filter(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, error: int, actions: str, status: Status
) -> None:
    _write(machine, "/proc/sys/kernel/seccomp/actions_avail", actions)
    monkeypatch.setattr(libc, "prctl", _refuses(error))
    assert kernel.seccomp(machine).status is status


def test_asking_for_confinement_confines_nothing(machine: Machine) -> None:
    kernel.seccomp(machine)
    kernel.landlock(machine)
    kernel.syscall_dispatch(machine)
    status = Path("/proc/self/status").read_text()
    assert "Seccomp:\t0" in status or "Seccomp_filters:\t0" in status
    assert os.getpid() > 0  # system calls still work


def test_a_kernel_without_syscall_dispatch_is_seen(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libc, "prctl", _refuses(22))
    assert kernel.syscall_dispatch(machine).status is Status.WARN


def test_refused_tracing_is_seen_and_leaves_no_child(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(machine, "/proc/sys/kernel/yama/ptrace_scope", "3\n")
    monkeypatch.setattr(libc, "ptrace", _refuses(1))
    before = set(children_of(os.getpid()))
    finding = kernel.tracing(machine)
    assert (finding.status, finding.values) == (Status.WARN, {"ptrace_scope": 3})
    assert set(children_of(os.getpid())) <= before
