// SPDX-License-Identifier: GPL-3.0-or-later
//
// The single-producer single-consumer ring under its two threads: all items, in order, whole; a
// full ring refuses and an empty one says so.
#include <cstdint>
#include <thread>

#include "ipc/native/ring.hpp"
#include "tests/native/check.hpp"

using isobooth::ipc::Ring;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kItems = 300'000;
#else
constexpr std::uint64_t kItems = 3'000'000;
#endif

// Longer than any word that a machine writes at once, so that a half-written item would show.
struct Item {
    std::uint64_t number = 0;
    std::uint64_t copies[6] = {};

    static Item of(std::uint64_t number) {
        Item item{number, {}};
        for (unsigned i = 0; i < 6; ++i) item.copies[i] = number * (i + 2);
        return item;
    }
    bool whole() const {
        for (unsigned i = 0; i < 6; ++i)
            if (copies[i] != number * (i + 2)) return false;
        return true;
    }
};

void fills_and_empties(std::size_t asked, std::size_t capacity) {
    Ring<Item> ring(asked);
    Item item;
    std::uint64_t pushed = 0, popped = 0;
    // More rounds than places, so that the ring wraps at every offset.
    for (std::size_t round = 0; round < 3 * capacity + 2; ++round) {
        CHECK(ring.size() == 0 && ring.free() == capacity, "asked for %zu places", asked);
        CHECK(!ring.pop(item), "an empty ring of %zu gave an item", capacity);
        for (std::size_t i = 0; i < capacity; ++i)
            CHECK(ring.push(Item::of(pushed++)), "place %zu of %zu was refused", i, capacity);
        CHECK(ring.size() == capacity && ring.free() == 0, "a full ring of %zu", capacity);
        CHECK(!ring.push(Item::of(~0ull)), "a full ring of %zu took an item", capacity);
        for (std::size_t i = 0; i < capacity; ++i) {
            CHECK(ring.pop(item), "item %zu of %zu was not there", i, capacity);
            CHECK(item.number == popped && item.whole(), "got %lu, expected %lu", item.number,
                  popped);
            ++popped;
        }
        // One in, one out: the next round starts at another place.
        CHECK(ring.push(Item::of(pushed++)) && ring.pop(item), "one in, one out");
        CHECK(item.number == popped++, "one in, one out");
    }
}

struct Refusals {
    std::uint64_t full = 0, empty = 0;
};

Refusals passes_all(std::size_t capacity, std::uint64_t items) {
    Ring<Item> ring(capacity);
    Refusals refusals;
    std::thread producer([&] {
        for (std::uint64_t number = 0; number < items;) {
            const std::size_t room = ring.free();
            CHECK(room <= capacity, "%zu free places of %zu", room, capacity);
            // The consumer only ever makes room: what was free stays free.
            for (std::size_t i = 0; i < room && number < items; ++i)
                CHECK(ring.push(Item::of(number++)), "a free place was refused");
            while (number < items && ring.push(Item::of(number))) ++number;
            ++refusals.full;
            std::this_thread::yield();
        }
    });
    Item item;
    for (std::uint64_t number = 0; number < items;) {
        const std::size_t waiting = ring.size();
        CHECK(waiting <= capacity, "%zu items in %zu places", waiting, capacity);
        for (std::size_t i = 0; i < waiting; ++i) {
            CHECK(ring.pop(item), "a waiting item was not there");
            CHECK(item.number == number, "got %lu, expected %lu", item.number, number);
            CHECK(item.whole(), "item %lu is torn", number);
            ++number;
        }
        if (waiting == 0) {
            ++refusals.empty;
            std::this_thread::yield();
        }
    }
    producer.join();
    CHECK(!ring.pop(item), "more came out than went in");
    return refusals;
}

}  // namespace

int main() {
    const std::size_t sizes[][2] = {{0, 1}, {1, 1}, {2, 2}, {3, 4}, {5, 8}, {64, 64}, {65, 128}};
    for (const auto& [asked, capacity] : sizes) fills_and_empties(asked, capacity);

    std::uint64_t full = 0, empty = 0;
    // A ring of one place changes threads at every item, so fewer of them.
    const std::size_t capacities[] = {1, 2, 16, 1024};
    for (const std::size_t capacity : capacities) {
        const Refusals refusals = passes_all(capacity, capacity < 16 ? kItems / 10 : kItems);
        full += refusals.full;
        empty += refusals.empty;
    }
    CHECK(full > 0 && empty > 0, "the ring ran full %lu times and empty %lu times", full, empty);
    std::printf("ring_threads: %lu items a ring in order; found full %lu times, empty %lu times\n",
                kItems, full, empty);
    return 0;
}
