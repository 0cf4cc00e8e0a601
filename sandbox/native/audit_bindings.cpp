// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the audit of a plugin found, for Python.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>

#include "sandbox/native/audit.hpp"
#include "sandbox/native/bindings.hpp"
#include "sandbox/native/failing_allocation.hpp"
#include "sandbox/native/place_names.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace isobooth::sandbox {

namespace {

nb::bytes bytes_of(const std::string& text) { return nb::bytes(text.data(), text.size()); }

}  // namespace

void bind_audit(nb::module_& m) {
    nb::enum_<FloatTrap>(m, "FloatTrap")
        .value("NONE", FloatTrap::None)
        .value("INVALID", FloatTrap::Invalid)
        .value("DENORMAL", FloatTrap::Denormal);
    nb::class_<Violation>(m, "Violation")
        .def_ro("kind", &Violation::kind)
        .def_ro("what", &Violation::what)
        .def_ro("count", &Violation::count)
        .def_prop_ro("stack", [](const Violation& self) {
            nb::list places;
            for (const std::uintptr_t address : self.stack) {
                const PlaceName name = place_name(address);
                places.append(
                    nb::make_tuple(bytes_of(name.library), name.offset, bytes_of(name.function)));
            }
            return places;
        });
    nb::class_<FailingAllocation>(m, "FailingAllocation")
        .def(nb::init<std::string, std::uint64_t>(), "library"_a, "failing"_a)
        .def("begin", &FailingAllocation::begin)
        .def("end", &FailingAllocation::end)
        .def_prop_ro("asked", &FailingAllocation::asked)
        .def_prop_ro_static("is_possible",
                            [](nb::handle) { return FailingAllocation::is_possible(); });
    m.def("audit_sees_calls", &Audit::sees_calls);
    m.def("audit_sees_system_calls", &Audit::sees_system_calls);
    m.def("audit_sees_numbers", &Audit::sees_numbers);
}

}  // namespace isobooth::sandbox
