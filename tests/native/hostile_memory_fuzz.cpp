// SPDX-License-Identifier: GPL-3.0-or-later
//
// Fills everything that a worker can write with random and adversarial bytes while the host renders
// blocks. Nothing is read or written outside of a file (each is an allocation of its own, so that
// AddressSanitizer sees its borders), what is heard is finite and bounded, and a chain beside the
// hostile one plays the very bits that it should.
//
//   hostile_memory_fuzz [SEED]   ISOBOOTH_FUZZ_SECONDS: how long; a failure names its seed
//
// Workers act inside this thread, between the host's begin() and complete(), so that a seed replays.
// In every other round a thread scribbles at the same time: what the host reads twice may then have
// changed in between. Those rounds do not replay to the bit.
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "host/native/chain.hpp"
#include "ipc/native/mapping.hpp"
#include "ipc/native/repair.hpp"
#include "tests/native/check.hpp"

using namespace isobooth;
using namespace isobooth::host;
using namespace isobooth::ipc;

namespace {

constexpr std::uint32_t kRecords = 5;
constexpr std::uint32_t kSlots = 4;
constexpr std::uint32_t kFrames = 32;
constexpr int kBlocksARound = 300;

// Numbers that stand at some border of what code might do with a number.
constexpr std::uint64_t kBorders[] = {
    0, 1, 2, 255, 256, 511, 512, 513, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
    0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
    // As doubles and pairs of floats: infinities, NaNs, denormals, the largest.
    0x7ff0000000000000, 0xfff8000000000000, 0x7f8000007fc00000, 0x0000000100000001,
    0x7f7fffffff7fffff, 0x4200000042000000};

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    bool one_in(unsigned n) { return engine_() % n == 0; }
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
    std::uint64_t number() {
        switch (below(4)) {
            case 0:
                return kBorders[below(std::size(kBorders))];
            case 1:
                return kBorders[below(std::size(kBorders))] + below(5) - 2;
            case 2:
                return below(1024);
            default:
                return engine_();
        }
    }

private:
    std::mt19937_64 engine_;
};

struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
};

struct File {
    explicit File(std::size_t size_) : size(size_) {
        bytes.reset(static_cast<std::byte*>(std::aligned_alloc(kCacheLine, size)));
        if (!bytes) tests::fail("no memory for a file of %zu bytes", size);
        std::memset(bytes.get(), 0, size);
    }
    std::size_t words() const { return size / sizeof(std::uint64_t); }
    // Word by word and atomic: what another process does is no data race to this one.
    void put(std::size_t word, std::uint64_t value) const {
        auto* to = reinterpret_cast<std::uint64_t*>(bytes.get()) + word;
        std::atomic_ref<std::uint64_t>(*to).store(value, std::memory_order_relaxed);
    }

    std::size_t size;
    std::unique_ptr<std::byte, Free> bytes;
};

// A chain with its files and slots, and the workers' side of it.
class TestChain {
public:
    TestChain(std::uint32_t id, ChainMode mode, const std::string& name, bool sends_midi)
        : mode(mode),
          host_(geometry_.host_size()),
          activation_(geometry_.activation_size()),
          view_{activation_.bytes.get(), geometry_},
          contexts_{host_.bytes.get(), geometry_} {
        write_header(*reinterpret_cast<SegmentHeader*>(activation_.bytes.get()),
                     SegmentKind::ChainActivation, geometry_);
        ChainMemory memory;
        memory.geometry = geometry_;
        memory.host = host_.bytes.get();
        memory.activation = activation_.bytes.get();
        for (std::uint32_t i = 0; i < kRecords; ++i) {
            outputs_.emplace_back(geometry_.record_size());
            memory.outputs.push_back(outputs_.back().bytes.get());
            memory.semaphores.push_back(make_semaphore(name + "-" + std::to_string(i)));
        }
        memory.end_semaphore = make_semaphore(name + "-end");
        end_ = Semaphore(memory.end_semaphore);
        chain = std::make_unique<Chain>(id, memory);
        for (const std::string& made : semaphores_) sem_unlink(made.c_str());
        for (std::uint32_t i = 0; i < kSlots; ++i) {
            slots_.push_back(std::make_unique<PluginSlot>(i, 48000.0, kFrames, 1024));
            slots_[i]->seat().record = static_cast<std::int32_t>(i);
            slots_[i]->produces_midi = sends_midi && i % 2 == 0;
            // Faded in already: a slot that fades ends its segment, and the next is waited for
            // inside complete(), where no worker of this thread can answer.
            slots_[i]->cover.start_wet();
            slots.push_back(slots_[i].get());
            start(i);
        }
    }

