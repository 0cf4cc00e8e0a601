// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_host.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace isobooth::sandbox {

namespace {

using namespace clap;

ClapHost& of(const Host* host) { return *static_cast<ClapHost*>(host->data); }

// Standard error goes to the host, where crash reports find it. A pipe that is full costs the
// message, never the time of the audio thread, which may log as well.
void log(const Host*, std::int32_t severity, const char* message) {
    static constexpr const char* kNames[] = {
        "debug", "info", "warning", "error", "fatal error", "the host misbehaves", "it misbehaves"};
    if (!message) return;
    char line[1024];
    const bool known = severity >= 0 && severity < static_cast<std::int32_t>(std::size(kNames));
    const int written = std::snprintf(line, sizeof line - 1, "plugin: %s: %s",
                                      known ? kNames[severity] : "message", message);
    if (written < 0) return;
    const auto length = std::min(static_cast<std::size_t>(written), sizeof line - 2);
    std::replace(line, line + length, '\n', ' ');
    line[length] = '\n';
    pollfd ready{STDERR_FILENO, POLLOUT, 0};
    if (poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT)) [[maybe_unused]]
        const auto sent = write(STDERR_FILENO, line, length + 1);
}

void nothing(const Host*) {}
void nothing_by_flags(const Host*, std::uint32_t) {}

void request_restart(const Host* host) { of(host).restart_wanted.store(true); }

// Latency may change only while the plugin is activated; told at another time, it is taken for the
// wish to be activated anew.
void latency_changed(const Host* host) {
    if (of(host).active.load()) of(host).restart_wanted.store(true);
}

void rescan_parameters(const Host* host, std::uint32_t flags) {
    if (!(flags & kRescanAllParams)) return;  // values, texts and names are not kept here
    of(host).parameters_changed.store(true);
    if (of(host).active.load()) of(host).restart_wanted.store(true);
}

constexpr HostThreadCheck kThreadCheckPart{
    [](const Host* host) { return of(host).on_main_thread(); },
    [](const Host* host) { return of(host).on_audio_thread(); }};
constexpr HostLog kLogPart{log};
constexpr HostParams kParamsPart{rescan_parameters, [](const Host*, Id, std::uint32_t) {},
                                 [](const Host* host) { of(host).flush_wanted.store(true); }};
constexpr HostLatency kLatencyPart{latency_changed};
constexpr HostTail kTailPart{nothing};
constexpr HostState kStatePart{nothing};  // states are saved again and again anyway
constexpr HostAudioPorts kAudioPortsPart{
    // A slot's shape is fixed for its life.
    [](const Host*, std::uint32_t flag) { return flag == kRescanPortNames; }, nothing_by_flags};
constexpr HostNotePorts kNotePortsPart{
    [](const Host*) -> std::uint32_t { return kDialectClap | kDialectMidi; }, nothing_by_flags};

constexpr HostTimerSupport kTimerPart{
    [](const Host* host, std::uint32_t period_ms, Id* id) {
        return of(host).on_main_thread() && of(host).loop.add_timer(period_ms, id);
    },
    [](const Host* host, Id id) {
        return of(host).on_main_thread() && of(host).loop.remove_timer(id);
    }};
constexpr HostDescriptorSupport kDescriptorPart{
    [](const Host* host, int descriptor, std::uint32_t flags) {
        return of(host).on_main_thread() && of(host).loop.add_descriptor(descriptor, flags);
    },
    [](const Host* host, int descriptor, std::uint32_t flags) {
        return of(host).on_main_thread() && of(host).loop.change_descriptor(descriptor, flags);
    },
    [](const Host* host, int descriptor) {
        return of(host).on_main_thread() && of(host).loop.remove_descriptor(descriptor);
    }};
// Its user decides when an editor is seen; how large it is, the plugin, too.
constexpr HostGui kGuiPart{
    nothing,
    [](const Host* host, std::uint32_t width, std::uint32_t height) {
        constexpr std::uint32_t kMostSide = 16384;
        if (width == 0 || height == 0 || width > kMostSide || height > kMostSide) return false;
        of(host).wanted_size.store(std::uint64_t{width} << 32 | height);
        return true;
    },
    [](const Host*) { return false; }, [](const Host*) { return false; }, [](const Host*, bool) {}};

const void* get_extension(const Host*, const char* id) {
    static constexpr struct {
        const char* id;
        const void* part;
    } kParts[] = {{kThreadCheck, &kThreadCheckPart},
                  {kLog, &kLogPart},
                  {kParams, &kParamsPart},
                  {kLatency, &kLatencyPart},
                  {kTail, &kTailPart},
                  {kState, &kStatePart},
                  {kAudioPorts, &kAudioPortsPart},
                  {kNotePorts, &kNotePortsPart},
                  {kTimerSupport, &kTimerPart},
                  {kDescriptorSupport, &kDescriptorPart},
                  {kGui, &kGuiPart}};
    for (const auto& [known, part] : kParts)
        if (id && std::strcmp(id, known) == 0) return part;
    return nullptr;
}

}  // namespace

ClapHost::ClapHost()
    : abi_{{1, 2, 0},
           this,
           "Isobooth",
           "Isobooth",
           "",
           "1",  // plugins work around hosts by name; nothing depends on more
           get_extension,
           request_restart,
           nothing,  // a slot is always processed
           [](const Host* host) { of(host).callback_wanted.store(true); }},
      main_thread_(pthread_self()) {}

}  // namespace isobooth::sandbox
