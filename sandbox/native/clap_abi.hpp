// SPDX-License-Identifier: GPL-3.0-or-later
//
// The binary interface of CLAP 1.x (https://github.com/free-audio/clap), the part of it that we
// use: what a plugin file exports as clap_entry, what it asks of its host, what they exchange.
//
// Which thread may call what is part of the interface. "Main" is the thread that created the
// plugin; "audio" is whichever single thread the host says it is, for as long as it says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isobooth::sandbox::clap {

constexpr std::size_t kNameSize = 256;
constexpr std::size_t kPathSize = 1024;

using Id = std::uint32_t;
constexpr Id kInvalidId = 0xffffffffu;

struct Version {
    std::uint32_t major, minor, revision;
};

// -- events -------------------------------------------------------------------------------------

struct EventHeader {
    std::uint32_t size;  // bytes, this header included
    std::uint32_t time;  // frames from the block's start
    std::uint16_t space;
    std::uint16_t type;
    std::uint32_t flags;
};

constexpr std::uint16_t kCoreSpace = 0;

enum EventType : std::uint16_t {
    kNoteOn = 0,
    kNoteOff = 1,
    kNoteChoke = 2,
    kNoteEnd = 3,
    kNoteExpression = 4,
    kParamValue = 5,
    kTransport = 9,
    kMidi = 10,
};

struct NoteEvent {
    EventHeader header;
    std::int32_t note_id;  // here and below, -1 stands for any
    std::int16_t port, channel, key;
    double velocity;  // 0..1
};

enum Expression : std::int32_t { kTuning = 2, kPressure = 6 };  // semitones; 0..1

struct NoteExpressionEvent {
    EventHeader header;
    std::int32_t expression;
    std::int32_t note_id;
    std::int16_t port, channel, key;
    double value;
};

struct ParamValueEvent {
    EventHeader header;
    Id param;
    void* cookie;
    std::int32_t note_id;
    std::int16_t port, channel, key;
    double value;  // plain
};

struct MidiEvent {
    EventHeader header;
    std::uint16_t port;
    std::uint8_t data[3];
};

enum TransportFlag : std::uint32_t {
    kHasTempo = 1,
    kHasBeats = 2,
    kHasSeconds = 4,
    kHasTimeSignature = 8,
    kIsPlaying = 16,
    kIsRecording = 32,
    kIsLooping = 64,
};

// Beats (quarter notes) and seconds are fixed-point numbers.
using Fixed = std::int64_t;
constexpr double kFixedOne = 2147483648.0;  // 2^31

struct TransportEvent {
    EventHeader header;
    std::uint32_t flags;
    Fixed position_beats, position_seconds;
    double tempo, tempo_increment;  // bpm; bpm a frame
    Fixed loop_start_beats, loop_end_beats, loop_start_seconds, loop_end_seconds;
    Fixed bar_start;
    std::int32_t bar_number;
    std::uint16_t numerator, denominator;
};

struct InputEvents {
    void* context;
    std::uint32_t (*size)(const InputEvents*);
    const EventHeader* (*get)(const InputEvents*, std::uint32_t index);
};

struct OutputEvents {
    void* context;
    bool (*try_push)(const OutputEvents*, const EventHeader*);
};

// -- a block ------------------------------------------------------------------------------------

struct AudioBuffer {
    float** data32;
    double** data64;
    std::uint32_t channel_count;
    std::uint32_t latency;
    std::uint64_t constant_mask;
};

enum ProcessStatus : std::int32_t { kError = 0 };  // anything else: the output counts

struct Process {
    std::int64_t steady_time;
    std::uint32_t frames;
    const TransportEvent* transport;
    const AudioBuffer* audio_inputs;
    AudioBuffer* audio_outputs;
    std::uint32_t audio_inputs_count, audio_outputs_count;
    const InputEvents* in_events;
    const OutputEvents* out_events;
};

// -- the plugin ---------------------------------------------------------------------------------

struct Descriptor {
    Version version;
    const char *id, *name, *vendor, *url, *manual_url, *support_url, *plugin_version, *description;
    const char* const* features;  // ends with nullptr
};

