// SPDX-License-Identifier: GPL-3.0-or-later
//
// The relay as real threads on one mapping: three slots, a host that sometimes runs out of
// patience, a control thread that kills, retires, restarts and replaces workers and reorders the
// plan. Every sample that the host takes must be exactly what the block's path makes of its input.
//
// Run under ThreadSanitizer, which then checks that the words order the audio, the events and the
// contexts; see thread_chain.hpp.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "ipc/native/ring.hpp"
#include "tests/native/thread_chain.hpp"

using namespace isobooth::tests;
using namespace isobooth::ipc;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kBlocks = 10'000;
#else
constexpr std::uint64_t kBlocks = 30'000;
#endif
constexpr std::uint64_t kPatience_ns = 4'000'000;     // the usual deadline
constexpr std::uint64_t kGivenUp_ns = 5'000'000'000;  // a state that must pass has not passed

struct Plan {
    std::uint64_t number = 0;
    std::uint32_t count = 0;
    std::uint32_t records[3] = {};
};

struct Result {
    std::uint64_t finished = 0, missed = 0, skipped = 0, unwoken = 0, overrun = 0, lost = 0,
                  busy = 0;
    std::uint64_t kills = 0, retired_alive = 0, plans = 0;
};

template <Access access>
class Host {
public:
    Host(ThreadChain& chain, Ring<Plan>& plans, unsigned seed)
        : chain_(chain), plans_(plans), dice_(seed) {}

    void run(const Plan& first) {
        plan_ = first;
        for (generation_ = 1; generation_ <= kBlocks; ++generation_) {
            while (plans_.pop(plan_)) {
            }
            plan_in_use.store(plan_.number, std::memory_order_release);
            if (access == Access::Plain) await_stragglers();
            if (dice_.one_in(4)) prewake();
            block();
        }
        done.store(true, std::memory_order_release);
    }

    std::atomic<std::uint64_t> plan_in_use{0};
    std::atomic<bool> done{false};
    Result result;

private:
    // As an engine between two blocks: who rests is woken for nothing.
    void prewake() {
        for (std::uint32_t record = 0; record < kRecords; ++record) {
            const Status status = status_of(chain_.word(record).load(std::memory_order_acquire));
            if (status == Status::Idle || status == Status::Finished)
                chain_.semaphores[record]->post();
        }
    }

    // No worker may be late by more than a block: the halves of an output allow for one.
    void await_stragglers() {
        const std::uint64_t until = now_ns() + kGivenUp_ns;
        for (std::uint32_t record = 0; record < kRecords; ++record)
            for (;;) {
                const Word word = chain_.word(record).load(std::memory_order_acquire);
                if (status_of(word) != Status::Abandoned || generation_of(word) + 2 > generation_)
                    break;
                if (now_ns() > until)
                    fail("record %u was abandoned in block %lu and never came back", record,
                         generation_of(word));
                std::this_thread::yield();
            }
    }

    void block() {
        choose();
        if (path_.empty()) {
            ++result.busy;
            std::this_thread::yield();
            return;
        }
        write_contexts();
        // Whoever finds the last record finished does not wait, and its post stays: without this
        // they would add up from block to block.
        chain_.end.drain();
        for (std::size_t i = path_.size(); i-- > 0;)
            apply(chain_.word(path_[i]),
                  [&](Word seen) { return link(seen, generation_, i == 0); });
        dice_.dawdle();
        chain_.semaphores[path_[0]]->post();
        const bool in_time = wait();
        if (in_time)
            take();
        else
            abandon_path();
    }

    void choose() {
        path_.clear();
        for (std::uint32_t i = 0; i < plan_.count; ++i) {
            const std::uint32_t record = plan_.records[i];
            if (chain_.dead[record].load(std::memory_order_acquire)) continue;
            if (link(chain_.word(record).load(std::memory_order_acquire), generation_, false).any())
                path_.push_back(record);
        }
    }

