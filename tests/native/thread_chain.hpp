// SPDX-License-Identifier: GPL-3.0-or-later
//
// A chain whose workers are threads of the test: the real layout, words and semaphores, on one
// mapping, so that ThreadSanitizer sees every access.
//
// The semaphores are hidden from it: a post is only a hint, and the data must be ordered by the
// words alone.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "ipc/native/layout.hpp"
#include "ipc/native/relay.hpp"
#include "ipc/native/semaphore.hpp"
#include "tests/native/check.hpp"

#if defined(__SANITIZE_THREAD__)
extern "C" void AnnotateIgnoreSyncBegin(const char* file, int line);
extern "C" void AnnotateIgnoreSyncEnd(const char* file, int line);
#endif

namespace isobooth::tests {

class UnseenBySanitizer {
public:
#if defined(__SANITIZE_THREAD__)
    UnseenBySanitizer() { AnnotateIgnoreSyncBegin(__FILE__, __LINE__); }
    ~UnseenBySanitizer() { AnnotateIgnoreSyncEnd(__FILE__, __LINE__); }
#else
    UnseenBySanitizer() {}
#endif
    UnseenBySanitizer(const UnseenBySanitizer&) = delete;
    UnseenBySanitizer& operator=(const UnseenBySanitizer&) = delete;
};

// A semaphore as a chain has it: made under a name, opened by the name, the name then gone.
class Hint {
public:
    explicit Hint(const std::string& name) : semaphore_(open(name)) { sem_unlink(name.c_str()); }

    void post() const {
        const UnseenBySanitizer unseen;
        semaphore_.post();
    }
    void wait() const {
        const UnseenBySanitizer unseen;
        semaphore_.wait();
    }
    bool wait_until(std::uint64_t deadline_ns) const {
        const UnseenBySanitizer unseen;
        return semaphore_.wait_until(deadline_ns);
    }
    void drain() const {
        const UnseenBySanitizer unseen;
        semaphore_.drain();
    }

private:
    static ipc::Semaphore open(const std::string& name) {
        sem_t* made = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 0);
        if (made == SEM_FAILED) fail("cannot make semaphore %s", name.c_str());
        ipc::Semaphore opened(name);
        sem_close(made);
        return opened;
    }

    ipc::Semaphore semaphore_;
};

class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    bool one_in(unsigned n) { return engine_() % n == 0; }
    unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }

    // Usually nothing; sometimes a while, so that the others overtake.
    void dawdle() {
        if (one_in(24)) {
            const std::uint64_t until = ipc::now_ns() + below(60'000);
            while (ipc::now_ns() < until) {
            }
        } else if (one_in(300)) {
            std::this_thread::sleep_for(std::chrono::microseconds(300));
        }
    }

private:
    std::minstd_rand engine_;
};

struct Counts {
    std::atomic<std::uint64_t> late{0}, released{0}, spurious{0};
};

// How a worker touches what its neighbours may touch in the same moment.
//
// A worker that is late by two blocks and more reads an output half that is being written again.
// Its result is thrown away, and so is the tear; but it is a data race, so where such workers are
// allowed, outputs are read and written sample by sample (Torn), and the check is that nothing
// torn is ever heard. Where they are not, plain memory (Plain) lets ThreadSanitizer check that the
// words order it.
enum class Access { Plain, Torn };

template <Access access, typename T>
T get(T& from) {
    if constexpr (access == Access::Torn)
        return std::atomic_ref<T>(from).load(std::memory_order_relaxed);
    else
        return from;
}
template <Access access, typename T>
void set(T& to, T value) {
    if constexpr (access == Access::Torn)
        std::atomic_ref<T>(to).store(value, std::memory_order_relaxed);
    else
        to = value;
}

constexpr std::uint32_t kRecords = 5;
constexpr std::uint32_t kFrames = 48;

struct ThreadChain {
    explicit ThreadChain(const std::string& name)
        : end(name + "-end"),
          size_(geometry.host_size() + geometry.activation_size() +
                kRecords * geometry.record_size()) {
        void* memory =
            mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) fail("cannot map %zu bytes", size_);
        base_ = static_cast<std::byte*>(memory);
        host = {base_, geometry};
        activation = {base_ + geometry.host_size(), geometry};
        std::byte* output = base_ + geometry.host_size() + geometry.activation_size();
        for (std::uint32_t i = 0; i < kRecords; ++i, output += geometry.record_size()) {
            outputs.push_back({output, geometry});
            semaphores.push_back(std::make_unique<Hint>(name + "-" + std::to_string(i)));
        }
    }
    ~ThreadChain() { munmap(base_, size_); }
    ThreadChain(const ThreadChain&) = delete;
    ThreadChain& operator=(const ThreadChain&) = delete;

    std::atomic<ipc::Word>& word(std::uint32_t record) const {
        return activation.record(record).state;
    }

    const ipc::Geometry geometry{kRecords, kFrames, 48000.0};
    ipc::HostView host;
    ipc::ActivationView activation;
    std::vector<ipc::OutputView> outputs;
    std::vector<std::unique_ptr<Hint>> semaphores;
    Hint end;
    std::atomic<bool> dead[kRecords] = {};  // the control thread's word to the host

    // For checking only, and relaxed everywhere: they must not order what they check.
    std::atomic<int> running[kRecords] = {};
    std::atomic<std::uint64_t> finished[kRecords] = {};
    Counts counts;

private:
    std::byte* base_ = nullptr;
    std::size_t size_;
};