    // A new worker for the record, once the old one is reaped.
    void start(std::uint32_t record) {
        chain->retire(record);
        chain->reset(record);
        slots_[record]->seat().is_fresh = true;
        slots_[record]->seat().events.chase();
        apply(word(record), [](Word seen) { return activate(seen); });
    }

    // The record's worker, awake: plays its block if it was posted.
    void work(std::uint32_t record) {
        const Move move = apply(word(record), [](Word seen) { return claim(seen); });
        if (move.effect != Effect::Run) return;
        const std::uint64_t generation = generation_of(move.to);
        const BlockContext context = contexts_.context(record);
        const unsigned half = half_of(generation);
        const OutputView own = output(record);
        for (std::uint32_t side = 0; side < kBusChannels; ++side) {
            const float* from = context.input_record == kNoRecord
                                    ? contexts_.audio_in(record, side)
                                    : output(static_cast<std::uint32_t>(context.input_record))
                                          .audio_out(half, side);
            float* to = own.audio_out(half, side);
            for (std::uint32_t i = 0; i < context.frames; ++i) to[i] = played(from[i], record);
        }
        own.report().generation.store(generation, std::memory_order_relaxed);
        apply(word(record), [&](Word seen) { return finish(seen, generation); });
        if (context.successor == kNoRecord) {
            end_.post();
            return;
        }
        apply(word(static_cast<std::uint32_t>(context.successor)),
              [&](Word seen) { return hand_on(seen, generation); });
    }

    static float played(float in, std::uint32_t record) {
        return 0.5f * in + 0.125f * static_cast<float>(record + 1);
    }

    // One wild deed of a worker of this chain.
    void scribble(Dice& dice) {
        const std::uint32_t record = dice.below(kRecords);
        const OutputView own = output(record);
        switch (dice.below(7)) {
            case 0:  // its word, or a neighbour's: often close to a legal one
                word(record).store(wild_word(dice, record), std::memory_order_release);
                return;
            case 1:  // anything at all in the activation file, the header too
                for (std::uint32_t n = dice.below(40); n > 0; --n)
                    activation_.put(dice.below(static_cast<std::uint32_t>(activation_.words())),
                                    dice.number());
                return;
            case 2:
                for (auto& events : own.report().events_out)
                    events.store(static_cast<std::uint32_t>(dice.number()),
                                 std::memory_order_relaxed);
                scribble_range(dice, record, geometry_.events_out_offset(0),
                               geometry_.audio_out_offset(0));
                return;
            case 3:
                scribble_range(dice, record, geometry_.report_offset(),
                               geometry_.events_out_offset(0));
                return;
            case 4:
                scribble_range(dice, record, geometry_.audio_out_offset(0),
                               geometry_.record_size());
                return;
            case 5:
                scribble_range(dice, record, 0, geometry_.record_size());
                return;
            default:
                for (std::uint32_t n = dice.below(dice.one_in(8) ? 600 : 6); n > 0; --n)
                    end_.post();
        }
    }

    // What another process might do at any moment: words anywhere, and nothing kept in between.
    void scribble_from_outside(Dice& dice) {
        if (dice.one_in(3)) {
            activation_.put(dice.below(static_cast<std::uint32_t>(activation_.words())),
                            dice.number());
            return;
        }
        const File& file = outputs_[dice.below(kRecords)];
        file.put(dice.below(static_cast<std::uint32_t>(file.words())), dice.number());
    }

