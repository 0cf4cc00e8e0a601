# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides whether blocks are on time: rights, cores, clocks. None is needed to render."""

import os
import platform
import resource
import threading

from tools.doctor import libc
from tools.doctor.check import Finding, Machine, ok, warn

LIMITS_ADVICE = (
    "join the group `audio` and allow it in /etc/security/limits.d/95-isobooth.conf "
    "(`@audio - {item}`), then log in again"
)

# Workers, watchdog and audio thread take levels of their own, above the sound servers' (JACK: 10).
ENOUGH_PRIORITY = 20

# The engine locks its own buffers only; half of the usual limit of 8 MiB is room for them.
LOCK_BYTES = 4 * 2**20

# Read through the vDSO, without a system call.
FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")

# The kernel's default: real-time threads may use 95 % of a second.
USUAL_RT_SHARE = 0.95


def realtime_rights(machine: Machine) -> Finding:
    """Whether a thread of ours gets SCHED_FIFO, by asking for it."""
    highest = _highest_fifo_priority()
    limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    rt_time = resource.getrlimit(resource.RLIMIT_RTTIME)[0]
    values = {
        "highest_priority": highest,
        "rtprio_limit": libc.limit_value(limit),
        "rttime_limit_us": libc.limit_value(rt_time),
    }
    advice = LIMITS_ADVICE.format(item="rtprio 95")
    if highest == 0:
        return warn("SCHED_FIFO is refused: blocks may be late", advice, **values)
    if highest < ENOUGH_PRIORITY:
        return warn(f"SCHED_FIFO only up to priority {highest}", advice, **values)
    return ok(f"SCHED_FIFO up to priority {highest}", **values)


def _highest_fifo_priority() -> int:
    """Asked for in a thread that ends at once, so that nothing of this process keeps it."""
    found = [0]

    def ask() -> None:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        for priority in range(os.sched_get_priority_max(os.SCHED_FIFO), 0, -1):
            try:
                os.sched_setscheduler(0, policy, os.sched_param(priority))
            except OSError:
                continue
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            found[0] = priority
            return

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def realtime_throttling(machine: Machine) -> Finding:
    """Whether the kernel keeps a spinning real-time thread from freezing the machine."""
    runtime = machine.read("/proc/sys/kernel/sched_rt_runtime_us")
    period = machine.read("/proc/sys/kernel/sched_rt_period_us")
    if runtime is None or period is None:
        return ok("not configurable here")
    runtime_us, period_us = int(runtime), int(period)
    values = {"runtime_us": runtime_us, "period_us": period_us}
    advice = "`sysctl kernel.sched_rt_runtime_us=950000`"
    if runtime_us < 0:
        return warn(
            "off: a plugin that spins at real-time priority can freeze a core until the "
            "watchdog lowers it",
            advice,
            **values,
        )
    if runtime_us < USUAL_RT_SHARE * period_us:
        told = f"real-time threads get only {runtime_us} of {period_us} µs"
        return warn(told, advice, **values)
    return ok(f"real-time threads get {runtime_us} of {period_us} µs", **values)


