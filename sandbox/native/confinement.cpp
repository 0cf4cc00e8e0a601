// SPDX-License-Identifier: GPL-3.0-or-later
//
// Python's view of Landlock and the system call filter.
#include "sandbox/native/bindings.hpp"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

#include "sandbox/native/landlock.hpp"
#include "sandbox/native/syscall_filter.hpp"

namespace nb = nanobind;

namespace isobooth::sandbox {

void bind_confinement(nb::module_& m) {
    nb::enum_<FileAccess>(m, "FileAccess")
        .value("READ", FileAccess::Read)
        .value("DEVICE", FileAccess::Device)
        .value("WRITE", FileAccess::Write)
        .value("PRIVATE", FileAccess::Private);
    m.attr("LANDLOCK_NETWORK") = kLandlockNetwork;
    m.attr("LANDLOCK_SIGNALS") = kLandlockSignals;
#ifdef __SANITIZE_ADDRESS__
    m.attr("SANITIZED") = true;
#else
    m.attr("SANITIZED") = false;
#endif
    m.def("landlock_abi", &landlock_abi, nb::arg("most") = 1 << 16);
    m.def(
        "restrict_self",
        [](const std::vector<std::pair<std::string, FileAccess>>& files, bool network, int abi) {
            std::vector<FileRule> rules;
            for (const auto& [path, access] : files) rules.push_back({path, access});
            restrict_self(rules, network, abi);
        },
        nb::arg("files"), nb::arg("network"), nb::arg("abi"));
    m.def(
        "install_filter",
        [](bool network, int landlock_abi, bool notify, bool disk) {
            return install_filter({.network = network,
                                   .truncate_confined = landlock_abi >= kLandlockTruncate,
                                   .signals_scoped = landlock_abi >= kLandlockSignals,
                                   .notify = notify,
                                   .disk = disk});
        },
        nb::arg("network"), nb::arg("landlock_abi"), nb::arg("notify"), nb::arg("disk") = false);
}

}  // namespace isobooth::sandbox
