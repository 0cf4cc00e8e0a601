# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks, in the order in which they are shown: what is needed first."""

from tools.doctor import kernel, leftovers, realtime, software, sound
from tools.doctor.check import Check

CHECKS = (
    Check("python", "runs everything but the audio", software.python, needed=True),
    Check("native_modules", "the compiled core", software.native_modules, needed=True),
    Check("minihost", "loads VST3 and LV2 plugins", software.minihost, needed=True),
    Check("shared_memory", "audio between processes", kernel.shared_memory, needed=True),
    Check("semaphores", "wakes between processes", kernel.semaphores, needed=True),
    Check("pidfd", "notices that a plugin ended", kernel.process_descriptors, needed=True),
    Check("child_subreaper", "owns the workers", kernel.child_subreaper, needed=True),
    Check("backtraces", "where a plugin crashed", software.backtraces),
    Check("data_folder", "keeps crash reports and the blacklist", software.data_folder),
    Check("plugins", "what there is to load", software.plugins),
    Check("audio_devices", "playing live", sound.audio_devices),
    Check("sound_servers", "who owns the device", sound.sound_servers),
    Check("midi_ports", "playing live from a keyboard", sound.midi_ports),
    Check("realtime_rights", "blocks on time under load", realtime.realtime_rights),
    Check("realtime_throttling", "survives a spinning plugin", realtime.realtime_throttling),
    Check("locked_memory", "no block waits for the disk", realtime.locked_memory),
    Check("cores", "plugins in parallel", realtime.cores),
    Check("cpu_governor", "cores at full speed", realtime.cpu_governor),
    Check("preemption", "the audio thread runs at once", realtime.preemption),
    Check("clock_source", "cheap time", realtime.clock_source),
    Check("open_files", "many plugin slots", kernel.open_files),
    Check("landlock", "confines plugins' files and signals", kernel.landlock),
    Check("seccomp", "confines plugins' system calls, and tells", kernel.seccomp),
    Check("syscall_dispatch", "stress checks see system calls", kernel.syscall_dispatch),
    Check("tracing", "stacks of a hung plugin, names of files denied", kernel.tracing),
    Check("leftovers", "memory of killed hosts", leftovers.leftovers),
)
