// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/lv2_tap.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "sandbox/native/direct_buffers.hpp"
#include "sandbox/native/library.hpp"
#include "sandbox/native/patch.hpp"

namespace isobooth::sandbox {

namespace {

// A library that claims more is broken, not rich.
constexpr std::uint32_t kMostPlugins = 65536;

std::vector<std::unique_ptr<Lv2Tap>>& taps() {
    static std::vector<std::unique_ptr<Lv2Tap>> all;
    return all;
}

Lv2Tap* lent = nullptr;  // whose plugin meets the buffers of a rig

const lv2::Descriptor& descriptor_of(const std::string& path, const std::string& uri) {
    void* const library = load_library(path);
    const auto descriptors = reinterpret_cast<lv2::Descriptors>(dlsym(library, "lv2_descriptor"));
    for (std::uint32_t index = 0; descriptors && index < kMostPlugins; ++index) {
        const lv2::Descriptor* const one = descriptors(index);
        if (!one) break;
        if (one->uri && uri == one->uri) return *one;
    }
    throw std::runtime_error(path + " does not hold " + uri);
}

}  // namespace

Lv2Tap& Lv2Tap::of(const std::string& library, const std::string& uri) {
    const lv2::Descriptor& descriptor = descriptor_of(library, uri);
    for (const auto& tap : taps())
        if (&tap->descriptor_ == &descriptor) return *tap;
    std::unique_ptr<Lv2Tap> made(new Lv2Tap(const_cast<lv2::Descriptor&>(descriptor)));
    made->stand_between();
    taps().push_back(std::move(made));
    return *taps().back();
}

void Lv2Tap::stand_between() {
    patch(&descriptor_.instantiate, &Lv2Tap::on_instantiate);
    patch(&descriptor_.cleanup, &Lv2Tap::on_cleanup);
}

void Lv2Tap::lend_buffers(Lv2Ports ports) {
    ports_ = std::move(ports);
    patch(&descriptor_.connect_port, &Lv2Tap::on_connect_port);
    patch(&descriptor_.run, &Lv2Tap::on_run);
    lent = this;
    DirectBuffers::note_tap();
}

std::vector<void*> Lv2Tap::handles() const {
    std::vector<void*> handles;
    for (const Instance& one : instances_) handles.push_back(one.handle);
    return handles;
}

Lv2Tap::Instance* Lv2Tap::find(void* handle) noexcept {
    const auto at = std::find_if(instances_.begin(), instances_.end(),
                                 [&](const Instance& one) { return one.handle == handle; });
    return at == instances_.end() ? nullptr : &*at;
}

void* Lv2Tap::on_instantiate(const lv2::Descriptor* descriptor, double sample_rate,
                             const char* bundle, const lv2::Feature* const* features) {
    for (const auto& tap : taps()) {
        if (&tap->descriptor_ != descriptor) continue;
        void* const made = tap->own_.instantiate(descriptor, sample_rate, bundle, features);
        if (made)
            tap->instances_.push_back({made, std::vector<float*>(tap->ports_.inputs.size()),
                                       std::vector<float*>(tap->ports_.keys.size()),
                                       std::vector<float*>(tap->ports_.outputs.size())});
        return made;
    }
    return nullptr;
}

void Lv2Tap::on_cleanup(void* handle) {
    for (const auto& tap : taps())
        if (Instance* const one = tap->find(handle)) {
            tap->instances_.erase(tap->instances_.begin() + (one - tap->instances_.data()));
            return tap->own_.cleanup(handle);
        }
}

void Lv2Tap::note(Instance& instance, std::uint32_t port, float* to) const noexcept {
    const auto note_in = [&](const std::vector<std::uint32_t>& ports, std::vector<float*>& all) {
        for (std::size_t i = 0; i < ports.size(); ++i)
            if (ports[i] == port) all[i] = to;
    };
    note_in(ports_.inputs, instance.inputs);
    note_in(ports_.keys, instance.keys);
    note_in(ports_.outputs, instance.outputs);
}

void Lv2Tap::on_connect_port(void* handle, std::uint32_t port, void* data) {
    if (Instance* const one = lent->find(handle)) lent->note(*one, port, static_cast<float*>(data));
    lent->own_.connect_port(handle, port, data);
}

void Lv2Tap::on_run(void* handle, std::uint32_t frames) {
    DirectBuffers* const buffers = DirectBuffers::now();
    Instance* const one = lent->find(handle);
    if (buffers && one && frames <= 0x7fffffffu && buffers->begin(static_cast<int>(frames)))
        lent->run_with(*buffers, *one, frames);
    else
        lent->own_.run(handle, frames);
}

void Lv2Tap::run_with(DirectBuffers& buffers, Instance& instance, std::uint32_t frames) noexcept {
    const auto connect = [&](const std::vector<std::uint32_t>& ports,
                             const std::vector<float*>& theirs, auto&& ours) {
        for (std::size_t i = 0; i < ports.size(); ++i)
            own_.connect_port(instance.handle, ports[i], ours(theirs[i]));
    };
    connect(ports_.inputs, instance.inputs, [&](float* one) { return buffers.input(one, true); });
    connect(ports_.keys, instance.keys, [&](float* one) { return buffers.input(one, false); });
    connect(ports_.outputs, instance.outputs,
            [&](float* one) { return buffers.output(one, true); });
    buffers.seal();
    own_.run(instance.handle, frames);
    buffers.deliver();
    const auto same = [](float* theirs) { return theirs; };
    connect(ports_.inputs, instance.inputs, same);
    connect(ports_.keys, instance.keys, same);
    connect(ports_.outputs, instance.outputs, same);
}

}  // namespace isobooth::sandbox
