// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/python_processor.hpp"

#include <nanobind/nanobind.h>

#include <cstring>

namespace nb = nanobind;

namespace isobooth::sandbox {

namespace {

constexpr double kUnchanged = std::numeric_limits<double>::quiet_NaN();

}  // namespace

PythonProcessor::PythonProcessor(nb::callable callback, std::vector<Parameter> parameters,
                                 double sample_rate, int max_frames, int channels,
                                 int latency_frames)
    : ParameterProcessor(sample_rate, std::move(parameters)),
      callback_(std::move(callback)),
      max_frames_(max_frames),
      latency_(std::max(0, latency_frames)) {
    if (max_frames < 1) throw std::runtime_error("a block has at least one frame");
    in_channels = out_channels = channels;
    check_channels("the plugin");
    const auto samples = static_cast<std::size_t>(channels) * static_cast<std::size_t>(max_frames);
    input_ = std::make_shared<std::vector<float>>(samples, 0.0f);
    output_ = std::make_shared<std::vector<float>>(samples, 0.0f);
    changed_.assign(this->parameters().size(), kUnchanged);
}

PythonProcessor::~PythonProcessor() {
    const nb::gil_scoped_acquire lock;
    callback_.reset();
}

void PythonProcessor::parameter_changed(std::size_t index, double plain) noexcept {
    changed_[index] = plain;
}

bool PythonProcessor::call(int frames) noexcept {
    const nb::gil_scoped_acquire lock;
    try {
        if (!callback_.is_valid()) return false;
        nb::list changes;
        for (std::size_t i = 0; i < changed_.size(); ++i)
            if (!std::isnan(changed_[i])) {
                changes.append(nb::make_tuple(i, changed_[i]));
                changed_[i] = kUnchanged;
            }
        latency_ = std::max(0, nb::cast<int>(callback_(frames, changes)));
        return true;
    } catch (nb::python_error& error) {
        show_error(error);
    } catch (const std::exception&) {
        PyErr_SetString(PyExc_TypeError, "a block's callback must return its latency in frames");
        nb::python_error error;
        show_error(error);
    }
    return false;
}

// What fails in one block fails in the next; one report of it is enough.
void PythonProcessor::show_error(nb::python_error& error) noexcept {
    if (!error_shown_) error.discard_as_unraisable("a block of a Python plugin");
    error_shown_ = true;
}

bool PythonProcessor::run(PluginBlock& stretch) noexcept {
    if (stretch.frames > max_frames_) return false;
    const auto bytes = static_cast<std::size_t>(stretch.frames) * sizeof(float);
    for (int c = 0; c < in_channels; ++c) std::memcpy(plane(input_, c), stretch.inputs[c], bytes);
    if (!call(stretch.frames)) return false;
    for (int c = 0; c < out_channels; ++c)
        std::memcpy(stretch.outputs[c], plane(output_, c), bytes);
    return true;
}

}  // namespace isobooth::sandbox
