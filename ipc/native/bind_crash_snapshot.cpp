// SPDX-License-Identifier: GPL-3.0-or-later
//
// Crash snapshots for the host: bounded, but otherwise as the worker left them.
#include <nanobind/stl/string.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "ipc/native/bindings.hpp"
#include "ipc/native/crash_snapshot.hpp"

namespace nb = nanobind;

namespace isobooth::ipc {

namespace {

// A snapshot as the host may use it: copied, every count bounded.
std::unique_ptr<CrashSnapshot> read_snapshot(nb::bytes data) {
    if (data.size() != sizeof(CrashSnapshot)) return nullptr;
    auto snapshot = std::make_unique<CrashSnapshot>();
    std::memcpy(static_cast<void*>(snapshot.get()), data.c_str(), sizeof(CrashSnapshot));
    if (snapshot->complete.load() != kSnapshotComplete || snapshot->version != kSnapshotVersion)
        return nullptr;
    snapshot->register_count = std::min(snapshot->register_count, kSnapshotRegisters);
    snapshot->maps_bytes = std::min(snapshot->maps_bytes, kSnapshotMapsBytes);
    snapshot->stack_bytes = std::min(snapshot->stack_bytes, kSnapshotStackBytes);
    snapshot->signal = std::clamp(snapshot->signal, 0, 64);
    if (snapshot->access > Access::Execute) snapshot->access = Access::Unknown;
    return snapshot;
}

}  // namespace

void bind_crash_snapshot(nb::module_& m) {
    m.attr("CRASH_SNAPSHOT_BYTES") = sizeof(CrashSnapshot);
    nb::class_<CrashSnapshot>(m, "CrashSnapshot")
        .def_ro("thread_id", &CrashSnapshot::thread_id)
        .def_ro("signal", &CrashSnapshot::signal)
        .def_ro("signal_code", &CrashSnapshot::signal_code)
        .def_ro("sender", &CrashSnapshot::sender)
        .def_ro("fault_address", &CrashSnapshot::fault_address)
        .def_prop_ro("access",
                     [](const CrashSnapshot& s) {
                         constexpr const char* kNames[] = {"", "read", "write", "execute"};
                         return kNames[static_cast<unsigned>(s.access)];
                     })
        .def_ro("pc", &CrashSnapshot::pc)
        .def_ro("sp", &CrashSnapshot::sp)
        .def_prop_ro("registers",
                     [](const CrashSnapshot& s) {
                         return std::vector<std::uint64_t>(s.registers,
                                                           s.registers + s.register_count);
                     })
        .def_prop_ro("thread_name",
                     [](const CrashSnapshot& s) {
                         return nb::bytes(s.thread_name, strnlen(s.thread_name, 16));
                     })
        .def_ro("stack_address", &CrashSnapshot::stack_address)
        .def_prop_ro("stack",
                     [](const CrashSnapshot& s) {
                         return nb::bytes(reinterpret_cast<const char*>(s.stack), s.stack_bytes);
                     })
        .def_prop_ro("maps",
                     [](const CrashSnapshot& s) { return nb::bytes(s.maps, s.maps_bytes); });
    m.def("read_crash_snapshot", &read_snapshot, nb::arg("data"),
          "The snapshot in the copy of a worker's file; None where no crash has left one.");
}

}  // namespace isobooth::ipc