struct Plugin {
    const Descriptor* descriptor;
    void* data;
    bool (*init)(const Plugin*);     // main
    void (*destroy)(const Plugin*);  // main, not active
    bool (*activate)(const Plugin*, double sample_rate, std::uint32_t min_frames,
                     std::uint32_t max_frames);                   // main, not active
    void (*deactivate)(const Plugin*);                            // main, active
    bool (*start_processing)(const Plugin*);                      // audio, active, not processing
    void (*stop_processing)(const Plugin*);                       // audio, processing
    void (*reset)(const Plugin*);                                 // audio, active
    std::int32_t (*process)(const Plugin*, const Process*);       // audio, processing
    const void* (*get_extension)(const Plugin*, const char* id);  // any, from init() on
    void (*on_main_thread)(const Plugin*);                        // main
};

struct Host {
    Version version;
    void* data;
    const char *name, *vendor, *url, *host_version;
    const void* (*get_extension)(const Host*, const char* id);
    void (*request_restart)(const Host*);
    void (*request_process)(const Host*);
    void (*request_callback)(const Host*);
};

constexpr const char* kFactoryId = "clap.plugin-factory";

struct Factory {
    std::uint32_t (*count)(const Factory*);
    const Descriptor* (*descriptor)(const Factory*, std::uint32_t index);
    const Plugin* (*create)(const Factory*, const Host*, const char* id);
};

struct Entry {
    Version version;
    bool (*init)(const char* path);
    void (*deinit)();
    const void* (*get_factory)(const char* id);
};

// -- extensions: the plugin's part without a prefix, the host's as Host… ------------------------

constexpr const char* kAudioPorts = "clap.audio-ports";
enum AudioPortFlag : std::uint32_t { kIsMain = 1 };

struct AudioPortInfo {
    Id id;
    char name[kNameSize];
    std::uint32_t flags;
    std::uint32_t channel_count;
    const char* type;
    Id in_place_pair;
};

struct AudioPorts {  // main, not active
    std::uint32_t (*count)(const Plugin*, bool is_input);
    bool (*get)(const Plugin*, std::uint32_t index, bool is_input, AudioPortInfo*);
};

enum AudioRescan : std::uint32_t { kRescanPortNames = 1 };

struct HostAudioPorts {  // main
    bool (*is_rescan_flag_supported)(const Host*, std::uint32_t flag);
    void (*rescan)(const Host*, std::uint32_t flags);
};

constexpr const char* kNotePorts = "clap.note-ports";
enum Dialect : std::uint32_t { kDialectClap = 1, kDialectMidi = 2, kDialectMpe = 4 };

struct NotePortInfo {
    Id id;
    std::uint32_t supported_dialects, preferred_dialect;
    char name[kNameSize];
};

struct NotePorts {  // main, not active
    std::uint32_t (*count)(const Plugin*, bool is_input);
    bool (*get)(const Plugin*, std::uint32_t index, bool is_input, NotePortInfo*);
};

struct HostNotePorts {  // main
    std::uint32_t (*supported_dialects)(const Host*);
    void (*rescan)(const Host*, std::uint32_t flags);
};

constexpr const char* kParams = "clap.params";
enum ParamFlag : std::uint32_t {
    kIsStepped = 1 << 0,
    kIsHidden = 1 << 2,
    kIsReadOnly = 1 << 3,
    kIsAutomatable = 1 << 5,
};

struct ParamInfo {
    Id id;
    std::uint32_t flags;
    void* cookie;
    char name[kNameSize];
    char module[kPathSize];
    double minimum, maximum, initial;  // plain
};

struct Params {  // main, but for flush
    std::uint32_t (*count)(const Plugin*);
    bool (*get_info)(const Plugin*, std::uint32_t index, ParamInfo*);
    bool (*get_value)(const Plugin*, Id, double* plain);
    bool (*value_to_text)(const Plugin*, Id, double plain, char* text, std::uint32_t capacity);
    bool (*text_to_value)(const Plugin*, Id, const char* text, double* plain);
    void (*flush)(const Plugin*, const InputEvents*, const OutputEvents*);  // audio if active
};

enum ParamRescan : std::uint32_t { kRescanAllParams = 1 << 3 };  // only while not active

struct HostParams {
    void (*rescan)(const Host*, std::uint32_t flags);     // main
    void (*clear)(const Host*, Id, std::uint32_t flags);  // main
    void (*request_flush)(const Host*);                   // any
};