    void write_contexts() {
        for (std::uint32_t i = 0; i < kFrames; ++i)
            chain_.host.audio_in(path_[0], 0)[i] = sample_of(generation_, i);
        for (std::size_t i = 0; i < path_.size(); ++i) {
            BlockContext& context = chain_.host.context(path_[i]);
            context.generation = generation_;
            context.frames = kFrames;
            context.input_record = i == 0 ? kNoRecord : static_cast<std::int32_t>(path_[i - 1]);
            context.successor =
                i + 1 == path_.size() ? kNoRecord : static_cast<std::int32_t>(path_[i + 1]);
            chain_.host.events(path_[i])[0].index = event_of(generation_);
        }
    }

    bool finished(std::uint32_t record) const {
        return chain_.word(record).load(std::memory_order_acquire) ==
               make_word(Status::Finished, generation_);
    }

    bool wait() {
        const std::uint64_t patience = dice_.one_in(6) ? dice_.below(60'000) : kPatience_ns;
        const std::uint64_t deadline = now_ns() + patience;
        for (;;) {
            if (finished(path_.back())) return true;
            for (const std::uint32_t record : path_)
                if (chain_.dead[record].load(std::memory_order_acquire)) return false;
            if (!chain_.end.wait_until(deadline) && now_ns() >= deadline)
                return finished(path_.back());
        }
    }

    // All that the path's first `count` slots delivered must be right to the last bit.
    void check_outputs(std::size_t count) {
        const unsigned half = half_of(generation_);
        float expected[kFrames];
        for (std::uint32_t i = 0; i < kFrames; ++i) expected[i] = sample_of(generation_, i);
        std::uint32_t events = 0;
        for (std::size_t k = 0; k < count; ++k) {
            const std::uint32_t record = path_[k];
            for (std::uint32_t i = 0; i < kFrames; ++i) {
                expected[i] = processed(expected[i], record, event_of(generation_), events);
                const float found = get<access>(chain_.outputs[record].audio_out(half, 0)[i]);
                if (found != expected[i])
                    fail("block %lu, record %u, frame %u: %g, expected %g", generation_, record, i,
                         static_cast<double>(found), static_cast<double>(expected[i]));
            }
            events = event_of(generation_) + record;
        }
    }

    void take() {
        check_outputs(path_.size());
        ++result.finished;
    }

    void abandon_path() {
        std::size_t delivered = 0;
        bool missing = false;
        for (const std::uint32_t record : path_) {
            const Move move =
                apply(chain_.word(record), [&](Word seen) { return abandon(seen, generation_); });
            if (!missing && finished(record)) {
                ++delivered;
                continue;
            }
            missing = true;
            switch (move.effect) {
                case Effect::Skipped:
                    ++result.skipped;
                    break;
                case Effect::Overrun:
                    ++result.overrun;
                    break;
                case Effect::Unwoken:
                    ++result.unwoken;
                    chain_.semaphores[record]->post();
                    break;
                default:
                    ++result.lost;
            }
        }
        check_outputs(delivered);
        ++result.missed;
    }

    ThreadChain& chain_;
    Ring<Plan>& plans_;
    Dice dice_;
    Plan plan_;
    std::uint64_t generation_ = 0;
    std::vector<std::uint32_t> path_;
};

// The control thread: one incident after the other while the host plays.
template <Access access>
class Control {
public:
    Control(ThreadChain& chain, Ring<Plan>& plans, Host<access>& host, unsigned seed)
        : chain_(chain), plans_(plans), host_(host), dice_(seed) {
        for (std::uint32_t record = 0; record < kRecords; ++record) free_.push_back(record);
        for (int slot = 0; slot < 3; ++slot) start(lease());
        publish();
    }

    Plan plan() const { return plan_; }

    void run() {
        while (!host_.done.load(std::memory_order_acquire)) {
            std::this_thread::sleep_for(std::chrono::microseconds(200 + dice_.below(2000)));
            incident();
        }
        settle();
    }

private:
    using Worker = ThreadWorker<access>;

    std::uint32_t lease() {
        const std::uint32_t record = free_.front();
        free_.erase(free_.begin());
        return record;
    }

    void start(std::uint32_t record) {
        chain_.dead[record].store(false, std::memory_order_release);
        workers_.push_back(std::make_unique<Worker>(chain_, record, dice_.below(1u << 30)));
    }

    void retire_record(std::uint32_t record) {
        chain_.dead[record].store(true, std::memory_order_release);
        apply(chain_.word(record), [](Word seen) { return retire(seen); });
        chain_.end.post();
    }

