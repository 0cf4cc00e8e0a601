// SPDX-License-Identifier: GPL-3.0-or-later
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "ipc/native/bindings.hpp"
#include "ipc/native/call_watch.hpp"

namespace nb = nanobind;

namespace isobooth::ipc {

namespace {

// Paths are bytes to the kernel, and a plugin may name any.
nb::tuple as_tuple(const WatchedAct& act) {
    return nb::make_tuple(act.call, nb::bytes(act.path.data(), act.path.size()), act.write,
                          act.refused, act.argument, act.thread);
}

}  // namespace

void bind_call_watch(nb::module_& m) {
    m.attr("MAX_THREADS") = kMaxThreads;
    m.attr("FORK_BURST") = kForkBurst;
    nb::class_<CallWatch>(m, "CallWatch")
        .def(
            "__init__",
            [](CallWatch* self, int listener, int worker, std::vector<std::string> readable,
               std::vector<std::string> writable, bool signals_scoped,
               std::vector<std::string> reachable) {
                new (self) CallWatch(listener, worker,
                                     {std::move(readable), std::move(writable), signals_scoped,
                                      std::move(reachable)});
            },
            nb::arg("listener"), nb::arg("worker"), nb::arg("readable"), nb::arg("writable"),
            nb::arg("signals_scoped"), nb::arg("reachable") = std::vector<std::string>())
        .def("stop", &CallWatch::stop, nb::call_guard<nb::gil_scoped_release>())
        .def("fileno", &CallWatch::fileno)
        .def("read",
             [](CallWatch& self) {
                 nb::list acts;
                 for (const WatchedAct& act : self.read()) acts.append(as_tuple(act));
                 return acts;
             })
        .def("touched",
             [](CallWatch& self) {
                 nb::list files;
                 for (const auto& [path, write] : self.touched())
                     files.append(nb::make_tuple(nb::bytes(path.data(), path.size()), write));
                 return files;
             })
        .def("leavers", &CallWatch::leavers)
        .def(
            "set_disk",
            [](CallWatch& self, bool full, int wait_ms, int read_ms, int most_ms) {
                self.set_disk({full, std::chrono::milliseconds(wait_ms),
                               std::chrono::milliseconds(read_ms),
                               std::chrono::milliseconds(most_ms)});
            },
            nb::arg("full"), nb::arg("wait_ms"), nb::arg("read_ms"), nb::arg("most_ms"))
        .def_prop_ro("disk_faults", &CallWatch::disk_faults)
        .def_prop_ro("slow_reads", &CallWatch::slow_reads)
        .def("written_without_room",
             [](CallWatch& self) {
                 nb::list files;
                 for (const std::string& path : self.written_without_room())
                     files.append(nb::bytes(path.data(), path.size()));
                 return files;
             })
        .def_prop_ro("answered", &CallWatch::answered)
        .def_prop_ro("lost", &CallWatch::lost);
}

}  // namespace isobooth::ipc
