// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who calls the engine, the null clock or a device, and the watchdog beside them.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>

#include "host/native/bindings.hpp"
#include "host/native/driver.hpp"
#include "host/native/watchdog.hpp"

namespace nb = nanobind;

namespace isobooth::host {

void bind_driver(nb::module_& m) {
    const auto counter = [](auto member) {
        return [member](const Driver& driver) { return (driver.*member).load(); };
    };
    nb::class_<Driver>(m, "Driver")
        .def(
            "__init__",
            [](Driver* self, Engine& engine, int priority, int cpu, bool prewake) {
                DriverConfig config;
                config.priority = priority;
                config.cpu = cpu;
                config.prewake = prewake;
                new (self) Driver(engine, config);
            },
            nb::arg("engine"), nb::arg("priority"), nb::arg("cpu") = -1, nb::arg("prewake") = true,
            nb::keep_alive<1, 2>())
        .def("start", &Driver::start)
        .def("stop", &Driver::stop, nb::call_guard<nb::gil_scoped_release>())
        .def(
            "add_stream",
            [](Driver& driver, std::uint32_t inputs, std::uint32_t outputs) {
                if (inputs > kMaxDeviceChannels || outputs > kMaxDeviceChannels || outputs == 0)
                    throw nb::value_error("a stream has 0 to 64 inputs and 1 to 64 outputs");
                return reinterpret_cast<std::uintptr_t>(driver.add_stream(inputs, outputs));
            },
            nb::arg("inputs"), nb::arg("outputs"))
        .def(
            "expect_device",
            [](Driver& driver, std::uintptr_t stream) {
                driver.expect_device(reinterpret_cast<DeviceStream*>(stream));
            },
            nb::arg("stream"))
        .def("device_lost", &Driver::device_lost, nb::call_guard<nb::gil_scoped_release>())
        .def("no_device", &Driver::no_device, nb::call_guard<nb::gil_scoped_release>())
        .def_prop_ro("device_alive", &Driver::device_alive)
        .def_prop_ro("realtime", &Driver::realtime)
        .def_prop_ro("device_realtime", &Driver::device_realtime)
        .def_prop_ro("queue_latency_frames", &Driver::queue_latency)
        .def_prop_ro("xruns", counter(&Driver::xruns))
        .def_prop_ro("clock_slips", counter(&Driver::clock_slips))
        .def_prop_ro("takeovers", counter(&Driver::takeovers))
        .def_prop_ro("prewakes", counter(&Driver::prewakes))
        .def_prop_ro("callbacks", counter(&Driver::callbacks))
        .def_prop_ro("device_frames", counter(&Driver::device_frames))
        .def_prop_ro("repaired_inputs", counter(&Driver::repaired_inputs))
        .def_prop_ro("callback_address", [](const Driver&) {
            return reinterpret_cast<std::uintptr_t>(&Driver::portaudio_callback);
        });

    nb::class_<Watchdog>(m, "Watchdog")
        .def(nb::init<const Engine&, int>(), nb::arg("engine"), nb::arg("priority"),
             nb::keep_alive<1, 2>())
        .def("stop", &Watchdog::stop, nb::call_guard<nb::gil_scoped_release>())
        .def("watch", &Watchdog::watch, nb::arg("slot"))
        .def("forget", &Watchdog::forget, nb::arg("slot"))
        .def_prop_ro("demotions", &Watchdog::demotions)
        .def_prop_ro("stops", &Watchdog::stops)
        .def_prop_ro("fetches", &Watchdog::fetches);
}

}  // namespace isobooth::host