// What a slot does to a sample; host and workers must agree on the whole path.
inline float processed(float in, std::uint32_t record, std::uint32_t from_host,
                       std::uint32_t from_neighbour) {
    return 2.0f * in + static_cast<float>(record + 1 + from_host + from_neighbour);
}
inline std::uint32_t event_of(std::uint64_t generation) { return generation % 13; }
inline float sample_of(std::uint64_t generation, std::uint32_t frame) {
    return static_cast<float>((generation * 131 + frame) % 4096);
}

// Where a worker can be told to die.
enum class Doom : int { None, Waking, Claimed, Processed, Finished, HandedOn };

// One worker as a thread. Killing it means that it leaves where it stands and tells nobody.
template <Access access>
class ThreadWorker {
public:
    ThreadWorker(ThreadChain& chain, std::uint32_t record, unsigned seed)
        : chain_(chain), record_(record), dice_(seed), thread_([this] { run(); }) {}
    ~ThreadWorker() { kill(Doom::Waking); }

    std::uint32_t record() const { return record_; }

    // Returns once the worker is gone, as a pidfd would tell.
    void kill(Doom where) {
        if (!thread_.joinable()) return;
        doom_.store(where, std::memory_order_relaxed);
        const std::uint64_t until = ipc::now_ns() + 2'000'000;
        while (!gone_.load(std::memory_order_relaxed) && ipc::now_ns() < until)
            std::this_thread::yield();
        doom_.store(Doom::Waking, std::memory_order_relaxed);  // it does not get there: anywhere
        chain_.semaphores[record_]->post();
        thread_.join();
        chain_.running[record_].store(0, std::memory_order_relaxed);
    }

private:
    bool dies(Doom here) const {
        const Doom doom = doom_.load(std::memory_order_relaxed);
        return doom == here || doom == Doom::Waking;
    }

    void run() {
        chain_.semaphores[record_]->drain();
        dice_.dawdle();
        const ipc::Move ready =
            ipc::apply(chain_.word(record_), [](ipc::Word seen) { return ipc::activate(seen); });
        if (ready.effect != ipc::Effect::Ready) fail("record %u cannot get into service", record_);
        while (!dies(Doom::Waking) && step()) {
        }
        gone_.store(true, std::memory_order_relaxed);
    }

    // One wake; false: it died.
    bool step() {
        chain_.semaphores[record_]->wait();
        if (dies(Doom::Waking)) return false;
        const ipc::Move move =
            ipc::apply(chain_.word(record_), [](ipc::Word seen) { return ipc::claim(seen); });
        if (move.effect != ipc::Effect::Run) {
            const bool released = move.effect == ipc::Effect::Released;
            (released ? chain_.counts.released : chain_.counts.spurious).fetch_add(1);
            return true;
        }
        return process(ipc::generation_of(move.to));
    }

    bool process(std::uint64_t generation) {
        if (chain_.running[record_].fetch_add(1, std::memory_order_relaxed) != 0)
            fail("record %u runs two blocks at once", record_);
        if (dies(Doom::Claimed)) return false;
        const ipc::BlockContext context = chain_.host.context(record_);
        if (context.generation != generation)
            fail("record %u claimed block %lu and found the context of %lu", record_, generation,
                 context.generation);
        transform(context);
        if (dies(Doom::Processed)) return false;
        chain_.finished[record_].store(generation, std::memory_order_relaxed);
        chain_.running[record_].fetch_sub(1, std::memory_order_relaxed);
        const ipc::Move done = ipc::apply(chain_.word(record_), [generation](ipc::Word seen) {
            return ipc::finish(seen, generation);
        });
        if (done.effect != ipc::Effect::Finished) {
            chain_.counts.late.fetch_add(1, std::memory_order_relaxed);
            return true;
        }
        dice_.dawdle();
        if (dies(Doom::Finished)) return false;
        if (context.successor == ipc::kNoRecord) {
            chain_.end.post();
            return true;
        }
        const auto next = static_cast<std::uint32_t>(context.successor);
        const ipc::Move handed = ipc::apply(chain_.word(next), [generation](ipc::Word seen) {
            return ipc::hand_on(seen, generation);
        });
        if (handed.effect != ipc::Effect::Handed) return true;
        dice_.dawdle();
        if (dies(Doom::HandedOn)) return false;
        chain_.semaphores[next]->post();
        return true;
    }

    void transform(const ipc::BlockContext& context) {
        const unsigned half = ipc::half_of(context.generation);
        const ipc::OutputView& own = chain_.outputs[record_];
        float input[kFrames];
        std::uint32_t from_neighbour = 0;
        if (context.input_record == ipc::kNoRecord) {
            for (std::uint32_t i = 0; i < kFrames; ++i)
                input[i] = chain_.host.audio_in(record_, 0)[i];
        } else {
            const auto from = static_cast<std::uint32_t>(context.input_record);
            if (chain_.finished[from].load(std::memory_order_relaxed) < context.generation)
                fail("record %u ran before its predecessor %u", record_, from);
            const ipc::OutputView& neighbour = chain_.outputs[from];
            for (std::uint32_t i = 0; i < kFrames; ++i) {
                if (i == kFrames / 2) dice_.dawdle();
                input[i] = get<access>(neighbour.audio_out(half, 0)[i]);
            }
            from_neighbour = get<access>(neighbour.events_out(half)[0].index);
        }
        const std::uint32_t from_host = chain_.host.events(record_)[0].index;
        dice_.dawdle();
        for (std::uint32_t i = 0; i < kFrames; ++i)
            set<access>(own.audio_out(half, 0)[i],
                        processed(input[i], record_, from_host, from_neighbour));
        set<access>(own.events_out(half)[0].index, from_host + record_);
    }

    ThreadChain& chain_;
    const std::uint32_t record_;
    Dice dice_;
    std::atomic<Doom> doom_{Doom::None};
    std::atomic<bool> gone_{false};
    std::thread thread_;
};

}  // namespace isobooth::tests