struct InputStream {
    void* context;
    std::int64_t (*read)(const InputStream*, void* to, std::uint64_t bytes);  // 0: end, -1: error
};

struct OutputStream {
    void* context;
    std::int64_t (*write)(const OutputStream*, const void* from, std::uint64_t bytes);
};

constexpr const char* kState = "clap.state";

struct State {  // main
    bool (*save)(const Plugin*, const OutputStream*);
    bool (*load)(const Plugin*, const InputStream*);
};

struct HostState {
    void (*mark_dirty)(const Host*);  // main
};

constexpr const char* kLatency = "clap.latency";

struct Latency {
    std::uint32_t (*get)(const Plugin*);  // main, while active or being activated; frames
};

struct HostLatency {
    void (*changed)(const Host*);  // main, while being activated
};

constexpr const char* kTail = "clap.tail";
constexpr std::uint32_t kEndless = 0x7fffffffu;

struct Tail {
    std::uint32_t (*get)(const Plugin*);  // main or audio; frames, kEndless and more: for ever
};

struct HostTail {
    void (*changed)(const Host*);  // audio
};

constexpr const char* kGui = "clap.gui";
constexpr const char* kX11 = "x11";

struct Window {
    const char* api;
    unsigned long x11;  // of a union, whose other members are pointers
};

struct Gui {  // main
    bool (*is_api_supported)(const Plugin*, const char* api, bool is_floating);
    bool (*get_preferred_api)(const Plugin*, const char** api, bool* is_floating);
    bool (*create)(const Plugin*, const char* api, bool is_floating);
    void (*destroy)(const Plugin*);
    bool (*set_scale)(const Plugin*, double);
    bool (*get_size)(const Plugin*, std::uint32_t* width, std::uint32_t* height);
    bool (*can_resize)(const Plugin*);
    bool (*get_resize_hints)(const Plugin*, void*);
    bool (*adjust_size)(const Plugin*, std::uint32_t* width, std::uint32_t* height);
    bool (*set_size)(const Plugin*, std::uint32_t width, std::uint32_t height);
    bool (*set_parent)(const Plugin*, const Window*);
    bool (*set_transient)(const Plugin*, const Window*);
    void (*suggest_title)(const Plugin*, const char*);
    bool (*show)(const Plugin*);
    bool (*hide)(const Plugin*);
};

struct HostGui {  // any thread but for closed
    void (*resize_hints_changed)(const Host*);
    bool (*request_resize)(const Host*, std::uint32_t width, std::uint32_t height);
    bool (*request_show)(const Host*);
    bool (*request_hide)(const Host*);
    void (*closed)(const Host*, bool was_destroyed);
};

constexpr const char* kTimerSupport = "clap.timer-support";

struct TimerSupport {
    void (*on_timer)(const Plugin*, Id);  // main
};

struct HostTimerSupport {  // main
    bool (*register_timer)(const Host*, std::uint32_t period_ms, Id*);
    bool (*unregister_timer)(const Host*, Id);
};

constexpr const char* kDescriptorSupport = "clap.posix-fd-support";
constexpr std::uint32_t kReadable = 1, kWritable = 2, kBroken = 4;

struct DescriptorSupport {
    void (*on_descriptor)(const Plugin*, int, std::uint32_t flags);  // main
};

struct HostDescriptorSupport {  // main
    bool (*register_descriptor)(const Host*, int, std::uint32_t flags);
    bool (*modify_descriptor)(const Host*, int, std::uint32_t flags);
    bool (*unregister_descriptor)(const Host*, int);
};

constexpr const char* kRender = "clap.render";
enum RenderMode : std::int32_t { kRealtime = 0, kOffline = 1 };

struct Render {  // main
    bool (*has_hard_realtime_requirement)(const Plugin*);
    bool (*set)(const Plugin*, std::int32_t mode);
};

constexpr const char* kThreadCheck = "clap.thread-check";

struct HostThreadCheck {  // any
    bool (*is_main_thread)(const Host*);
    bool (*is_audio_thread)(const Host*);
};

constexpr const char* kLog = "clap.log";

struct HostLog {
    void (*log)(const Host*, std::int32_t severity, const char* message);  // any
};

}  // namespace isobooth::sandbox::clap
