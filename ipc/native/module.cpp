// SPDX-License-Identifier: GPL-3.0-or-later
//
// Python's view of the shared layout: sizes, headers, statuses, crash snapshots. Nothing in
// Python decodes a shared struct by hand.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "ipc/native/bindings.hpp"
#include "ipc/native/layout.hpp"
#include "ipc/native/mapping.hpp"
#include "ipc/native/relay.hpp"
#include "ipc/native/semaphore.hpp"

namespace nb = nanobind;
using namespace isobooth::ipc;

namespace {

// A writable buffer borrowed from Python for the length of one call.
class Buffer {
public:
    explicit Buffer(nb::handle object, bool writable) {
        if (PyObject_GetBuffer(object.ptr(), &view_, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0)
            throw nb::python_error();
    }
    ~Buffer() { PyBuffer_Release(&view_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::byte* data() const { return static_cast<std::byte*>(view_.buf); }
    std::size_t size() const { return static_cast<std::size_t>(view_.len); }

private:
    Py_buffer view_{};
};

}  // namespace

NB_MODULE(_native, m) {
    // A command that ends early, for its reader has left, still holds what it worked with: nothing
    // that its user should read of. This counts for all of our modules.
    nanobind::set_leak_warnings(false);
    m.attr("LAYOUT_VERSION") = kLayoutVersion;
    m.attr("MAX_RECORDS") = kMaxRecords;
    m.attr("MAX_FRAMES") = kMaxFrames;
    m.attr("MAX_REPORTED_LATENCY") = kMaxReportedLatency;

    nb::enum_<SegmentKind>(m, "SegmentKind")
        .value("CHAIN_HOST", SegmentKind::ChainHost)
        .value("CHAIN_ACTIVATION", SegmentKind::ChainActivation)
        .value("RECORD_OUTPUT", SegmentKind::RecordOutput);

    nb::enum_<Status>(m, "RecordStatus")
        .value("OFFLINE", Status::Offline)
        .value("IDLE", Status::Idle)
        .value("WAITING", Status::Waiting)
        .value("TRIGGERED", Status::Triggered)
        .value("RUNNING", Status::Running)
        .value("FINISHED", Status::Finished)
        .value("ABANDONED", Status::Abandoned);

    nb::class_<Geometry>(m, "Geometry")
        .def(
            "__init__",
            [](Geometry* self, unsigned records, unsigned max_frames, double sample_rate) {
                const Geometry geometry{records, max_frames, sample_rate};
                if (!geometry.valid())
                    throw nb::value_error("a chain has 1..64 records, 1..8192 frames, 8..768 kHz");
                new (self) Geometry(geometry);
            },
            nb::arg("records"), nb::arg("max_frames"), nb::arg("sample_rate"))
        .def_ro("records", &Geometry::records)
        .def_ro("max_frames", &Geometry::max_frames)
        .def_ro("sample_rate", &Geometry::sample_rate)
        .def("size_of", &Geometry::size_of, nb::arg("kind"));

    m.def(
        "write_header",
        [](nb::handle buffer, SegmentKind kind, const Geometry& geometry) {
            Buffer view(buffer, true);
            if (view.size() < geometry.size_of(kind))
                throw nb::value_error("the segment is smaller than its geometry");
            write_header(*reinterpret_cast<SegmentHeader*>(view.data()), kind, geometry);
        },
        nb::arg("buffer"), nb::arg("kind"), nb::arg("geometry"));

    m.def(
        "header_mismatch",
        [](nb::handle buffer, SegmentKind kind, const Geometry& geometry) {
            Buffer view(buffer, false);
            if (view.size() < sizeof(SegmentHeader))
                return std::string("it is too small for a header");
            return header_mismatch(*reinterpret_cast<SegmentHeader*>(view.data()), kind, geometry);
        },
        nb::arg("buffer"), nb::arg("kind"), nb::arg("geometry"),
        "Why the header does not describe `geometry`; empty if it does.");

    m.def(
        "record_state",
        [](nb::handle buffer, const Geometry& geometry, unsigned record) {
            Buffer view(buffer, false);
            if (record >= geometry.records || view.size() < geometry.activation_size())
                throw nb::index_error("no such record");
            const Word word = ActivationView{view.data(), geometry}.record(record).state.load();
            const auto status = static_cast<unsigned>(word & 0xff);
            return nb::make_tuple(status <= 6 ? status_of(word) : Status::Offline,
                                  generation_of(word));
        },
        nb::arg("activation"), nb::arg("geometry"), nb::arg("record"),
        "The record's (status, generation) right now.");

    bind_crash_snapshot(m);

    m.def("monotonic_ns", &now_ns, "CLOCK_MONOTONIC, as in every shared timestamp.");

    bind_call_watch(m);
}
