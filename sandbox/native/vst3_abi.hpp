// SPDX-License-Identifier: GPL-3.0-or-later
//
// The binary interface of VST 3, the part of it that editors and test rigs need: what a module's
// factory makes, what a plugin asks of its host, what a block is, how a view lies in a window of X11.
// Written from the published interface (https://steinbergmedia.github.io/vst3_doc); its names are ours.
//
// An interface is an object with a table of functions, as the C++ compilers of Linux lay it out:
// the order of the functions is all that counts, and there are no virtual destructors. Everything
// here is of the main thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace isobooth::sandbox::vst3 {

using Result = std::int32_t;
enum : Result {
    kNoInterface = -1,
    kOk = 0,  // also: true
    kFalse = 1,
    kInvalidArgument = 2,
    kNotImplemented = 3,
    kOutOfMemory = 6,
};

using ClassId = std::array<char, 16>;

// Four words, each with its highest byte first.
constexpr ClassId id_of(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    ClassId id{};
    const std::uint32_t words[] = {a, b, c, d};
    for (std::size_t i = 0; i < id.size(); ++i)
        id[i] = static_cast<char>(words[i / 4] >> (24 - 8 * (i % 4)));
    return id;
}

inline bool same(const char* id, const ClassId& known) {
    return std::memcmp(id, known.data(), known.size()) == 0;
}

struct Unknown {
    static constexpr ClassId kId = id_of(0x00000000, 0x00000000, 0xC0000000, 0x00000046);
    virtual Result query(const char* id, void** out) = 0;
    virtual std::uint32_t add_reference() = 0;
    virtual std::uint32_t release() = 0;
    static constexpr std::size_t kQuery = 0;  // its place in the table
};

// -- the module ---------------------------------------------------------------------------------

struct Factory : Unknown {
    virtual Result factory_info(void* info) = 0;
    virtual std::int32_t class_count() = 0;
    virtual Result class_info(std::int32_t index, void* info) = 0;
    virtual Result create(const char* class_id, const char* interface, void** out) = 0;
    static constexpr std::size_t kCreate = 6;  // its place in the table
};

using ModuleEntry = bool (*)(void* module);
using GetFactory = Factory* (*)();

// -- what is exchanged --------------------------------------------------------------------------

struct Stream : Unknown {
    static constexpr ClassId kId = id_of(0xC3BF6EA2, 0x30994752, 0x9B6BF990, 0x1EE33E9B);
    enum Whence : std::int32_t { kFromStart, kFromHere, kFromEnd };
    virtual Result read(void* to, std::int32_t bytes, std::int32_t* done) = 0;
    virtual Result write(void* from, std::int32_t bytes, std::int32_t* done) = 0;
    virtual Result seek(std::int64_t position, std::int32_t whence, std::int64_t* result) = 0;
    virtual Result tell(std::int64_t* position) = 0;
};

struct Attributes : Unknown {
    static constexpr ClassId kId = id_of(0x1E5F0AEB, 0xCC7F4533, 0xA2544011, 0x38AD5EE4);
    virtual Result set_int(const char* name, std::int64_t value) = 0;
    virtual Result get_int(const char* name, std::int64_t& value) = 0;
    virtual Result set_float(const char* name, double value) = 0;
    virtual Result get_float(const char* name, double& value) = 0;
    virtual Result set_string(const char* name, const char16_t* value) = 0;
    virtual Result get_string(const char* name, char16_t* value, std::uint32_t bytes) = 0;
    virtual Result set_binary(const char* name, const void* data, std::uint32_t bytes) = 0;
    virtual Result get_binary(const char* name, const void*& data, std::uint32_t& bytes) = 0;
};

struct Message : Unknown {
    static constexpr ClassId kId = id_of(0x936F033B, 0xC6C047DB, 0xBB0882F8, 0x13C1E613);
    virtual const char* message_id() = 0;
    virtual void set_message_id(const char* id) = 0;
    virtual Attributes* attributes() = 0;
};

struct ConnectionPoint : Unknown {
    static constexpr ClassId kId = id_of(0x70A4156F, 0x6E6E4026, 0x989148BF, 0xAA60D8D1);
    virtual Result connect(ConnectionPoint* other) = 0;
    virtual Result disconnect(ConnectionPoint* other) = 0;
    virtual Result notify(Message* message) = 0;
};

// -- the host -----------------------------------------------------------------------------------

struct HostApplication : Unknown {
    static constexpr ClassId kId = id_of(0x58E595CC, 0xDB2D4969, 0x8B6AAF8C, 0x36A664E5);
    virtual Result name(char16_t* to) = 0;  // room for 128
    virtual Result create(const char* class_id, const char* interface, void** out) = 0;
};

struct ComponentHandler : Unknown {
    static constexpr ClassId kId = id_of(0x93A0BEA3, 0x0BD045DB, 0x8E890B0C, 0xC1E46AC6);
    virtual Result begin_edit(std::uint32_t parameter) = 0;
    virtual Result perform_edit(std::uint32_t parameter, double normalized) = 0;
    virtual Result end_edit(std::uint32_t parameter) = 0;
    virtual Result restart(std::int32_t flags) = 0;
};

