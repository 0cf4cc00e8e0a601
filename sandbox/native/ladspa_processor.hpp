// SPDX-License-Identifier: GPL-3.0-or-later
//
// LADSPA plugins, straight over their C interface.
//
// In-place processing never happens (a slot's outputs never alias its inputs), so plugins that
// declare themselves in-place-broken need no copies.
#pragma once

#include <memory>

#include "sandbox/native/ladspa_abi.hpp"
#include "sandbox/native/parameter_processor.hpp"

namespace isobooth::sandbox {

// A loaded plugin file. Throws std::runtime_error where it is none.
class LadspaFile {
public:
    explicit LadspaFile(const std::string& path);
    ~LadspaFile();
    LadspaFile(const LadspaFile&) = delete;
    LadspaFile& operator=(const LadspaFile&) = delete;

    const std::vector<const ladspa::Descriptor*>& descriptors() const { return descriptors_; }

private:
    void* module_;
    std::vector<const ladspa::Descriptor*> descriptors_;
};

class LadspaProcessor : public ParameterProcessor {
public:
    // Throws std::runtime_error if the plugin cannot be instantiated or connected.
    LadspaProcessor(std::shared_ptr<LadspaFile> file, const ladspa::Descriptor& descriptor,
                    double sample_rate);
    ~LadspaProcessor() override;

    int latency_frames() noexcept override { return latency_; }

protected:
    void parameter_changed(std::size_t index, double plain) noexcept override;
    bool run(PluginBlock& stretch) noexcept override;

private:
    void connect_controls();
    void measure_latency();
    void read_latency() noexcept;

    std::shared_ptr<LadspaFile> file_;
    const ladspa::Descriptor& descriptor_;
    ladspa::Handle handle_ = nullptr;
    std::vector<unsigned long> audio_in_, audio_out_, controls_;  // port numbers
    std::vector<float> values_;  // one a port: what control ports are connected to
    const float* latency_port_ = nullptr;
    int latency_ = 0;
};

// The parameter of an input control port, by the hints of ladspa.h.
Parameter ladspa_parameter(const ladspa::Descriptor& descriptor, unsigned long port,
                           double sample_rate);

}  // namespace isobooth::sandbox
