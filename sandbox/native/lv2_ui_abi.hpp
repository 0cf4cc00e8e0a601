// SPDX-License-Identifier: GPL-3.0-or-later
//
// The binary interface of LV2's user interfaces (https://lv2plug.in/ns/extensions/ui), the part of
// it that we use: what a library of them exports as lv2ui_descriptor, and what it asks of its host.
// Everything is of the main thread, but for URIDs, which threads of a UI may ask for.
#pragma once

#include <cstdint>

#include "sandbox/native/lv2_abi.hpp"

namespace isobooth::sandbox::lv2 {

using Urid = std::uint32_t;
constexpr std::uint32_t kNoPort = 0xffffffffu;

using Write = void (*)(void* controller, std::uint32_t port, std::uint32_t bytes, Urid protocol,
                       const void* data);
constexpr Urid kFloatProtocol = 0;

struct UiDescriptor {
    const char* uri;
    void* (*instantiate)(const UiDescriptor*, const char* plugin_uri, const char* bundle, Write,
                         void* controller, void** widget, const Feature* const* features);
    void (*cleanup)(void* ui);
    void (*port_event)(void* ui, std::uint32_t port, std::uint32_t bytes, Urid format,
                       const void* data);
    const void* (*extension_data)(const char* uri);
};

using UiDescriptors = const UiDescriptor* (*)(std::uint32_t index);

struct Map {
    void* handle;
    Urid (*map)(void* handle, const char* uri);
};

struct Unmap {
    void* handle;
    const char* (*unmap)(void* handle, Urid urid);
};

struct Resize {  // of the host, and of a UI, whose handle is then its own
    void* handle;
    int (*resize)(void* handle, int width, int height);
};

struct PortMap {
    void* handle;
    std::uint32_t (*port_index)(void* handle, const char* symbol);
};

struct Touch {
    void* handle;
    void (*touch)(void* handle, std::uint32_t port, bool grabbed);
};

struct Idle {  // of a UI; not 0: it has been closed
    int (*idle)(void* ui);
};

struct DataAccess {
    const void* (*extension_data)(const char* uri);  // of the plugin
};

struct Option {
    std::uint32_t context, subject;  // of the instance: 0
    Urid key;
    std::uint32_t bytes;
    Urid type;
    const void* value;
};

constexpr const char* kMap = "http://lv2plug.in/ns/ext/urid#map";
constexpr const char* kUnmap = "http://lv2plug.in/ns/ext/urid#unmap";
constexpr const char* kOptions = "http://lv2plug.in/ns/ext/options#options";
constexpr const char* kSampleRate = "http://lv2plug.in/ns/ext/parameters#sampleRate";
constexpr const char* kFloat = "http://lv2plug.in/ns/ext/atom#Float";
constexpr const char* kInstance = "http://lv2plug.in/ns/ext/instance-access";
constexpr const char* kData = "http://lv2plug.in/ns/ext/data-access";
constexpr const char* kParent = "http://lv2plug.in/ns/extensions/ui#parent";
constexpr const char* kResize = "http://lv2plug.in/ns/extensions/ui#resize";
constexpr const char* kPortMap = "http://lv2plug.in/ns/extensions/ui#portMap";
constexpr const char* kTouch = "http://lv2plug.in/ns/extensions/ui#touch";
constexpr const char* kIdle = "http://lv2plug.in/ns/extensions/ui#idleInterface";
constexpr const char* kUpdateRate = "http://lv2plug.in/ns/extensions/ui#updateRate";
constexpr const char* kScaleFactor = "http://lv2plug.in/ns/extensions/ui#scaleFactor";

}  // namespace isobooth::sandbox::lv2