    std::unique_ptr<Chain> chain;
    std::vector<PluginSlot*> slots;
    const ChainMode mode;

private:
    std::atomic<Word>& word(std::uint32_t record) const { return view_.record(record).state; }
    OutputView output(std::uint32_t record) const {
        return {outputs_[record].bytes.get(), geometry_};
    }

    Word wild_word(Dice& dice, std::uint32_t record) const {
        const Word seen = word(record).load(std::memory_order_relaxed);
        if (dice.one_in(3)) return dice.number();
        const std::uint64_t generation = generation_of(seen) + dice.below(5) - 2;
        return make_word(static_cast<Status>(dice.below(dice.one_in(8) ? 256 : 8)), generation);
    }

    void scribble_range(Dice& dice, std::uint32_t record, std::size_t from, std::size_t to) const {
        const std::size_t first = from / sizeof(std::uint64_t);
        const std::size_t count = (to - from) / sizeof(std::uint64_t);
        const std::uint64_t same = dice.number();
        const bool all = dice.one_in(2);
        for (std::size_t i = 0; i < count; ++i)
            if (all || dice.one_in(8))
                outputs_[record].put(first + i, dice.one_in(2) ? same : dice.number());
    }

    std::string make_semaphore(const std::string& name) {
        sem_t* made = sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, 0);
        if (made == SEM_FAILED) tests::fail("cannot make semaphore %s", name.c_str());
        sem_close(made);
        semaphores_.push_back(name);
        return name;
    }

    const Geometry geometry_{kRecords, kFrames, 48000.0};
    File host_, activation_;
    std::vector<File> outputs_;
    ActivationView view_;
    HostView contexts_;
    Semaphore end_;
    std::vector<std::unique_ptr<PluginSlot>> slots_;
    std::vector<std::string> semaphores_;
};

// A block's input, and MIDI as the host would send it.
struct Input {
    explicit Input(Dice& dice) {
        for (auto& plane : planes)
            for (float& sample : plane)
                sample = static_cast<float>(dice.below(2048)) / 1024.0f - 1.0f;
        const std::uint32_t count = dice.one_in(16) ? kMaxEvents : dice.below(6);
        for (std::uint32_t i = 0; i < count; ++i) {
            Event event{};
            event.offset = dice.below(kFrames);
            event.kind = EventKind::Midi;
            event.size = 3;
            event.midi[0] = static_cast<std::uint8_t>(0x80 + dice.below(0x70));
            event.midi[1] = static_cast<std::uint8_t>(dice.below(128));
            event.midi[2] = static_cast<std::uint8_t>(dice.below(128));
            events.push_back(event);
        }
    }

    float planes[kBusChannels][kFrames];
    std::vector<Event> events;
};

class Round {
public:
    Round(std::uint64_t seed, ChainMode mode, bool sends_midi, bool from_outside)
        : seed_(seed),
          dice_(seed),
          honest_(0, ChainMode::Relayed, name("honest"), false),
          hostile_(1, mode, name("hostile"), sends_midi),
          from_outside_(from_outside) {}

    void play(int blocks) {
        std::atomic<bool> ended = false;
        std::thread other;
        if (from_outside_)
            other = std::thread([this, &ended] {
                Dice dice(seed_ + 1);
                while (!ended.load(std::memory_order_relaxed))
                    for (int i = 0; i < 64; ++i) hostile_.scribble_from_outside(dice);
            });
        for (block_ = 0; block_ < blocks; ++block_) play_block();
        ended.store(true, std::memory_order_relaxed);
        if (other.joinable()) other.join();
    }

private:
    std::string name(const char* what) const {
        return "/isobooth-fuzz-" + std::to_string(getpid()) + "-" + what;
    }

    void play_block() {
        const Input input(dice_);
        begin(honest_, input);
        begin(hostile_, input);
        for (std::uint32_t record = 0; record < kSlots; ++record) {
            honest_.work(record);
            if (!dice_.one_in(12)) hostile_.work(record);
            while (dice_.one_in(3)) hostile_.scribble(dice_);
        }
        time_.deadline_ns = now_ns();
        hostile_.chain->complete();
        check_bounded();
        CHECK(honest_.chain->complete() == 0, "seed %lu, block %d", seed_, block_);
        check_exact(input);
        supervise();
    }

