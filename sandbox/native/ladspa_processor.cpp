// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/ladspa_processor.hpp"

#include <dlfcn.h>
#include <strings.h>

#include <cstring>

#include "sandbox/native/library.hpp"
#include "sandbox/native/load_phase.hpp"
#include "sandbox/native/plugin_text.hpp"

namespace isobooth::sandbox {

namespace {

// A file that never ends its list of plugins is broken, not rich.
constexpr unsigned long kMaxPluginsInFile = 4096;
constexpr unsigned long kMaxPorts = 4096;
constexpr double kMaxLatencyS = 60.0;

bool usable(const ladspa::Descriptor& d) {
    return d.label && d.name && d.port_flags && d.port_names && d.port_hints && d.instantiate &&
           d.connect_port && d.run && d.cleanup && d.port_count <= kMaxPorts;
}

// Input control ports in port order, as parameters.
std::vector<Parameter> control_parameters(const ladspa::Descriptor& d, double sample_rate) {
    std::vector<Parameter> parameters;
    for (unsigned long port = 0; port < d.port_count; ++port)
        if (const int flags = d.port_flags[port];
            (flags & ladspa::kControl) && (flags & ladspa::kInput))
            parameters.push_back(ladspa_parameter(d, port, sample_rate));
    return parameters;
}

// "Frequency (Hz)" and "Rate [Hz]" end with a unit; "Mode (0=off)" and "Gain (left)" do not.
std::string unit_in(const std::string& name) {
    static constexpr const char* kUnits[] = {
        "Hz",    "kHz",     "dB",  "ms",        "s",       "sec",    "secs", "seconds", "%",
        "cents", "samples", "bpm", "semitones", "octaves", "octave", "deg",  "degrees", "us",
    };
    if (name.empty() || (name.back() != ')' && name.back() != ']')) return "";
    const std::size_t open = name.find_last_of("([");
    if (open == std::string::npos) return "";
    const std::string inner = name.substr(open + 1, name.size() - open - 2);
    for (const char* unit : kUnits)
        if (strcasecmp(inner.c_str(), unit) == 0)
            return std::strncmp(unit, "sec", 3) == 0 ? "s" : unit;
    return "";
}

double default_value(int hints, double lower, double upper) {
    const auto between = [&](double share) {
        if ((hints & ladspa::kLogarithmic) && lower > 0.0 && upper > 0.0)
            return std::exp(std::log(lower) * (1.0 - share) + std::log(upper) * share);
        return lower * (1.0 - share) + upper * share;
    };
    switch (hints & ladspa::kDefaultMask) {
        case ladspa::kDefaultMinimum:
            return lower;
        case ladspa::kDefaultLow:
            return between(0.25);
        case ladspa::kDefaultMiddle:
            return between(0.5);
        case ladspa::kDefaultHigh:
            return between(0.75);
        case ladspa::kDefaultMaximum:
            return upper;
        case ladspa::kDefault1:
            return 1.0;
        case ladspa::kDefault100:
            return 100.0;
        case ladspa::kDefault440:
            return 440.0;
        default:
            return 0.0;  // kDefault0, and none: zero, or the bound nearest to it
    }
}

}  // namespace

Parameter ladspa_parameter(const ladspa::Descriptor& d, unsigned long port, double sample_rate) {
    const ladspa::RangeHint& range = d.port_hints[port];
    const int hints = range.hints;
    Parameter parameter;
    parameter.id = "port" + std::to_string(port);
    parameter.name = plugin_text(d.port_names[port]);
    parameter.unit = unit_in(parameter.name);
    if (hints & ladspa::kToggled) {
        parameter.steps = 2;
        parameter.choices = {"off", "on"};
        parameter.initial = (hints & ladspa::kDefaultMask) == ladspa::kDefault1 ||
                                    (hints & ladspa::kDefaultMask) == ladspa::kDefaultMaximum
                                ? 1.0
                                : 0.0;
        return parameter;
    }
    const double unit = hints & ladspa::kSampleRate ? sample_rate : 1.0;
    bool below = (hints & ladspa::kBoundedBelow) && std::isfinite(range.lower);
    bool above = (hints & ladspa::kBoundedAbove) && std::isfinite(range.upper);
    double lower = below ? range.lower * unit : 0.0;
    double upper = above ? range.upper * unit : 0.0;
    if (below && above && upper < lower) below = above = false;
    const double wanted = default_value(hints, lower, upper);
    // A missing bound leaves room on both sides of the default and of zero.
    if (!below) lower = std::min({0.0, 2.0 * wanted, above ? upper - 1.0 : 0.0});
    if (!above) upper = std::max({1.0, 2.0 * wanted, lower + 1.0});
    if (hints & ladspa::kInteger) {
        // Bounds are "slightly wider than the actual range" to survive rounding.
        lower = std::ceil(lower - 1e-6) + 0.0;  // -0 becomes 0
        upper = std::max(lower + 1.0, std::floor(upper + 1e-6));
        if (upper - lower < 65536.0) parameter.steps = static_cast<int>(upper - lower) + 1;
    }
    if (upper <= lower) upper = lower + 1.0;  // a fixed value, declared as a range
    parameter.minimum = lower;
    parameter.maximum = upper;
    parameter.initial = std::clamp(wanted, lower, upper);
    if (hints & ladspa::kInteger) parameter.initial = std::round(parameter.initial);
    // Evenly spaced integers are not evenly spaced on a logarithmic scale.
    parameter.logarithmic =
        (hints & ladspa::kLogarithmic) && !(hints & ladspa::kInteger) && lower > 0.0;
    return parameter;
}

LadspaFile::LadspaFile(const std::string& path) : module_(load_library(path)) {
    const auto list =
        reinterpret_cast<ladspa::DescriptorFunction>(dlsym(module_, "ladspa_descriptor"));
    for (unsigned long i = 0; list && i < kMaxPluginsInFile; ++i) {
        const ladspa::Descriptor* descriptor = list(i);
        if (!descriptor) break;
        if (usable(*descriptor)) descriptors_.push_back(descriptor);
    }
    if (descriptors_.empty()) {
        dlclose(module_);
        throw std::runtime_error(path + (list ? " offers no usable LADSPA plugin"
                                              : " is no LADSPA file: it has no "
                                                "ladspa_descriptor function"));
    }
}

LadspaFile::~LadspaFile() { dlclose(module_); }

LadspaProcessor::LadspaProcessor(std::shared_ptr<LadspaFile> file,
                                 const ladspa::Descriptor& descriptor, double sample_rate)
    : ParameterProcessor(sample_rate, control_parameters(descriptor, sample_rate)),
      file_(std::move(file)),
      descriptor_(descriptor),
      values_(descriptor.port_count, 0.0f) {
    for (unsigned long port = 0; port < descriptor.port_count; ++port) {
        const int flags = descriptor.port_flags[port];
        if (flags & ladspa::kAudio)
            (flags & ladspa::kInput ? audio_in_ : audio_out_).push_back(port);
        else if (flags & ladspa::kInput)
            controls_.push_back(port);
    }
    in_channels = static_cast<int>(audio_in_.size());
    out_channels = static_cast<int>(audio_out_.size());
    works_in_place = !(descriptor.properties & ladspa::kInPlaceBroken);
    check_channels(std::string("LADSPA plugin '") + descriptor.label + "'");
    handle_ = descriptor.instantiate(&descriptor, static_cast<unsigned long>(sample_rate + 0.5));
    if (!handle_)
        throw std::runtime_error(std::string("LADSPA plugin '") + descriptor.label +
                                 "' refused to start at " +
                                 std::to_string(static_cast<long>(sample_rate)) + " Hz");
    connect_controls();
    announce_activation();
    measure_latency();
    if (descriptor.activate) descriptor.activate(handle_);
}

LadspaProcessor::~LadspaProcessor() {
    if (descriptor_.deactivate) descriptor_.deactivate(handle_);
    descriptor_.cleanup(handle_);
}

void LadspaProcessor::connect_controls() {
    for (unsigned long port = 0; port < descriptor_.port_count; ++port) {
        if (descriptor_.port_flags[port] & ladspa::kAudio) continue;
        descriptor_.connect_port(handle_, port, &values_[port]);
        const char* name = descriptor_.port_names[port];
        if ((descriptor_.port_flags[port] & ladspa::kOutput) && name &&
            (std::strcmp(name, "latency") == 0 || std::strcmp(name, "_latency") == 0))
            latency_port_ = &values_[port];
    }
    for (std::size_t i = 0; i < controls_.size(); ++i)
        values_[controls_[i]] = static_cast<float>(parameters()[i].initial);
}

// A latency port holds its value only after a run. The plugin is activated again afterwards, which
// resets what it remembers.
void LadspaProcessor::measure_latency() {
    if (!latency_port_) return;
    constexpr int kFrames = 16;
    std::vector<std::vector<float>> planes(audio_in_.size() + audio_out_.size(),
                                           std::vector<float>(kFrames, 0.0f));
    std::size_t plane = 0;
    for (const auto* ports : {&audio_in_, &audio_out_})
        for (const unsigned long port : *ports)
            descriptor_.connect_port(handle_, port, planes[plane++].data());
    if (descriptor_.activate) descriptor_.activate(handle_);
    descriptor_.run(handle_, kFrames);
    if (descriptor_.deactivate) descriptor_.deactivate(handle_);
    read_latency();
}

void LadspaProcessor::read_latency() noexcept {
    const float reported = *latency_port_;
    if (reported >= 0.0f && reported <= kMaxLatencyS * sample_rate())  // NaN fails both
        latency_ = static_cast<int>(std::lround(reported));
}

void LadspaProcessor::parameter_changed(std::size_t index, double plain) noexcept {
    values_[controls_[index]] = static_cast<float>(plain);
}

bool LadspaProcessor::run(PluginBlock& stretch) noexcept {
    // The interface has no const; plugins only read their inputs.
    for (std::size_t i = 0; i < audio_in_.size(); ++i)
        descriptor_.connect_port(handle_, audio_in_[i], const_cast<float*>(stretch.inputs[i]));
    for (std::size_t i = 0; i < audio_out_.size(); ++i)
        descriptor_.connect_port(handle_, audio_out_[i], stretch.outputs[i]);
    descriptor_.run(handle_, static_cast<unsigned long>(stretch.frames));
    if (latency_port_) read_latency();
    return true;
}

}  // namespace isobooth::sandbox
