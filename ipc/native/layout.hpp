// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every struct that two processes share, declared once.
//
// A chain (a track's row of plugin slots) owns these files, one per writer, because rights on
// single pages of one file cannot be enforced against whoever holds the file open for writing:
//
//   file              written by               content
//   chain host        host                     SegmentHeader, then per record: BlockContext,
//                                              events in, audio in, side-chain in
//   chain activation  host and chain's workers SegmentHeader, then per record: Activation
//   record output     that record's worker     SegmentHeader, Report, events out, audio out,
//                                              the last two in two halves by generation parity
//
// All audio is planar float32, kBusChannels planes of max_frames each. Times are CLOCK_MONOTONIC
// nanoseconds. What a worker can write is hostile to the host: it reads each field once,
// atomically, and bounds it before use.
//
// Version history
//   1  first layout
//   2  blocks beside the relay (kContextAside)
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace isobooth::ipc {

constexpr std::uint64_t kMagic = 0x48544F4F424F5349;  // "ISOBOOTH" in memory
constexpr std::uint32_t kLayoutVersion = 2;

constexpr std::uint32_t kBusChannels = 2;  // the bus between slots is always stereo
constexpr std::uint32_t kMaxRecords = 64;  // records a chain may be created with
constexpr std::uint32_t kMinFrames = 1;
constexpr std::uint32_t kMaxFrames = 8192;  // the largest engine block
constexpr std::uint32_t kMaxEvents = 512;   // events for one record in one block
// A plugin's word for its latency is bounded wherever it is read, frames: half a minute at 768 kHz.
// More is a mistake. What a mix is really delayed by has a bound of its own, in the host.
constexpr std::int64_t kMaxReportedLatency = 1 << 24;
constexpr std::size_t kCacheLine = 64;

enum class SegmentKind : std::uint32_t { ChainHost = 1, ChainActivation = 2, RecordOutput = 3 };

struct SegmentHeader {
    std::uint64_t magic;
    std::uint32_t version;
    SegmentKind kind;
    std::uint64_t total_size;  // bytes
    std::uint32_t records;
    std::uint32_t max_frames;
    std::uint32_t bus_channels;
    std::uint32_t max_events;
    double sample_rate;  // Hz
    std::uint64_t reserved[2];
};
static_assert(sizeof(SegmentHeader) == 64);

enum class EventKind : std::uint16_t { Midi = 1, Parameter = 2, Program = 3 };

// One event at a frame of a block. `value` is normalized 0..1; `edit` numbers a
// parameter edit so that the host learns which edits a worker has applied (0:
// not an edit, e.g. automation).
struct Event {
    std::uint32_t offset;  // frames from the block's start
    EventKind kind;
    std::uint16_t size;  // MIDI: bytes used, 1..3
    std::uint8_t midi[4];
    std::uint32_t index;  // Parameter: parameter index; Program: program index
    float value;
    std::uint32_t reserved;
    std::uint64_t edit;
};
static_assert(sizeof(Event) == 32);

enum TransportFlags : std::uint32_t {
    kTransportPlaying = 1,
    kTransportRecording = 2,
    kTransportLooping = 4,
    kTransportJumped = 8,  // the position is not where the previous block ended
};

struct Transport {
    double tempo_bpm;
    std::int32_t numerator;
    std::int32_t denominator;
    std::int64_t position_frames;
    double position_beats;  // quarter notes
    std::int64_t loop_start_frames;
    std::int64_t loop_end_frames;
    std::uint32_t flags;
    std::uint32_t reserved;
};
static_assert(sizeof(Transport) == 56);

constexpr std::int32_t kNoRecord = -1;

enum ContextFlags : std::uint32_t {
    kContextSidechain = 1,  // the side-chain planes hold this block's key signal
    kContextAside = 2,      // a standby's: nobody waits for it, nobody is woken behind it
};

// What a record's worker must do in one block. Written by the host while the
// record is idle or finished, copied by the worker when it claims the block.
struct BlockContext {
    std::uint64_t generation;
    std::uint32_t frames;
    std::int32_t input_record;  // whose output is the input; kNoRecord: this
                                // record's audio in
    std::int32_t midi_record;   // whose events out join the events in; kNoRecord: none
    std::int32_t successor;     // who runs next; kNoRecord: post the chain's end
    std::uint32_t event_count;
    std::uint32_t flags;  // ContextFlags
    Transport transport;
    std::uint8_t padding[40];
};
static_assert(sizeof(BlockContext) == 128);

// The relay's word of one record (see relay.hpp) and when it moved. Workers
// write here: hostile.
struct alignas(kCacheLine) Activation {
    std::atomic<std::uint64_t> state;
    std::atomic<std::uint64_t> triggered_ns;  // by whoever posted it
    std::atomic<std::uint64_t> claimed_ns;    // by its worker
    std::atomic<std::uint64_t> finished_ns;   // by its worker
};
static_assert(sizeof(Activation) == 64);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// What a worker says of itself. Hostile to the host.
struct alignas(kCacheLine) Report {
    std::atomic<std::uint64_t> generation;    // last one processed
    std::atomic<std::uint64_t> blocks;        // processed since the worker started
    std::atomic<std::uint64_t> process_ns;    // the plugin's own time in the last block
    std::atomic<std::uint64_t> applied_edit;  // highest edit number handed to the plugin
    std::atomic<std::int64_t> latency_frames;
    std::atomic<double> tail_s;
    std::atomic<std::uint64_t> repaired_inputs;  // samples of its input it had to repair
    std::atomic<std::uint32_t> events_out[2];    // events in each half
    std::uint8_t padding[64];
};
static_assert(sizeof(Report) == 128);

constexpr std::size_t align_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

// Sizes and offsets of a chain's files: the only place that knows where
// anything lies.
struct Geometry {
    std::uint32_t records = 24;
    std::uint32_t max_frames = 128;
    double sample_rate = 48000.0;

    constexpr bool valid() const {
        return records >= 1 && records <= kMaxRecords && max_frames >= kMinFrames &&
               max_frames <= kMaxFrames && sample_rate >= 8000.0 && sample_rate <= 768000.0;
    }
    constexpr std::size_t plane_bytes() const {
        return align_up(max_frames * sizeof(float), kCacheLine);
    }
    constexpr std::size_t bus_bytes() const { return kBusChannels * plane_bytes(); }

    // chain host
    constexpr std::size_t context_stride() const {
        return sizeof(BlockContext) + kMaxEvents * sizeof(Event) + 2 * bus_bytes();
    }
    constexpr std::size_t context_offset(std::uint32_t record) const {
        return sizeof(SegmentHeader) + record * context_stride();
    }
    constexpr std::size_t host_size() const { return context_offset(records); }

    // chain activation
    constexpr std::size_t activation_offset(std::uint32_t record) const {
        return sizeof(SegmentHeader) + record * sizeof(Activation);
    }
    constexpr std::size_t activation_size() const { return activation_offset(records); }

    // record output
    constexpr std::size_t report_offset() const { return sizeof(SegmentHeader); }
    constexpr std::size_t events_out_offset(unsigned half) const {
        return report_offset() + sizeof(Report) + half * kMaxEvents * sizeof(Event);
    }
    constexpr std::size_t audio_out_offset(unsigned half) const {
        return events_out_offset(2) + half * bus_bytes();
    }
    constexpr std::size_t record_size() const { return audio_out_offset(2); }

    constexpr std::size_t size_of(SegmentKind kind) const {
        switch (kind) {
            case SegmentKind::ChainHost:
                return host_size();
            case SegmentKind::ChainActivation:
                return activation_size();
            case SegmentKind::RecordOutput:
                return record_size();
        }
        return 0;
    }
};

// Typed views of mapped files. They check nothing: Mapping (mapping.hpp)
// checked the header and the size when the file was attached, and records are
// bounded by whoever computes the index.
struct HostView {
    std::byte* base = nullptr;
    Geometry geometry;

    BlockContext& context(std::uint32_t record) const {
        return *reinterpret_cast<BlockContext*>(base + geometry.context_offset(record));
    }
    Event* events(std::uint32_t record) const {
        return reinterpret_cast<Event*>(base + geometry.context_offset(record) +
                                        sizeof(BlockContext));
    }
    float* audio_in(std::uint32_t record, std::uint32_t channel) const {
        return reinterpret_cast<float*>(base + geometry.context_offset(record) +
                                        sizeof(BlockContext) + kMaxEvents * sizeof(Event) +
                                        channel * geometry.plane_bytes());
    }
    float* sidechain(std::uint32_t record, std::uint32_t channel) const {
        return audio_in(record, kBusChannels + channel);
    }
};

struct ActivationView {
    std::byte* base = nullptr;
    Geometry geometry;

    Activation& record(std::uint32_t record) const {
        return *reinterpret_cast<Activation*>(base + geometry.activation_offset(record));
    }
};

struct OutputView {
    std::byte* base = nullptr;
    Geometry geometry;

    Report& report() const { return *reinterpret_cast<Report*>(base + geometry.report_offset()); }
    Event* events_out(unsigned half) const {
        return reinterpret_cast<Event*>(base + geometry.events_out_offset(half));
    }
    float* audio_out(unsigned half, std::uint32_t channel) const {
        return reinterpret_cast<float*>(base + geometry.audio_out_offset(half) +
                                        channel * geometry.plane_bytes());
    }
};

// The half of a record's output that generation `generation` is written to.
constexpr unsigned half_of(std::uint64_t generation) { return generation & 1; }

}  // namespace isobooth::ipc