    void begin(TestChain& chain, const Input& input) {
        // Passed already where nobody will answer: such a block is not waited for.
        const auto block = static_cast<std::uint64_t>(block_);
        time_ = {};
        time_.block = time_.first_part = block;
        time_.frames = time_.part_frames = static_cast<int>(kFrames);
        time_.deadline_ns = now_ns();
        if (dice_.one_in(16)) time_.deadline_ns += 20'000;
        const float* planes[kBusChannels] = {input.planes[0], input.planes[1]};
        chain.chain->begin(time_, chain.mode, chain.slots.data(), chain.slots.size(), planes,
                           input.events.data(), static_cast<std::uint32_t>(input.events.size()),
                           nullptr, 0, log_);
    }

    void check_bounded() {
        for (unsigned side = 0; side < kBusChannels; ++side)
            for (std::uint32_t i = 0; i < kFrames; ++i) {
                const float heard = hostile_.chain->output()[side][i];
                CHECK(std::isfinite(heard) && std::fabs(heard) <= kOverLevel,
                      "seed %lu, block %d: frame %u is %g", seed_, block_, i,
                      static_cast<double>(heard));
            }
        for (const PluginSlot* slot : hostile_.slots) {
            const std::int64_t latency = slot->counters.reported_latency.load();
            CHECK(latency >= -1 && latency <= 1 << 24, "seed %lu, block %d: latency %ld", seed_,
                  block_, latency);
        }
    }

    void check_exact(const Input& input) {
        for (unsigned side = 0; side < kBusChannels; ++side)
            for (std::uint32_t i = 0; i < kFrames; ++i) {
                float expected = input.planes[side][i];
                for (std::uint32_t record = 0; record < kSlots; ++record)
                    expected = TestChain::played(expected, record);
                const float heard = honest_.chain->output()[side][i];
                CHECK(std::bit_cast<std::uint32_t>(heard) == std::bit_cast<std::uint32_t>(expected),
                      "seed %lu, block %d: frame %u is %.9g, not %.9g", seed_, block_, i,
                      static_cast<double>(heard), static_cast<double>(expected));
            }
    }

    // What the control thread does about it.
    void supervise() {
        MissEvent miss;
        while (log_.pop(miss)) CHECK(miss.slot < kSlots, "seed %lu, block %d", seed_, block_);
        for (std::uint32_t record = 0; record < kSlots; ++record) {
            if (dice_.one_in(10)) hostile_.start(record);
            if (dice_.one_in(40)) hostile_.slots[record]->bypassed ^= true;
            if (dice_.one_in(40)) hostile_.slots[record]->cover.set_latency(dice_.below(1025));
        }
    }

    const std::uint64_t seed_;
    Dice dice_;
    TestChain honest_, hostile_;
    const bool from_outside_;
    BlockTime time_{};
    Chain::MissLog log_{4096};
    int block_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    const char* asked = std::getenv("ISOBOOTH_FUZZ_SECONDS");
    const double seconds = asked ? std::atof(asked) : 3.0;
    const bool replays = count > 1;
    std::uint64_t seed = replays ? std::strtoull(arguments[1], nullptr, 10)
                         : asked ? std::random_device{}()
                                 : 1;
    const std::uint64_t until = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
    constexpr ChainMode kModes[] = {ChainMode::Relayed, ChainMode::Hosted, ChainMode::Pipelined};
    int rounds = 0;
    do {
        for (const ChainMode mode : kModes)
            for (const bool sends_midi : {false, true})
                for (const bool from_outside : {false, true})
                    Round(seed, mode, sends_midi, from_outside).play(kBlocksARound);
        ++seed;
        ++rounds;
    } while (!replays && now_ns() < until);
    std::printf("%d rounds, the last with seed %lu\n", rounds, seed - 1);
    return 0;
}
