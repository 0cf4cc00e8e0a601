// SPDX-License-Identifier: GPL-3.0-or-later
//
// A slot's last blocks, as its plugin was given them: what its standby is fed from. A standby is a
// block behind in peace; one that the machine kept waiting, or the worker that was late and has
// become the standby for it, catches up block by block, so that both stay the same.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"

namespace isobooth::host {

struct PastBlock {
    std::uint64_t generation = 0;
    std::uint32_t frames = 0;
    std::uint32_t flags = 0;  // ipc::ContextFlags
    ipc::Transport transport{};
    std::uint32_t event_count = 0;
    std::array<ipc::Event, ipc::kMaxEvents> events{};

    // What does not fit is dropped; returns whether it fitted.
    bool add(const ipc::Event& event) ISB_RT {
        if (event_count == ipc::kMaxEvents) return false;
        events[event_count++] = event;
        return true;
    }
};

class Backlog {
public:
    // 170 ms of blocks of 128 frames at 48 kHz: what a busy machine may keep a worker waiting for.
    // Who is later than that is another instance's equal no more.
    static constexpr std::uint64_t kBlocks = 64;
    static constexpr std::uint32_t kPlanes = 2 * ipc::kBusChannels;  // the input, then the key

    explicit Backlog(std::uint32_t max_frames)
        : max_frames_(max_frames),
          blocks_(kBlocks),
          audio_(static_cast<std::size_t>(kBlocks) * kPlanes * max_frames) {}

    // How many blocks there were so far: the number of the next.
    std::uint64_t count() const ISB_RT { return count_; }
    bool holds(std::uint64_t number) const ISB_RT {
        return number < count_ && count_ - number <= kBlocks;
    }
    PastBlock& block(std::uint64_t number) ISB_RT { return blocks_[number % kBlocks]; }
    float* plane(std::uint64_t number, std::uint32_t which) ISB_RT {
        return audio_.data() + ((number % kBlocks) * kPlanes + which) * max_frames_;
    }
    // The block `count()`, which was filled meanwhile, is one of them now.
    void commit() ISB_RT { ++count_; }

    // The notes that begin in the newest block, which `record` failed in: they may be what it failed
    // of. The other one has them when it turns out that they are not, with the next block that
    // `record` delivers; or never, for a note that begins late is worse than none.
    void withhold_notes(std::int32_t record) ISB_RT {
        PastBlock& newest = block(count_ - 1);
        std::uint32_t kept = 0;
        withheld_from_ = record;
        for (std::uint32_t i = 0; i < newest.event_count; ++i) {
            const ipc::Event& event = newest.events[i];
            const bool begins = event.kind == ipc::EventKind::Midi &&
                                (event.midi[0] & 0xf0) == 0x90 && event.midi[2] > 0;
            if (!begins)
                newest.events[kept++] = event;
            else if (withheld_count_ < withheld_.size())
                withheld_[withheld_count_++] = event;
        }
        newest.event_count = kept;
    }
    std::int32_t withheld_from() const ISB_RT { return withheld_from_; }
    // `use(event)` for each of them; they are withheld no longer.
    template <typename Use>
    void release_notes(Use use) ISB_RT {
        for (std::uint32_t i = 0; i < withheld_count_; ++i) use(withheld_[i]);
        withheld_count_ = 0;
    }

private:
    std::uint32_t max_frames_;
    std::uint64_t count_ = 0;
    std::vector<PastBlock> blocks_;
    std::vector<float> audio_;
    std::array<ipc::Event, ipc::kMaxEvents> withheld_{};
    std::uint32_t withheld_count_ = 0;
    std::int32_t withheld_from_ = ipc::kNoRecord;
};

}  // namespace isobooth::host