// -- the plugin ---------------------------------------------------------------------------------

struct Base : Unknown {
    virtual Result initialize(Unknown* host) = 0;
    virtual Result terminate() = 0;
};

struct Component : Base {
    static constexpr ClassId kId = id_of(0xE831FF31, 0xF2D54301, 0x928EBBEE, 0x25697802);
    virtual Result controller_class(char* id) = 0;
    virtual Result set_io_mode(std::int32_t mode) = 0;
    virtual std::int32_t bus_count(std::int32_t media, std::int32_t direction) = 0;
    virtual Result bus_info(std::int32_t media, std::int32_t direction, std::int32_t index,
                            void* info) = 0;
    virtual Result routing_info(void* in, void* out) = 0;
    virtual Result activate_bus(std::int32_t media, std::int32_t direction, std::int32_t index,
                                std::uint8_t state) = 0;
    virtual Result set_active(std::uint8_t state) = 0;
    virtual Result set_state(Stream* state) = 0;
    virtual Result get_state(Stream* state) = 0;
};

struct Buffers {
    std::int32_t channels;
    std::uint64_t silence;  // a bit for each channel
    float** planes;
};

struct Block {
    std::int32_t mode, sample_size;  // 0: of float
    std::int32_t frames, input_count, output_count;
    Buffers *inputs, *outputs;  // one a bus
    void *changes_in, *changes_out, *events_in, *events_out, *context;
};

struct AudioProcessor : Unknown {
    static constexpr ClassId kId = id_of(0x42043F99, 0xB7DA453C, 0xA569E79D, 0x9AAEC33D);
    static constexpr std::size_t kProcess = 9;  // the place in its table of what takes a Block
};

struct View;

struct Controller : Base {
    static constexpr ClassId kId = id_of(0xDCD7BBE3, 0x7742448D, 0xA874AACC, 0x979C759E);
    virtual Result set_component_state(Stream* state) = 0;
    virtual Result set_state(Stream* state) = 0;
    virtual Result get_state(Stream* state) = 0;
    virtual std::int32_t parameter_count() = 0;
    virtual Result parameter_info(std::int32_t index, void* info) = 0;
    virtual Result text_of(std::uint32_t parameter, double normalized, char16_t* text) = 0;
    virtual Result value_of(std::uint32_t parameter, char16_t* text, double& normalized) = 0;
    virtual double to_plain(std::uint32_t parameter, double normalized) = 0;
    virtual double to_normalized(std::uint32_t parameter, double plain) = 0;
    virtual double value(std::uint32_t parameter) = 0;
    virtual Result set_value(std::uint32_t parameter, double normalized) = 0;
    virtual Result set_handler(ComponentHandler* handler) = 0;
    virtual View* create_view(const char* name) = 0;
};

// -- the view -----------------------------------------------------------------------------------

struct Rectangle {
    std::int32_t left, top, right, bottom;
};

constexpr const char* kEditor = "editor";
constexpr const char* kX11 = "X11EmbedWindowID";

struct Frame : Unknown {
    static constexpr ClassId kId = id_of(0x367FAF01, 0xAFA94693, 0x8D4DA2A0, 0xED0882A3);
    virtual Result resize(View* view, Rectangle* wanted) = 0;
};

struct View : Unknown {
    virtual Result is_supported(const char* platform) = 0;
    virtual Result attached(void* parent, const char* platform) = 0;
    virtual Result removed() = 0;
    virtual Result on_wheel(float distance) = 0;
    virtual Result on_key_down(char16_t key, std::int16_t code, std::int16_t modifiers) = 0;
    virtual Result on_key_up(char16_t key, std::int16_t code, std::int16_t modifiers) = 0;
    virtual Result size(Rectangle* size) = 0;
    virtual Result on_size(Rectangle* size) = 0;
    virtual Result on_focus(std::uint8_t state) = 0;
    virtual Result set_frame(Frame* frame) = 0;
    virtual Result can_resize() = 0;
    virtual Result check_size(Rectangle* wanted) = 0;
};

struct EventHandler : Unknown {
    virtual void on_ready(int descriptor) = 0;
};

struct TimerHandler : Unknown {
    virtual void on_timer() = 0;
};

struct RunLoop : Unknown {
    static constexpr ClassId kId = id_of(0x18C35366, 0x97764F1A, 0x9C5B8385, 0x7A871389);
    virtual Result add_descriptor(EventHandler* handler, int descriptor) = 0;
    virtual Result remove_descriptor(EventHandler* handler) = 0;
    virtual Result add_timer(TimerHandler* handler, std::uint64_t period_ms) = 0;
    virtual Result remove_timer(TimerHandler* handler) = 0;
};

}  // namespace isobooth::sandbox::vst3