    void incident() {
        if (dice_.one_in(4)) {  // the slots in another order, or one fewer
            publish();
            return;
        }
        const unsigned slot = dice_.below(3);
        const std::uint32_t record = workers_[slot]->record();
        const auto where = static_cast<Doom>(1 + dice_.below(5));
        // A record retired alive: its worker may read on, unknown to the host.
        const bool alive = access == Access::Torn && dice_.one_in(3);
        if (alive) retire_record(record);
        workers_[slot]->kill(where);
        retire_record(record);
        ++host_.result.kills;
        host_.result.retired_alive += alive;

        const bool same = dice_.one_in(2);
        start(same ? record : lease());
        std::swap(workers_[slot], workers_.back());
        workers_.pop_back();
        if (same) return;
        publish();
        free_.push_back(record);  // reaped, and no plan in use names it
    }

    // Gives the host a new plan and returns when it has taken it.
    void publish() {
        ++plan_.number;
        plan_.count = dice_.one_in(6) ? 2 : 3;
        std::uint32_t order[3] = {0, 1, 2};
        for (unsigned i = 2; i > 0; --i) std::swap(order[i], order[dice_.below(i + 1)]);
        for (std::uint32_t i = 0; i < plan_.count; ++i)
            plan_.records[i] = workers_[order[i]]->record();
        if (plan_.number == 1) return;  // the host starts with it
        ++host_.result.plans;
        if (!plans_.push(plan_)) fail("the ring of plans is full");
        const std::uint64_t until = now_ns() + kGivenUp_ns;
        while (host_.plan_in_use.load(std::memory_order_acquire) < plan_.number &&
               !host_.done.load(std::memory_order_acquire)) {
            if (now_ns() > until) fail("the host does not take its plan");
            std::this_thread::yield();
        }
    }

    // With nobody left to disturb them, all workers must come to rest.
    void settle() {
        const std::uint64_t until = now_ns() + kGivenUp_ns;
        for (const auto& worker : workers_)
            for (;;) {
                const Word word = chain_.word(worker->record()).load(std::memory_order_acquire);
                if (status_of(word) == Status::Idle || status_of(word) == Status::Finished) break;
                if (now_ns() > until)
                    fail("record %u is stuck in status %u of block %lu", worker->record(),
                         static_cast<unsigned>(status_of(word)), generation_of(word));
                std::this_thread::yield();
            }
        workers_.clear();
    }

    ThreadChain& chain_;
    Ring<Plan>& plans_;
    Host<access>& host_;
    Dice dice_;
    Plan plan_;
    std::vector<std::uint32_t> free_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

template <Access access>
void play(const char* name, unsigned seed) {
    const std::uint64_t start = now_ns();
    ThreadChain chain("/isobooth-test-" + std::to_string(getpid()) + "-" + name);
    Ring<Plan> plans(4);
    Host<access> host(chain, plans, seed);
    Control<access> control(chain, plans, host, seed + 1);
    const Plan first = control.plan();
    std::thread control_thread([&] { control.run(); });
    host.run(first);
    control_thread.join();

    const Result& r = host.result;
    std::printf(
        "relay_threads %s: %lu blocks in %.1f s, %lu whole, %lu missed (%lu skipped, %lu unwoken, "
        "%lu overrun, %lu lost), %lu with all slots busy, %lu late, %lu released, %lu spurious "
        "wakes, %lu kills, %lu retired alive, %lu plans\n",
        name, kBlocks, static_cast<double>(now_ns() - start) * 1e-9, r.finished, r.missed,
        r.skipped, r.unwoken, r.overrun, r.lost, r.busy, chain.counts.late.load(),
        chain.counts.released.load(), chain.counts.spurious.load(), r.kills, r.retired_alive,
        r.plans);
    const std::uint64_t least = std::min({r.skipped, r.unwoken, r.overrun, r.lost, r.kills, r.plans,
                                          chain.counts.late.load(), chain.counts.released.load(),
                                          chain.counts.spurious.load()});
    if (least == 0 || r.finished < kBlocks / 4) fail("%s: too little happened", name);
}

}  // namespace

int main() {
    play<Access::Plain>("plain", 1);
    play<Access::Torn>("torn", 2);
    return 0;
}
