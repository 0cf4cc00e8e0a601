// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/place_table.hpp"

#include <unwind.h>

#include <algorithm>
#include <atomic>

namespace isobooth::sandbox {

namespace {

struct Walk {
    const Innermost& innermost;
    std::uintptr_t* stack;
    std::uint32_t depth = 0;
    int skipped = 0;
};

// Our own frames above the deed, with the kernel's; where it is not among them, it never comes.
constexpr int kMostOwnFrames = 16;

_Unwind_Reason_Code step(_Unwind_Context* context, void* argument) noexcept {
    Walk& walk = *static_cast<Walk*>(argument);
    int interrupted = 0;  // not by a call: the address is that of the instruction itself
    const std::uintptr_t address = _Unwind_GetIPInfo(context, &interrupted);
    if (walk.depth == 0) {
        if (address == walk.innermost.found_as)
            walk.stack[walk.depth++] = walk.innermost.told_as;
        else if (++walk.skipped > kMostOwnFrames)
            return _URC_END_OF_STACK;
        return _URC_NO_REASON;
    }
    if (address == 0) return _URC_END_OF_STACK;
    walk.stack[walk.depth++] = interrupted ? address : address - 1;
    return walk.depth == kPlaceFrames ? _URC_END_OF_STACK : _URC_NO_REASON;
}

std::uint32_t walk_stack(const Innermost& innermost, std::uintptr_t* stack) noexcept {
    Walk walk{innermost, stack};
    _Unwind_Backtrace(&step, &walk);
    if (walk.depth == 0) stack[walk.depth++] = innermost.told_as;  // no call frame information
    return walk.depth;
}

// FNV-1a, a word at a time.
class Hash {
public:
    void add(std::uint64_t word) noexcept { value_ = (value_ ^ word) * 0x100000001b3; }
    // Its low bits are those of the words' low bits alone.
    std::uint64_t value() const noexcept { return value_ ^ (value_ >> 32); }

private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace

PlaceTable::PlaceTable() noexcept {
    std::uintptr_t stack[kPlaceFrames];
    walk_stack({1, 1}, stack);
}

void PlaceTable::count(Deed deed, const char* what, std::int64_t number,
                       const Innermost& innermost) noexcept {
    if (counting_) return;
    counting_ = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::uintptr_t stack[kPlaceFrames];
    const std::uint32_t depth = walk_stack(innermost, stack);
    Hash hash;
    hash.add(static_cast<std::uint64_t>(deed));
    hash.add(reinterpret_cast<std::uintptr_t>(what));
    hash.add(static_cast<std::uint64_t>(number));
    for (std::uint32_t i = 0; i < depth; ++i) hash.add(stack[i]);
    std::size_t slot = hash.value() % kSlots;
    for (; slots_[slot] != 0; slot = (slot + 1) % kSlots) {
        const std::size_t index = slots_[slot] - 1u;
        Place& place = places_[index];
        if (hashes_[index] == hash.value() && place.deed == deed && place.what == what &&
            place.number == number && place.depth == depth &&
            std::equal(stack, stack + depth, place.stack)) {
            ++place.count;
            break;
        }
    }
    if (slots_[slot] == 0) {
        if (size_ == kPlaces) {
            ++lost_;
        } else {
            Place& place = places_[size_];
            place.deed = deed;
            place.depth = depth;
            place.what = what;
            place.number = number;
            place.count = 1;
            std::copy(stack, stack + depth, place.stack);
            hashes_[size_] = hash.value();
            slots_[slot] = static_cast<std::uint16_t>(++size_);
        }
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    counting_ = false;
}

void PlaceTable::clear() noexcept {
    size_ = 0;
    lost_ = 0;
    std::fill(std::begin(slots_), std::end(slots_), std::uint16_t{0});
}

}  // namespace isobooth::sandbox
