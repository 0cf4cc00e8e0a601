// SPDX-License-Identifier: GPL-3.0-or-later
//
// What stands between JUCE and a plugin: buffers are handed on and their sound carried back, what an
// import leads to can be changed for one library, and what the loader made read only can be written.
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "sandbox/native/direct_buffers.hpp"
#include "sandbox/native/imports.hpp"
#include "sandbox/native/patch.hpp"
#include "tests/native/check.hpp"

using namespace isobooth::sandbox;

namespace {

constexpr int kFrames = 48;

bool is_writable(const float* at) {
    // The kernel writes there, or says that it cannot.
    int ends[2];
    CHECK(pipe(ends) == 0, "pipe");
    float value = *at;
    const bool sent = write(ends[1], &value, sizeof value) == sizeof value;
    const bool written = sent && read(ends[0], const_cast<float*>(at), sizeof *at) == sizeof *at;
    close(ends[0]);
    close(ends[1]);
    return written;
}

void hands_on(bool in_place, bool guard) {
    // As JUCE does it: an output lies over the input, another one over the side-chain.
    std::vector<float> shared(kFrames, 0.25f), further(kFrames, 7.0f), unheard(kFrames);
    DirectBuffers buffers(kFrames, in_place, guard);
    CHECK(DirectBuffers::now() == &buffers, "they are not there");
    CHECK(buffers.begin(kFrames), "they refuse a whole block");
    const float* const in = buffers.input(shared.data(), true);
    const float* const key = buffers.input(further.data(), false);
    float* const out = buffers.output(shared.data(), true);
    float* const other = buffers.output(further.data(), true);
    float* const beside = buffers.output(unheard.data(), false);
    buffers.seal();
    CHECK(in != shared.data() && out != shared.data() && other != further.data(), "JUCE's own");
    CHECK((in == out) == in_place, "in place: %d", in_place);
    CHECK(other != key && beside != in && beside != key, "over what is not its own");
    CHECK(in[0] == 0.25f && in[kFrames - 1] == 0.25f, "the input did not come along");
    CHECK(in_place || out[0] == kUnwritten, "the output is not marked");
    CHECK(other[kFrames - 1] == kUnwritten, "the further output is not marked");
    CHECK(is_writable(in) == (in_place || !guard), "guard: %d, in place: %d", guard, in_place);
    for (int i = 0; i < kFrames; ++i) out[i] = other[i] = static_cast<float>(i);
    buffers.deliver();
    CHECK(shared[kFrames - 1] == kFrames - 1.0f && further[1] == 1.0f, "nothing came back");
    CHECK(buffers.calls() == 1, "%d calls", static_cast<int>(buffers.calls()));
}

void leaves_alone_what_it_cannot_hold() {
    DirectBuffers buffers(kFrames, false, false);
    CHECK(!buffers.begin(0) && !buffers.begin(kFrames + 1), "a block that is none of theirs");
    CHECK(buffers.begin(1), "a block of one frame");
    CHECK(buffers.input(nullptr, true) == nullptr && buffers.output(nullptr, true) == nullptr,
          "no buffer");
    float one = 0.5f;
    for (int i = 0; i < kMaxPluginChannels; ++i) CHECK(buffers.input(&one, true) != &one, "%d", i);
    CHECK(buffers.input(&one, true) == &one, "one too many");
}

using Number = pid_t (*)();
pid_t seven() { return 7; }

void changes_an_import() {
    const auto* const here = reinterpret_cast<const void*>(&seven);
    const pid_t parent = getppid();
    const auto places = imports_of(here, "getppid");
    CHECK(!places.empty(), "this program does not import what it calls");
    void* const theirs = patch(places[0], reinterpret_cast<void*>(&seven));
    CHECK(getppid() == 7, "it is not led elsewhere");
    patch(places[0], theirs);
    CHECK(getppid() == parent, "it is not what it was");
    CHECK(imports_of(here, "no_such_function").empty(), "none");
    CHECK(imports_of(nullptr, "getppid").empty(), "no library");
}

void writes_where_nobody_may() {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const memory = mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "mmap");
    auto* const last = reinterpret_cast<Number*>(static_cast<char*>(memory) + page) - 1;
    CHECK(patch(last, &seven) == nullptr && (*last)() == 7, "it is not there");
    munmap(memory, page);
}

}  // namespace

int main() {
    for (const bool in_place : {false, true})
        for (const bool guard : {false, true}) hands_on(in_place, guard);
    CHECK(DirectBuffers::now() == nullptr, "they stayed");
    leaves_alone_what_it_cannot_hold();
    changes_an_import();
    writes_where_nobody_may();
    return 0;
}
