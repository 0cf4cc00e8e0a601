// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/vst3_tap.hpp"

#include <dlfcn.h>

#include <array>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sandbox/native/direct_buffers.hpp"
#include "sandbox/native/imports.hpp"
#include "sandbox/native/patch.hpp"
#include "sandbox/native/vst3_abi.hpp"

namespace isobooth::sandbox {

using namespace vst3;

namespace {

using Create = Result (*)(void* factory, const char* class_id, const char* interface, void** out);
using Query = Result (*)(void* object, const char* interface, void** out);
using Process = Result (*)(void* processor, Block* block);

void** table_of(void* object) { return *static_cast<void***>(object); }

// One place in tables of plugins, with our function in it and theirs behind. Changed while nothing is
// played.
template <class Function>
class Places {
public:
    Places(std::size_t place, Function ours) : place_(place), ours_(ours) {}

    // Throws std::system_error.
    void take(void* object) {
        void** const table = table_of(object);
        if (table[place_] == reinterpret_cast<void*>(ours_)) return;
        // Where one was that is gone there may be another.
        std::erase_if(theirs_, [&](const auto& one) { return one.first == table; });
        void* const theirs = patch(&table[place_], reinterpret_cast<void*>(ours_));
        theirs_.emplace_back(table, reinterpret_cast<Function>(theirs));
    }
    Function theirs(void* object) const noexcept {
        for (const auto& [table, function] : theirs_)
            if (table == table_of(object)) return function;
        return nullptr;
    }

private:
    const std::size_t place_;
    const Function ours_;
    std::vector<std::pair<void**, Function>> theirs_;
};

Result on_create(void* factory, const char* class_id, const char* interface, void** out);
Result on_query(void* component, const char* interface, void** out);
Result on_process(void* processor, Block* block);

Places<Create> creating{Factory::kCreate, on_create};
Places<Query> asking{Unknown::kQuery, on_query};
Places<Process> processing{AudioProcessor::kProcess, on_process};

// Calls `visit` with each buffer, and whether it is of the main bus.
template <class Visit>
void each_buffer(Buffers* buses, std::int32_t count, Visit visit) {
    for (std::int32_t bus = 0; buses && bus < count; ++bus)
        for (std::int32_t c = 0; buses[bus].planes && c < buses[bus].channels; ++c)
            visit(buses[bus].planes[c], bus == 0);
}

Result on_process(void* processor, Block* block) {
    const Process process = processing.theirs(processor);
    DirectBuffers* const buffers = DirectBuffers::now();
    if (!process) return kFalse;
    if (!buffers || !block || block->sample_size != 0 || !buffers->begin(block->frames))
        return process(processor, block);
    // JUCE goes on with what it has handed over.
    static thread_local std::array<float*, 2 * kMaxPluginChannels> theirs;
    std::size_t count = 0;
    const auto hand_on = [&](float*& plane, auto&& ours) {
        if (count == theirs.size()) return;
        theirs[count++] = plane;
        plane = ours(plane);
    };
    each_buffer(block->inputs, block->input_count, [&](float*& plane, bool is_main) {
        hand_on(plane, [&](float* one) { return buffers->input(one, is_main); });
    });
    each_buffer(block->outputs, block->output_count, [&](float*& plane, bool is_main) {
        hand_on(plane, [&](float* one) { return buffers->output(one, is_main); });
    });
    buffers->seal();
    const Result result = process(processor, block);
    buffers->deliver();
    std::size_t back = 0;
    const auto give_back = [&](float*& plane, bool) {
        if (back < count) plane = theirs[back++];
    };
    each_buffer(block->inputs, block->input_count, give_back);
    each_buffer(block->outputs, block->output_count, give_back);
    return result;
}

// A plugin whose functions cannot be led here plays with JUCE's buffers, and the rig sees that.
template <class Function>
void take(Places<Function>& places, void* object) noexcept {
    try {
        places.take(object);
    } catch (const std::exception&) {
    }
}

Result on_query(void* component, const char* interface, void** out) {
    const Query query = asking.theirs(component);
    if (!query) return kNoInterface;
    const Result result = query(component, interface, out);
    if (result == kOk && out && *out && same(interface, AudioProcessor::kId))
        take(processing, *out);
    return result;
}

Result on_create(void* factory, const char* class_id, const char* interface, void** out) {
    const Create create = creating.theirs(factory);
    if (!create) return kNoInterface;
    const Result result = create(factory, class_id, interface, out);
    if (result == kOk && out && *out && same(interface, Component::kId)) take(asking, *out);
    return result;
}

GetFactory their_factory = nullptr;

Factory* on_get_factory() {
    Factory* const factory = their_factory();
    if (factory) take(creating, factory);
    return factory;
}

// What minihost's calls of dlsym come to.
void* on_find(void* library, const char* name) {
    void* const found = dlsym(library, name);
    if (!found || std::strcmp(name, "GetPluginFactory") != 0) return found;
    their_factory = reinterpret_cast<GetFactory>(found);
    return reinterpret_cast<void*>(&on_get_factory);
}

}  // namespace

void tap_vst3(const MinihostLibrary& library) {
    const auto places = imports_of(reinterpret_cast<const void*>(library.close), "dlsym");
    if (places.empty()) throw std::runtime_error("minihost does not load modules by dlsym");
    for (void** const place : places) patch(place, reinterpret_cast<void*>(&on_find));
    DirectBuffers::note_tap();
}

}  // namespace isobooth::sandbox
