// SPDX-License-Identifier: GPL-3.0-or-later
//
// Standbys: what a slot is given is kept (backlog.hpp) and given to its second worker too, behind the
// block, beside the relay: nobody waits for it and nobody hears it. So it is where the first one is,
// a block later, and plays the next block when that one does not (Chain::linkable).
#include <algorithm>

#include "host/native/chain.hpp"

namespace isobooth::host {

using namespace ipc;

// Has it had all that its slot was given, and may it be linked?
bool Chain::is_up_to_date(const PluginSlot& slot, const Seat& seat) const ISB_RT {
    if (!seat.is_taken() || seat.lacks_block) return false;
    if (slot.backlog && seat.given != slot.backlog->count()) return false;
    return relay_.is_free(static_cast<std::uint32_t>(seat.record));
}

const KeySignal* Chain::key_of(const PluginSlot& slot) const ISB_RT {
    for (std::size_t k = 0; k < run_.key_count; ++k)
        if (run_.slots[run_.keys[k].slot] == &slot) return &run_.keys[k];
    return nullptr;
}

// Keeps this block for the workers of a slot that have not had it. The signal is the slot's input.
// `linked`: whose turn it was, if anybody's; `failed`: he did not deliver.
void Chain::remember(PluginSlot& slot, std::int32_t midi_record, Seat* linked, bool failed) ISB_RT {
    if (run_.mode == ChainMode::Pipelined || !slot.is_remembered()) return;
    Backlog& backlog = *slot.backlog;
    const std::uint64_t number = backlog.count();
    PastBlock& block = backlog.block(number);
    block.generation = relay_.generation();
    block.frames = static_cast<std::uint32_t>(run_.time->frames);
    block.transport = run_.time->transport;
    block.flags = kContextAside;
    const std::size_t bytes = block.frames * sizeof(float);
    for (unsigned side = 0; side < kBusChannels; ++side)
        std::memcpy(backlog.plane(number, side), signal_.planes()[side], bytes);
    if (const KeySignal* const key = key_of(slot)) {
        block.flags |= kContextSidechain;
        for (unsigned side = 0; side < kBusChannels; ++side)
            std::memcpy(backlog.plane(number, kBusChannels + side), key->planes[side], bytes);
    }
    block.event_count = 0;
    if (linked && !failed && linked->record == backlog.withheld_from())
        backlog.release_notes([&block](Event note) {
            note.offset = 0;
            block.add(note);
        });
    remember_events(slot, block, midi_record, linked);
    backlog.commit();
    if (failed) backlog.withhold_notes(linked->record);
    slot.for_each_worker([&](Seat& seat) {
        if (&seat != linked) seat.had_block = true;
        if (&seat == linked) {
            seat.given = backlog.count();
            seat.lacks_block = !seat.had_block;
        }
        seat.behind.store(backlog.count() - seat.given, std::memory_order_relaxed);
    });
}

// What those who have not had the block are to be told: from their own queues, which hold the same,
// and from the plugin before.
void Chain::remember_events(PluginSlot& slot, PastBlock& block, std::int32_t midi_record,
                            const Seat* linked) ISB_RT {
    const std::uint32_t before = block.event_count;
    slot.for_each_worker([&](Seat& seat) {
        if (&seat == linked) return;
        turn_to_sender(slot, seat, midi_record);
        block.event_count =
            before + seat.events.take(block.events.data() + before, kMaxEvents - before);
    });
    if (!slot.accepts_midi || midi_record < 0) return;
    const OutputView& sender = relay_.output(static_cast<std::uint32_t>(midi_record));
    const unsigned half = half_of(relay_.generation());
    const std::uint32_t sent =
        std::min(sender.report().events_out[half].load(std::memory_order_acquire), kMaxEvents);
    for (std::uint32_t i = 0; i < sent; ++i) {
        Event event = sender.events_out(half)[i];  // from a worker's file: once, then bounded
        if (event.kind != EventKind::Midi) continue;
        event.size = std::min<std::uint16_t>(event.size, 3);
        event.edit = 0;
        block.add(event);
    }
}

// Gives it the oldest block that it has not had. False if it is not free for that.
bool Chain::feed(PluginSlot& slot, Seat& seat) ISB_RT {
    if (!slot.is_behind(seat)) return true;
    Backlog& backlog = *slot.backlog;
    if (!backlog.holds(seat.given)) {
        seat.out_of_step.store(true, std::memory_order_relaxed);
        return true;
    }
    const PastBlock& block = backlog.block(seat.given);
    const auto record = static_cast<std::uint32_t>(seat.record);
    if (!relay_.is_free(record, block.generation)) return false;
    const HostView& host = relay_.host();
    for (unsigned side = 0; side < kBusChannels; ++side) {
        const std::size_t bytes = block.frames * sizeof(float);
        std::memcpy(host.audio_in(record, side), backlog.plane(seat.given, side), bytes);
        if (block.flags & kContextSidechain)
            std::memcpy(host.sidechain(record, side),
                        backlog.plane(seat.given, kBusChannels + side), bytes);
    }
    std::memcpy(host.events(record), block.events.data(), block.event_count * sizeof(Event));
    BlockContext& context = host.context(record);
    context.generation = block.generation;
    context.frames = block.frames;
    context.input_record = context.midi_record = context.successor = kNoRecord;
    context.event_count = block.event_count;
    context.flags = block.flags;
    context.transport = block.transport;
    if (seat.jumped) context.transport.flags |= kTransportJumped;
    seat.jumped = false;
    seat.lacks_block = false;  // too late for that one
    seat.recent.note(block.generation, block.events.data(), block.event_count);
    seat.came_back();
    ++seat.given;
    seat.behind.store(backlog.count() - seat.given, std::memory_order_relaxed);
    relay_.start_aside(record, block.generation);
    return true;
}

// The beginning of a block: those who are more than a block behind catch up.
void Chain::catch_up() ISB_RT {
    for (std::size_t i = 0; i < run_.count; ++i)
        run_.slots[i]->for_each_worker([&](Seat& seat) { feed(*run_.slots[i], seat); });
}

void Chain::feed_standbys() ISB_RT {
    if (run_.mode == ChainMode::Pipelined) return;
    for (std::size_t i = 0; i < run_.count; ++i) {
        PluginSlot& slot = *run_.slots[i];
        slot.for_each_worker([&](Seat& seat) {
            // Whoever plays is counted where he is missed.
            if (!feed(slot, seat) && &seat != &slot.seat()) seat.is_busy();
        });
    }
}

}  // namespace isobooth::host
