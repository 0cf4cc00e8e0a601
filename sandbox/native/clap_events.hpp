// SPDX-License-Identifier: GPL-3.0-or-later
//
// Events between our slots, which speak MIDI and parameters, and a CLAP plugin, whose note ports
// take MIDI, CLAP's own note events, or both. Everything is allocated beforehand; what comes from
// the plugin is bounded and checked.
#pragma once

#include <cstddef>
#include <vector>

#include "ipc/native/layout.hpp"
#include "sandbox/native/clap_abi.hpp"
#include "sandbox/native/clap_edits.hpp"

namespace isobooth::sandbox {

// Where the slot's MIDI goes to: the first note input that understands it.
struct ClapNoteInput {
    bool exists = false;
    std::uint16_t port = 0;
    bool notes_as_clap = false;  // note on and off are CLAP's own events
    bool takes_midi = false;     // all else arrives as MIDI; otherwise as what CLAP has for it
};

ClapNoteInput clap_note_input(const clap::Plugin& plugin, const clap::NotePorts* ports);
bool clap_has_note_output(const clap::Plugin& plugin, const clap::NotePorts* ports);

// The events of one call, in the order they were added, which must be that of their times.
class ClapInputEvents {
public:
    explicit ClapInputEvents(std::size_t capacity);
    ClapInputEvents(const ClapInputEvents&) = delete;
    ClapInputEvents& operator=(const ClapInputEvents&) = delete;

    void clear() noexcept { size_ = 0; }
    // In the order of their times.
    void add_parameter(clap::Id id, void* cookie, double plain, std::uint32_t time = 0) noexcept;
    void add_midi(const ipc::Event& event, const ClapNoteInput& to) noexcept;
    const clap::InputEvents* abi() const noexcept { return &abi_; }

private:
    union Any {
        clap::EventHeader header;
        clap::NoteEvent note;
        clap::NoteExpressionEvent expression;
        clap::ParamValueEvent parameter;
        clap::MidiEvent midi;
    };

    Any* next(std::size_t bytes, clap::EventType type, std::uint32_t time) noexcept;
    void add_raw(const ipc::Event& event, std::uint16_t port) noexcept;
    void add_note(const ipc::Event& event, std::uint16_t port) noexcept;
    void add_expression(const ipc::Event& event, std::uint16_t port) noexcept;

    std::vector<Any> events_;
    std::size_t size_ = 0;
    clap::InputEvents abi_;
};

// What the plugin sends in one call; MIDI is kept, CLAP's notes become MIDI, and values of parameters
// are noted.
class ClapOutputEvents {
public:
    explicit ClapOutputEvents(ClapEdits& edits);
    ClapOutputEvents(const ClapOutputEvents&) = delete;
    ClapOutputEvents& operator=(const ClapOutputEvents&) = delete;

    // Up to `capacity` events go to `to`, at frames below `frames`, in order of time.
    void begin(ipc::Event* to, int capacity, int frames) noexcept;
    int count() const noexcept { return count_; }
    const clap::OutputEvents* abi() const noexcept { return &abi_; }

private:
    bool push(const clap::EventHeader& header) noexcept;
    bool push_note(const clap::NoteEvent& note) noexcept;
    bool push_midi(std::uint32_t time, std::uint8_t status, std::uint8_t first,
                   std::uint8_t second) noexcept;

    ClapEdits& edits_;
    ipc::Event* to_ = nullptr;
    int capacity_ = 0, count_ = 0;
    std::uint32_t last_frame_ = 0, last_time_ = 0;
    clap::OutputEvents abi_;
};

}  // namespace isobooth::sandbox
