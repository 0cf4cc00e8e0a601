// SPDX-License-Identifier: GPL-3.0-or-later
//
// A Chain that keeps the Python buffers it lies on, and tells when one of them was truncated.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/native/chain.hpp"
#include "host/native/shared_memory.hpp"

namespace isobooth::host {

// A shared file that Python mapped; held as long as the chain uses it.
class HeldBuffer {
public:
    HeldBuffer(nanobind::handle object, std::size_t needed) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_WRITABLE) != 0)
            throw nanobind::python_error();
        if (static_cast<std::size_t>(view_.len) < needed) {
            PyBuffer_Release(&view_);
            throw nanobind::value_error("a segment of the chain is smaller than its geometry");
        }
    }
    HeldBuffer(HeldBuffer&& other) noexcept : view_(other.view_) { other.view_.obj = nullptr; }
    ~HeldBuffer() {
        if (view_.obj) PyBuffer_Release(&view_);
    }
    std::byte* data() const { return static_cast<std::byte*>(view_.buf); }

private:
    Py_buffer view_{};
};

// The buffers: host file, activation file, then one output file a record.
class PythonChain : public Chain {
public:
    PythonChain(std::uint32_t id, const ChainMemory& memory, std::vector<HeldBuffer> held)
        : Chain(id, memory), held_(std::move(held)) {
        const auto guard = [this](std::byte* base, std::size_t size) {
            memory_.emplace_back(base, size);
        };
        guard(memory.host, memory.geometry.host_size());
        guard(memory.activation, memory.geometry.activation_size());
        for (std::byte* output : memory.outputs) guard(output, memory.geometry.record_size());
    }

    // Has the record's output file shrunk?
    bool lost(std::uint32_t record) const {
        return record + 2 < memory_.size() && memory_[record + 2].lost();
    }
    // Has what all workers of the chain share?
    bool shared_lost() const { return memory_[0].lost() || memory_[1].lost(); }
    bool locked() const {
        return std::all_of(memory_.begin(), memory_.end(),
                           [](const auto& m) { return m.locked(); });
    }

private:
    std::vector<HeldBuffer> held_;
    std::vector<SharedMemory> memory_;
};

}  // namespace isobooth::host
