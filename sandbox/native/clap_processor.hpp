// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CLAP plugin, straight over its C interface: the audio thread's side of it and, because the
// interface is the same object, what Python (sandbox/backends/clap.py) asks of it on the main
// thread.
//
// CLAP's rules of threads are kept by the gate: what belongs to the audio thread is done by
// whichever thread is inside it, which is the block loop's, or the main thread while it is shut.
// A parameter is sample-accurate because blocks are cut where it changes, as for every format:
// many plugins take all events of a block at its start.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sandbox/native/block_gate.hpp"
#include "sandbox/native/block_splitter.hpp"
#include "sandbox/native/clap_editor.hpp"
#include "sandbox/native/clap_events.hpp"
#include "sandbox/native/clap_file.hpp"
#include "sandbox/native/clap_host.hpp"
#include "sandbox/native/clap_layout.hpp"
#include "sandbox/native/clap_parameter.hpp"

namespace isobooth::sandbox {

struct ClapSettings {
    double sample_rate = 48000.0;
    int max_frames = 512;
    bool sidechain = false;  // feed the side-chain input, if there is one
    bool offline = false;    // tell the plugin that nobody waits
};

class ClapProcessor : public Processor {
public:
    // Creates, initializes and activates the plugin on this thread, which is its main thread from
    // now on. Throws std::runtime_error, one line, if it refuses or no slot can carry it.
    ClapProcessor(std::shared_ptr<const ClapFile> file, const ClapDescriptor& descriptor,
                  const ClapSettings& settings);
    ~ClapProcessor() override;
    ClapProcessor(const ClapProcessor&) = delete;
    ClapProcessor& operator=(const ClapProcessor&) = delete;

    bool process(PluginBlock& block) noexcept override;
    void make_room(int frames) override;
    bool give_whole_blocks(bool whole) override { return whole_blocks_ = whole; }
    int latency_frames() noexcept override { return latency_.load(std::memory_order_relaxed); }

    // The rest is for the main thread, beside processing. All but close() throw std::runtime_error
    // once the plugin is closed.

    const std::vector<ClapParameter>& parameters() const { return parameters_; }
    const ClapLayout& layout() const { return layout_; }
    bool needs_realtime() const { return needs_realtime_; }
    bool has_state() const { return state_ && state_->save && state_->load; }

    // Normalized values. set_value is heard from the next block on; false for a wrong index, for
    // what is no number, and for a parameter that only the plugin changes.
    float value(std::size_t index) const;
    bool set_value(std::size_t index, float normalized);

    // The plugin's words for a value, and the value that it means by a text, if any.
    std::string text_of(std::size_t index, float normalized) const;
    std::optional<float> value_of(std::size_t index, const std::string& text) const;

    // Throw std::runtime_error if the plugin fails. Blocks that meet load() are refused.
    std::string save();
    void load(const std::string& state);

    double tail_s() const;  // may be infinite

    // Does what the plugin has asked for meanwhile. Throws std::runtime_error if it cannot be
    // activated anew, or not in its old shape: every later block is refused then.
    void idle();

    // Its editor, in a window of X11; of the main thread, which must idle() while it is open. Throws
    // std::runtime_error where it has none, or has one open already.
    void open_editor(unsigned long window);
    void resize_editor(EditorSize wanted);
    EditorSize editor_size();  // the plugin changes it, too, while it is open
    void close_editor() noexcept { editor_.reset(); }
    bool has_editor() const;  // for a window of X11
    bool editor_can_resize() const { return editor_ && editor_->can_resize(); }
    // What the plugin has changed by itself since they were last taken: place and normalized value.
    std::vector<std::pair<std::size_t, float>> take_edits();

    // Repeatable. Every later block is refused.
    void close() noexcept;

private:
    struct Destroy {
        void operator()(const clap::Plugin* plugin) const noexcept { plugin->destroy(plugin); }
    };
    class Pause;

    template <class T>
    const T* extension(const char* id) const {
        return static_cast<const T*>(plugin_->get_extension(plugin_.get(), id));
    }
    const clap::Plugin& plugin() const;
    ClapLayout read_layout() const;
    void read_note_ports();
    void choose_render_mode();
    void connect_ports();
    void activate();
    void deactivate() noexcept;
    void restart();
    void refresh_parameters();
    void flush() noexcept;

    void wait_for_main_thread() noexcept;
    bool enter_gate() noexcept;
    void add_pending() noexcept;
    void add_change(std::uint32_t index, float normalized, std::uint32_t time = 0) noexcept;
    bool run_whole(PluginBlock& block) noexcept;
    bool run(PluginBlock& stretch) noexcept;
    void point_to(PluginBlock& stretch) noexcept;

    const std::shared_ptr<const ClapFile> file_;
    const std::string id_;
    const bool is_instrument_;
    const ClapSettings settings_;
    ClapHost host_;
    std::unique_ptr<const clap::Plugin, Destroy> plugin_;  // before its host and file
    std::optional<ClapEditor> editor_;                     // before its plugin
    const clap::Params* params_ = nullptr;
    const clap::State* state_ = nullptr;
    const clap::Tail* tail_ = nullptr;
    ClapLayout layout_;
    std::vector<ClapParameter> parameters_;
    std::unique_ptr<std::atomic<float>[]> pending_;  // values to send; NaN: none
    std::atomic<bool> any_pending_{false};
    std::uint64_t heard_after_blocks_ = 0;  // until then a value set here may not be heard yet
    std::atomic<int> latency_{0};
    bool needs_realtime_ = false;
    bool processing_ = false;
    bool whole_blocks_ = false;

    ClapEdits edits_;
    BlockGate gate_;
    std::atomic<std::uint64_t> idles_{0};
    ClapNoteInput notes_;

    // Owned by whoever is inside the gate.
    struct Rt {
        Rt(std::size_t input_events, ClapEdits& edits) : in(input_events), out(edits) {}

        ClapInputEvents in;
        ClapOutputEvents out;
        std::vector<float*> planes_in, planes_out;       // of all ports, one after the other
        std::vector<clap::AudioBuffer> inputs, outputs;  // one a port
        std::vector<float> silence;
        std::vector<std::vector<float>> unheard;  // outputs beside the main one, a plane each
        std::int64_t steady_time = 0;             // frames
    };
    std::unique_ptr<Rt> rt_;
    BlockSplitter splitter_;
};

}  // namespace isobooth::sandbox
