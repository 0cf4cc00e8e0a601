// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/fault_processor.hpp"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace isobooth::sandbox {

namespace {

constexpr std::pair<std::string_view, FaultKind> kKinds[] = {
    {"segv", FaultKind::Segv},
    {"abort", FaultKind::Abort},
    {"exit", FaultKind::Exit},
    {"spin", FaultKind::Spin},
    {"deadlock", FaultKind::Deadlock},
    {"sleep", FaultKind::Sleep},
    {"nan", FaultKind::Nan},
    {"inf", FaultKind::Inf},
    {"loud", FaultKind::Loud},
    {"leak", FaultKind::Leak},
    {"stack-overflow", FaultKind::StackOverflow},
    {"double-free", FaultKind::DoubleFree},
    {"stop", FaultKind::Stop},
};

constexpr int kExitCode = 7;      // no signal and no exit code of ours: recognizable in a report
constexpr float kLoud = 1000.0f;  // +60 dBFS

// volatile throughout: the compiler may otherwise replace a fault it can see by another one.

void write_to_nowhere() noexcept {
    volatile int* volatile nowhere = nullptr;  // GCC drops a store to what is not volatile
    *nowhere = 1;
}

[[gnu::noinline]] int overflow_stack(int depth) noexcept {
    volatile char frame[4096];
    frame[depth % 4096] = static_cast<char>(depth);
    volatile int deeper = depth + 1;
    return deeper == 0 ? 0 : overflow_stack(deeper) + frame[0];
}

void lock_twice() noexcept {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
}

void free_twice() noexcept {
    void* const memory = std::malloc(64);
    void* volatile again = memory;
    std::free(memory);
    std::free(again);
}

void sleep_for(int milliseconds) noexcept {
    timespec left{milliseconds / 1000, milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0) {
    }
}

void leak(int megabytes) noexcept {
    const std::size_t bytes = static_cast<std::size_t>(megabytes) << 20;
    auto* const memory = static_cast<volatile char*>(std::malloc(bytes));
    if (!memory) return;
    for (std::size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;  // what is not touched costs nothing
}

}  // namespace

std::optional<FaultKind> fault_kind(std::string_view name) {
    for (const auto& [known, kind] : kKinds)
        if (known == name) return kind;
    return std::nullopt;
}

std::vector<std::string> fault_kinds() {
    std::vector<std::string> names;
    for (const auto& [name, kind] : kKinds) names.emplace_back(name);
    return names;
}

void commit_fault(FaultKind kind, const FaultPlan& plan) noexcept {
    switch (kind) {
        case FaultKind::Segv:
            write_to_nowhere();
            break;
        case FaultKind::Abort:
            std::abort();
        case FaultKind::Exit:
            _exit(kExitCode);
        case FaultKind::Spin:
            for (volatile bool on = true; on;) {
            }
            break;
        case FaultKind::Deadlock:
            lock_twice();
            break;
        case FaultKind::Sleep:
            sleep_for(plan.sleep_ms);
            break;
        case FaultKind::Leak:
            leak(plan.leak_mb);
            break;
        case FaultKind::StackOverflow:
            overflow_stack(1);
            break;
        case FaultKind::DoubleFree:
            free_twice();
            break;
        case FaultKind::Stop:
            kill(getpid(), SIGSTOP);
            break;
        case FaultKind::Nan:
        case FaultKind::Inf:
        case FaultKind::Loud:
            break;
    }
}

FaultProcessor::FaultProcessor(double sample_rate, FaultKind kind, const FaultPlan& plan)
    : ParameterProcessor(sample_rate, {{"gain", "Gain", "dB", -90.0, 24.0, 0.0, false, 0, {}}}),
      kind_(kind),
      plan_(plan),
      gain_(sample_rate) {
    if (plan.after < 0 || plan.every < 1 || plan.times < 0 || plan.sleep_ms < 0 || plan.leak_mb < 1)
        throw std::runtime_error(
            "a fault takes after, times and ms from 0 up, every and mb from 1 up");
    in_channels = out_channels = 2;
}

bool FaultProcessor::is_due() noexcept {
    const std::int64_t beyond = ++blocks_ - plan_.after;
    if (beyond <= 0 || (beyond - 1) % plan_.every != 0) return false;
    if (plan_.times > 0 && committed_ >= plan_.times) return false;
    ++committed_;
    return true;
}

void FaultProcessor::begin_block() noexcept {
    spoils_block_ = is_due();
    if (spoils_block_) commit_fault(kind_, plan_);
}

bool FaultProcessor::run(PluginBlock& stretch) noexcept {
    for (int i = 0; i < stretch.frames; ++i) {
        const auto gain = static_cast<float>(gain_.next());
        for (int side = 0; side < 2; ++side) {
            float out = gain * stretch.inputs[side][i];
            if (spoils_block_ && kind_ == FaultKind::Nan)
                out = std::numeric_limits<float>::quiet_NaN();
            else if (spoils_block_ && kind_ == FaultKind::Inf)
                out = std::numeric_limits<float>::infinity();
            else if (spoils_block_ && kind_ == FaultKind::Loud)
                out = i & 1 ? kLoud : -kLoud;
            stretch.outputs[side][i] = out;
        }
    }
    return true;
}

}  // namespace isobooth::sandbox
