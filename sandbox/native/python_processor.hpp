// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin without a C entry: each block calls a Python function, with the interpreter lock held.
//
// Not real-time: the lock may be held elsewhere, Python allocates, garbage is collected. It is
// here for effects that exist only as Python objects (pedalboard's own), best used offline or
// with large blocks; a block that comes too late is covered like any other.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "sandbox/native/parameter_processor.hpp"

namespace isobooth::sandbox {

class PythonProcessor : public ParameterProcessor {
public:
    // `callback(frames, changes)` processes the first `frames` frames of `input` into `output`
    // ((channels, max_frames) float32 arrays of this object) after applying `changes`, a list of
    // (parameter index, plain value), and returns its latency in frames. The block of a
    // callback that raises is refused, and the first error printed to stderr.
    PythonProcessor(nanobind::callable callback, std::vector<Parameter> parameters,
                    double sample_rate, int max_frames, int channels, int latency_frames);
    ~PythonProcessor() override;

    int latency_frames() noexcept override { return latency_; }

    // The planes outlive this object where Python still holds arrays of them: the arrays must not
    // hold the object, since the callback holds the arrays and the object holds the callback.
    using Planes = std::shared_ptr<std::vector<float>>;
    const Planes& input() const { return input_; }
    const Planes& output() const { return output_; }
    int channels() const { return in_channels; }
    int max_frames() const { return max_frames_; }

    // Lets go of the callback; every later block is refused. The interpreter lock must be held.
    void close() { callback_.reset(); }

protected:
    void parameter_changed(std::size_t index, double plain) noexcept override;
    bool run(PluginBlock& stretch) noexcept override;

private:
    bool call(int frames) noexcept;
    float* plane(const Planes& planes, int channel) const {
        return planes->data() +
               static_cast<std::size_t>(channel) * static_cast<std::size_t>(max_frames_);
    }
    void show_error(nanobind::python_error& error) noexcept;

    nanobind::object callback_;
    int max_frames_;
    int latency_;
    Planes input_, output_;
    bool error_shown_ = false;
    std::vector<double> changed_;  // one a parameter; NaN: not changed since the last call
};

}  // namespace isobooth::sandbox
