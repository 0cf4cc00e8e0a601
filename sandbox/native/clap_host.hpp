// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a CLAP plugin sees of its host: whom it may ask which thread this is, tell a line for the
// log, and request to be activated anew, flushed or called back on the main thread.
//
// A plugin may call these from any thread and at any time. They note what is wanted and return;
// ClapProcessor does it on the main thread, when the worker has an idle moment.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "sandbox/native/clap_abi.hpp"
#include "sandbox/native/clap_event_loop.hpp"

namespace isobooth::sandbox {

class ClapHost {
public:
    ClapHost();
    ClapHost(const ClapHost&) = delete;
    ClapHost& operator=(const ClapHost&) = delete;

    const clap::Host& abi() const { return abi_; }

    // While it lives, this thread is the plugin's audio thread, and no other is.
    class AudioThread {
    public:
        explicit AudioThread(ClapHost& host) noexcept : host_(host) {
            host_.audio_thread_.store(pthread_self(), std::memory_order_relaxed);
            host_.has_audio_thread_.store(true, std::memory_order_release);
        }
        ~AudioThread() { host_.has_audio_thread_.store(false, std::memory_order_release); }
        AudioThread(const AudioThread&) = delete;
        AudioThread& operator=(const AudioThread&) = delete;

    private:
        ClapHost& host_;
    };

    bool on_main_thread() const noexcept { return pthread_equal(main_thread_, pthread_self()); }
    bool on_audio_thread() const noexcept {
        return has_audio_thread_.load(std::memory_order_acquire) &&
               pthread_equal(audio_thread_.load(std::memory_order_relaxed), pthread_self());
    }

    // What the plugin has asked for; set from any thread, cleared by whoever does it.
    std::atomic<bool> restart_wanted{false};
    std::atomic<bool> callback_wanted{false};
    std::atomic<bool> flush_wanted{false};
    std::atomic<bool> parameters_changed{false};  // their number or ranges
    // For its editor, which was told that it may: width in the upper half, height; 0: none.
    std::atomic<std::uint64_t> wanted_size{0};

    ClapEventLoop loop;  // of the main thread

    // Set by ClapProcessor on the main thread, around activate() and between deactivate() and it.
    std::atomic<bool> active{false};

private:
    clap::Host abi_;
    pthread_t main_thread_;
    std::atomic<pthread_t> audio_thread_{};
    std::atomic<bool> has_audio_thread_{false};
};

}  // namespace isobooth::sandbox