def locked_memory(machine: Machine) -> Finding:
    """Whether the engine's buffers can be kept from being swapped out, by locking some."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    values = {"limit_bytes": libc.limit_value(limit)}
    told = "unlimited" if limit == resource.RLIM_INFINITY else f"limit {limit / 2**20:g} MiB"
    try:
        libc.lock_memory(LOCK_BYTES)
    except OSError as error:
        return warn(
            f"{LOCK_BYTES >> 20} MiB cannot be locked ({error.strerror}; {told})",
            LIMITS_ADVICE.format(item="memlock unlimited"),
            **values,
        )
    return ok(f"{LOCK_BYTES >> 20} MiB can be locked ({told})", **values)


def cores(machine: Machine) -> Finding:
    """How many cores this process may use."""
    usable = len(os.sched_getaffinity(0))
    online = os.cpu_count() or usable
    quota = _cpu_quota(machine)
    values = {"usable": usable, "online": online, "quota": quota}
    told = f"{usable} of {online} usable"
    if quota is not None and quota < usable:
        return warn(
            f"{told}, but limited to {quota:g} cores' time: blocks stall when it is used up",
            "lift the CPU quota of this container or service",
            **values,
        )
    if usable == 1:
        return warn(f"{told}: host and plugins take turns", "allow it more cores", **values)
    return ok(told, **values)


def _cpu_quota(machine: Machine) -> float | None:
    """Cores' worth of time that the control group allows; None where it does not limit."""
    group = next(
        (
            line[3:]
            for line in (machine.read("/proc/self/cgroup") or "").splitlines()
            if line.startswith("0::")
        ),
        "/",
    )
    limit = machine.read(f"/sys/fs/cgroup{group}/cpu.max") or machine.read("/sys/fs/cgroup/cpu.max")
    quota, _, period = (limit or "max").partition(" ")
    return None if quota == "max" or not period else int(quota) / int(period)


def cpu_governor(machine: Machine) -> Finding:
    """Whether cores slow down between blocks and take time to speed up again."""
    files = machine.path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    names = sorted({file.read_text().strip() for file in files})
    if not names:
        return ok("not managed by this kernel", governors=[])
    told = ", ".join(names)
    if names != ["performance"]:
        return warn(
            f"{told}: cores may be slow when a block begins",
            "`cpupower frequency-set -g performance` while playing",
            governors=names,
        )
    return ok(told, governors=names)


def preemption(machine: Machine) -> Finding:
    """Whether the kernel lets a waking audio thread run at once."""
    release = platform.release()
    model = _preemption_model(machine)
    told = f"Linux {release}, preemption: {model}"
    values = {"kernel": release, "model": model}
    if model in ("none", "voluntary"):
        return warn(
            told, "boot with `preempt=full` or install a low-latency or real-time kernel", **values
        )
    return ok(told, **values)


def _preemption_model(machine: Machine) -> str:
    """full, lazy, voluntary, none, realtime or unknown."""
    if machine.read("/sys/kernel/realtime") == "1":
        return "realtime"
    # "none voluntary (full) lazy", readable by root only.
    chosen = machine.read("/sys/kernel/debug/sched/preempt") or ""
    for word in chosen.split():
        if word.startswith("("):
            return word.strip("()")
    for word in (machine.read("/proc/cmdline") or "").split():
        if word.startswith("preempt="):
            return word.removeprefix("preempt=")
    config = _kernel_config(machine)
    models = {
        "CONFIG_PREEMPT_RT=y": "realtime",
        "CONFIG_PREEMPT=y": "full",
        "CONFIG_PREEMPT_LAZY=y": "lazy",
        "CONFIG_PREEMPT_VOLUNTARY=y": "voluntary",
        "CONFIG_PREEMPT_NONE=y": "none",
    }
    return next((model for line, model in models.items() if line in config), "unknown")


def _kernel_config(machine: Machine) -> set[str]:
    import gzip

    try:
        packed = machine.path("/proc/config.gz").read_bytes()
        return set(gzip.decompress(packed).decode(errors="replace").splitlines())
    except OSError:
        boot = machine.read(f"/boot/config-{platform.release()}") or ""
        return set(boot.splitlines())


def clock_source(machine: Machine) -> Finding:
    """Whether reading the time is cheap; the engine does it several times a block."""
    folder = "/sys/devices/system/clocksource/clocksource0"
    current = machine.read(f"{folder}/current_clocksource")
    available = (machine.read(f"{folder}/available_clocksource") or "").split()
    if current is None:
        return ok("not told by this kernel", current=None, available=available)
    if current not in FAST_CLOCKS:
        return warn(
            f"{current}: each reading is a system call",
            "boot with `tsc=reliable` if the processor's clock is sound (see `dmesg`)",
            current=current,
            available=available,
        )
    return ok(current, current=current, available=available)
