// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_events.hpp"

#include <algorithm>
#include <cmath>

#include "sandbox/native/block_splitter.hpp"

namespace isobooth::sandbox {

using namespace clap;

namespace {

constexpr std::uint32_t kMaxNotePorts = 64;
constexpr double kBendSemitones = 2.0;  // what a keyboard's wheel means unless it is told otherwise

constexpr std::int16_t kAny = -1;
constexpr std::uint8_t kAllSoundOff = 120, kAllNotesOff = 123;

template <class Visit>
void for_each_port(const Plugin& plugin, const NotePorts* ports, bool is_input, Visit&& visit) {
    if (!ports || !ports->count || !ports->get) return;
    const std::uint32_t count = std::min(ports->count(&plugin, is_input), kMaxNotePorts);
    for (std::uint32_t index = 0; index < count; ++index) {
        NotePortInfo info{};
        if (ports->get(&plugin, index, is_input, &info)) visit(index, info);
    }
}

}  // namespace

ClapNoteInput clap_note_input(const Plugin& plugin, const NotePorts* ports) {
    ClapNoteInput found;
    for_each_port(plugin, ports, true, [&](std::uint32_t index, const NotePortInfo& info) {
        const bool takes_clap = info.supported_dialects & kDialectClap;
        const bool takes_midi = info.supported_dialects & (kDialectMidi | kDialectMpe);
        if (found.exists || (!takes_clap && !takes_midi)) return;
        found.exists = true;
        found.port = static_cast<std::uint16_t>(index);
        found.takes_midi = takes_midi;
        found.notes_as_clap = takes_clap && (!takes_midi || info.preferred_dialect == kDialectClap);
    });
    return found;
}

bool clap_has_note_output(const Plugin& plugin, const NotePorts* ports) {
    bool found = false;
    for_each_port(plugin, ports, false, [&](std::uint32_t, const NotePortInfo& info) {
        if (info.supported_dialects & (kDialectClap | kDialectMidi | kDialectMpe)) found = true;
    });
    return found;
}

// -- to the plugin ------------------------------------------------------------------------------

ClapInputEvents::ClapInputEvents(std::size_t capacity)
    : events_(capacity),
      abi_{this,
           [](const InputEvents* list) {
               return static_cast<std::uint32_t>(
                   static_cast<ClapInputEvents*>(list->context)->size_);
           },
           [](const InputEvents* list, std::uint32_t index) -> const EventHeader* {
               const auto& self = *static_cast<ClapInputEvents*>(list->context);
               return index < self.size_ ? &self.events_[index].header : nullptr;
           }} {}

ClapInputEvents::Any* ClapInputEvents::next(std::size_t bytes, EventType type,
                                            std::uint32_t time) noexcept {
    if (size_ == events_.size()) return nullptr;
    Any& event = events_[size_++];
    event = {};
    event.header = {static_cast<std::uint32_t>(bytes), time, kCoreSpace, type, 0};
    return &event;
}

void ClapInputEvents::add_parameter(Id id, void* cookie, double plain,
                                    std::uint32_t time) noexcept {
    if (Any* any = next(sizeof(ParamValueEvent), kParamValue, time))
        any->parameter = {any->header, id, cookie, kAny, kAny, kAny, kAny, plain};
}

void ClapInputEvents::add_midi(const ipc::Event& event, const ClapNoteInput& to) noexcept {
    if (!to.exists) return;
    const std::uint8_t kind = event.midi[0] & 0xf0;
    if (to.notes_as_clap && (kind == 0x80 || kind == 0x90))
        add_note(event, to.port);
    else if (to.takes_midi)
        add_raw(event, to.port);
    else
        add_expression(event, to.port);
}

void ClapInputEvents::add_raw(const ipc::Event& event, std::uint16_t port) noexcept {
    if (Any* any = next(sizeof(MidiEvent), kMidi, event.offset))
        any->midi = {any->header,
                     port,
                     {event.midi[0], event.size > 1 ? event.midi[1] : std::uint8_t{0},
                      event.size > 2 ? event.midi[2] : std::uint8_t{0}}};
}

void ClapInputEvents::add_note(const ipc::Event& event, std::uint16_t port) noexcept {
    // A MIDI note on without velocity is a note off; in CLAP it would be a silent note.
    const std::uint8_t velocity = event.midi[2] & 0x7f;
    const EventType type = (event.midi[0] & 0xf0) == 0x90 && velocity > 0 ? kNoteOn : kNoteOff;
    if (Any* any = next(sizeof(NoteEvent), type, event.offset))
        any->note = {any->header,
                     kAny,
                     static_cast<std::int16_t>(port),
                     static_cast<std::int16_t>(event.midi[0] & 0x0f),
                     static_cast<std::int16_t>(event.midi[1] & 0x7f),
                     velocity / 127.0};
}

// The messages that mean something in CLAP's own words; a controller does not.
void ClapInputEvents::add_expression(const ipc::Event& event, std::uint16_t port) noexcept {
    const auto channel = static_cast<std::int16_t>(event.midi[0] & 0x0f);
    const int first = event.midi[1] & 0x7f, second = event.midi[2] & 0x7f;
    const auto express = [&](Expression what, int key, double value) {
        if (Any* any = next(sizeof(NoteExpressionEvent), kNoteExpression, event.offset))
            any->expression = {any->header, what,
                               kAny,        static_cast<std::int16_t>(port),
                               channel,     static_cast<std::int16_t>(key),
                               value};
    };
    switch (event.midi[0] & 0xf0) {
        case 0xa0:
            return express(kPressure, first, second / 127.0);
        case 0xd0:
            return express(kPressure, kAny, first / 127.0);
        case 0xe0:
            return express(kTuning, kAny, kBendSemitones * (second * 128 + first - 8192) / 8192.0);
        case 0xb0:
            if (first != kAllSoundOff && first != kAllNotesOff) return;
            if (Any* any = next(sizeof(NoteEvent), first == kAllSoundOff ? kNoteChoke : kNoteOff,
                                event.offset))
                any->note = {any->header, kAny, static_cast<std::int16_t>(port),
                             channel,     kAny, 0.0};
    }
}

// -- from the plugin ----------------------------------------------------------------------------

ClapOutputEvents::ClapOutputEvents(ClapEdits& edits)
    : edits_(edits), abi_{this, [](const OutputEvents* list, const EventHeader* header) {
                              return header &&
                                     static_cast<ClapOutputEvents*>(list->context)->push(*header);
                          }} {}

void ClapOutputEvents::begin(ipc::Event* to, int capacity, int frames) noexcept {
    to_ = to;
    capacity_ = std::max(0, capacity);
    count_ = 0;
    last_frame_ = static_cast<std::uint32_t>(std::max(1, frames) - 1);
    last_time_ = 0;
}

// What is neither MIDI nor a parameter (the end of a note) is taken and dropped.
bool ClapOutputEvents::push(const EventHeader& header) noexcept {
    if (header.space != kCoreSpace) return true;
    switch (header.type) {
        case kNoteOn:
        case kNoteOff:
        case kNoteChoke:
            return header.size >= sizeof(NoteEvent) &&
                   push_note(reinterpret_cast<const NoteEvent&>(header));
        case kMidi: {
            if (header.size < sizeof(MidiEvent)) return false;
            const auto& midi = reinterpret_cast<const MidiEvent&>(header);
            return push_midi(header.time, midi.data[0], midi.data[1], midi.data[2]);
        }
        case kParamValue: {
            if (header.size < sizeof(ParamValueEvent)) return false;
            const auto& changed = reinterpret_cast<const ParamValueEvent&>(header);
            edits_.note(changed.param, changed.value);
            return true;
        }
        default:
            return true;
    }
}

bool ClapOutputEvents::push_note(const NoteEvent& note) noexcept {
    const auto channel = static_cast<std::uint8_t>(std::clamp<int>(note.channel, 0, 15));
    if (note.key < 0) {  // every note, which is for the ends of notes only
        if (note.header.type == kNoteOn) return false;
        return push_midi(note.header.time, static_cast<std::uint8_t>(0xb0 | channel),
                         note.header.type == kNoteChoke ? kAllSoundOff : kAllNotesOff, 0);
    }
    const bool on = note.header.type == kNoteOn;
    const double wanted = std::isfinite(note.velocity) ? note.velocity : 0.0;
    const int velocity = static_cast<int>(std::lround(127.0 * std::clamp(wanted, 0.0, 1.0)));
    return push_midi(note.header.time, static_cast<std::uint8_t>((on ? 0x90 : 0x80) | channel),
                     static_cast<std::uint8_t>(std::min<int>(note.key, 127)),
                     static_cast<std::uint8_t>(on ? std::max(1, velocity) : velocity));
}

bool ClapOutputEvents::push_midi(std::uint32_t time, std::uint8_t status, std::uint8_t first,
                                 std::uint8_t second) noexcept {
    const int size = midi_message_size(status);
    if (size == 0 || count_ == capacity_) return false;
    last_time_ = std::max(last_time_, std::min(time, last_frame_));
    ipc::Event event{};
    event.offset = last_time_;
    event.kind = ipc::EventKind::Midi;
    event.size = static_cast<std::uint16_t>(size);
    event.midi[0] = status;
    event.midi[1] = size > 1 ? first & 0x7f : 0;
    event.midi[2] = size > 2 ? second & 0x7f : 0;
    to_[count_++] = event;
    return true;
}

}  // namespace isobooth::sandbox
