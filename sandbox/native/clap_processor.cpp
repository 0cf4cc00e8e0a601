// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_processor.hpp"

#include <chrono>
#include <limits>
#include <numeric>
#include <thread>

#include "sandbox/native/clap_stream.hpp"
#include "sandbox/native/clap_transport.hpp"
#include "sandbox/native/load_phase.hpp"
#include "sandbox/native/plugin_text.hpp"

namespace isobooth::sandbox {

namespace {

constexpr double kPauseS = 5.0;  // a block that takes longer hangs
constexpr double kMaxLatencyS = 60.0;
constexpr std::size_t kTextBytes = 512;
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

bool is_instrument(const ClapDescriptor& descriptor) {
    const auto& features = descriptor.features;
    return std::find(features.begin(), features.end(), "instrument") != features.end();
}

}  // namespace

// While it lives no block is processed: the main thread may do what belongs to the audio thread.
class ClapProcessor::Pause {
public:
    explicit Pause(ClapProcessor& processor) : gate_(processor.gate_) { gate_.pause(kPauseS); }
    ~Pause() {
        if (!kept_) gate_.resume();
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    void keep() noexcept { kept_ = true; }

private:
    BlockGate& gate_;
    bool kept_ = false;
};

ClapProcessor::ClapProcessor(std::shared_ptr<const ClapFile> file, const ClapDescriptor& descriptor,
                             const ClapSettings& settings)
    : file_(std::move(file)),
      id_(descriptor.id),
      is_instrument_(is_instrument(descriptor)),
      settings_(settings),
      plugin_(file_->create(host_.abi(), id_)),
      splitter_(settings.sample_rate) {
    if (!plugin_->init(plugin_.get()))
        throw std::runtime_error("CLAP plugin '" + plugin_text(id_.c_str()) +
                                 "' refused to be initialized");
    params_ = extension<clap::Params>(clap::kParams);
    state_ = extension<clap::State>(clap::kState);
    tail_ = extension<clap::Tail>(clap::kTail);
    parameters_ = clap_parameters(*plugin_, params_);
    pending_.reset(new std::atomic<float>[parameters_.size()]);
    for (std::size_t i = 0; i < parameters_.size(); ++i) pending_[i].store(kNone);
    edits_.expect(parameters_);
    layout_ = read_layout();
    read_note_ports();
    choose_render_mode();
    // Values that wait, then the host's events and those of the plugin before this one.
    rt_ = std::make_unique<Rt>(parameters_.size() + kMaxBlockEvents, edits_);
    connect_ports();
    announce_activation();
    activate();
}

ClapProcessor::~ClapProcessor() { close(); }

const clap::Plugin& ClapProcessor::plugin() const {
    if (!plugin_) throw std::runtime_error("the plugin is closed");
    return *plugin_;
}

// -- opening and closing ------------------------------------------------------------------------

ClapLayout ClapProcessor::read_layout() const {
    return clap_layout(*plugin_, extension<clap::AudioPorts>(clap::kAudioPorts), is_instrument_);
}

void ClapProcessor::read_note_ports() {
    const auto* ports = extension<clap::NotePorts>(clap::kNotePorts);
    notes_ = clap_note_input(*plugin_, ports);
    accepts_midi = notes_.exists;
    produces_midi = clap_has_note_output(*plugin_, ports);
}

void ClapProcessor::choose_render_mode() {
    const auto* render = extension<clap::Render>(clap::kRender);
    if (!render) return;
    needs_realtime_ = render->has_hard_realtime_requirement &&
                      render->has_hard_realtime_requirement(plugin_.get());
    if (render->set && !(settings_.offline && needs_realtime_))
        render->set(plugin_.get(), settings_.offline ? clap::kOffline : clap::kRealtime);
}

void ClapProcessor::connect_ports() {
    in_channels = ClapLayout::channels(layout_.inputs, layout_.main_in);
    out_channels = ClapLayout::channels(layout_.outputs, layout_.main_out);
    works_in_place = layout_.in_place;
    sidechain_channels =
        settings_.sidechain ? ClapLayout::channels(layout_.inputs, layout_.key) : 0;
    const auto frames = static_cast<std::size_t>(settings_.max_frames);
    const auto connect = [](const std::vector<int>& ports, std::vector<float*>& planes,
                            std::vector<clap::AudioBuffer>& buffers) {
        planes.assign(static_cast<std::size_t>(std::accumulate(ports.begin(), ports.end(), 0)),
                      nullptr);
        buffers.resize(ports.size());
    };
    connect(layout_.inputs, rt_->planes_in, rt_->inputs);
    connect(layout_.outputs, rt_->planes_out, rt_->outputs);
    rt_->silence.assign(frames, 0.0f);
    rt_->unheard.assign(rt_->planes_out.size() - static_cast<std::size_t>(out_channels),
                        std::vector<float>(frames, 0.0f));
}

void ClapProcessor::activate() {
    const std::string name = "CLAP plugin '" + plugin_text(id_.c_str()) + "'";
    const clap::Plugin* const plugin = plugin_.get();
    if (!plugin->activate(plugin, settings_.sample_rate, 1,
                          static_cast<std::uint32_t>(settings_.max_frames)))
        throw std::runtime_error(name + " refused to be activated at " +
                                 std::to_string(std::lround(settings_.sample_rate)) + " Hz");
    host_.active.store(true);
    const auto* latency = extension<clap::Latency>(clap::kLatency);
    const std::uint32_t frames = latency && latency->get ? latency->get(plugin) : 0;
    latency_.store(frames <= kMaxLatencyS * settings_.sample_rate ? static_cast<int>(frames) : 0);
    {
        const ClapHost::AudioThread here(host_);
        processing_ = plugin->start_processing(plugin);
    }
    if (!processing_) {
        deactivate();
        throw std::runtime_error(name + " refused to start processing");
    }
    // It may have told of them while it was activated.
    if (host_.parameters_changed.exchange(false)) refresh_parameters();
}

void ClapProcessor::deactivate() noexcept {
    const clap::Plugin* const plugin = plugin_.get();
    if (processing_) {
        const ClapHost::AudioThread here(host_);
        plugin->stop_processing(plugin);
        processing_ = false;
    }
    if (host_.active.exchange(false)) plugin->deactivate(plugin);
}

void ClapProcessor::restart() {
    Pause pause(*this);
    pause.keep();  // for good, if this fails
    deactivate();
    if (!(read_layout() == layout_))
        throw std::runtime_error("the plugin has changed its audio ports while it was in use");
    read_note_ports();
    activate();
    gate_.resume();
}

// Parameters keep their places: one that is gone cannot be changed any more, new ones are out of
// reach until the plugin is loaded anew.
void ClapProcessor::refresh_parameters() {
    const std::vector<ClapParameter> now = clap_parameters(*plugin_, params_);
    for (ClapParameter& parameter : parameters_) {
        const auto found = std::find_if(now.begin(), now.end(), [&](const ClapParameter& other) {
            return other.clap_id == parameter.clap_id;
        });
        if (found != now.end()) {
            parameter = *found;
        } else {
            parameter.cookie = nullptr;
            parameter.read_only = true;
        }
    }
}

void ClapProcessor::close() noexcept {
    if (!gate_.close()) return;
    close_editor();
    deactivate();
    plugin_.reset();
}

// -- the main thread ----------------------------------------------------------------------------

float ClapProcessor::value(std::size_t index) const {
    const clap::Plugin& plugin = this->plugin();
    if (index >= parameters_.size()) return 0.0f;
    if (const float waiting = pending_[index].load(std::memory_order_relaxed); !std::isnan(waiting))
        return waiting;
    const ClapParameter& parameter = parameters_[index];
    double plain = parameter.initial;
    if (!params_->get_value || !params_->get_value(&plugin, parameter.clap_id, &plain) ||
        !std::isfinite(plain))
        plain = parameter.initial;
    return parameter.to_normalized(plain);
}

bool ClapProcessor::set_value(std::size_t index, float normalized) {
    plugin();
    if (index >= parameters_.size() || parameters_[index].read_only || !std::isfinite(normalized))
        return false;
    const double position = parameters_[index].snapped(std::clamp(normalized, 0.0f, 1.0f));
    pending_[index].store(static_cast<float>(position), std::memory_order_relaxed);
    any_pending_.store(true, std::memory_order_release);
    // One block may be in progress, and past the point where it takes parameters.
    heard_after_blocks_ = gate_.blocks() + 2;
    return true;
}

std::string ClapProcessor::text_of(std::size_t index, float normalized) const {
    const clap::Plugin& plugin = this->plugin();
    if (index >= parameters_.size() || !params_->value_to_text) return "";
    char text[kTextBytes] = {};
    const ClapParameter& parameter = parameters_[index];
    if (!params_->value_to_text(&plugin, parameter.clap_id, parameter.plain(normalized), text,
                                sizeof text))
        return "";
    return plugin_text(text, sizeof text);
}

std::optional<float> ClapProcessor::value_of(std::size_t index, const std::string& text) const {
    const clap::Plugin& plugin = this->plugin();
    if (index >= parameters_.size() || !params_->text_to_value) return std::nullopt;
    const ClapParameter& parameter = parameters_[index];
    double plain = std::numeric_limits<double>::quiet_NaN();
    if (!params_->text_to_value(&plugin, parameter.clap_id, text.c_str(), &plain) ||
        !(plain >= parameter.minimum && plain <= parameter.maximum))
        return std::nullopt;
    return parameter.to_normalized(plain);
}

std::string ClapProcessor::save() {
    const clap::Plugin& plugin = this->plugin();
    if (gate_.blocks() < heard_after_blocks_) {
        const Pause pause(*this);
        flush();
    }
    ClapSaving saving;
    if (!has_state() || !state_->save(&plugin, saving.abi()))
        throw std::runtime_error("the plugin did not save its state");
    if (saving.too_large())
        throw std::runtime_error("the plugin's state is larger than 60 MiB, the most that is kept");
    return saving.take();
}

void ClapProcessor::load(const std::string& state) {
    const clap::Plugin& plugin = this->plugin();
    const Pause pause(*this);
    flush();  // what was set before is overwritten, not the other way round
    ClapLoading loading(state);
    if (!has_state() || !state_->load(&plugin, loading.abi()))
        throw std::runtime_error("the plugin rejected a state of " + std::to_string(state.size()) +
                                 " bytes; it is of another plugin or version, or damaged");
}

double ClapProcessor::tail_s() const {
    const clap::Plugin& plugin = this->plugin();
    const std::uint32_t frames = tail_ && tail_->get ? tail_->get(&plugin) : 0;
    return frames >= clap::kEndless ? std::numeric_limits<double>::infinity()
                                    : frames / settings_.sample_rate;
}

void ClapProcessor::open_editor(unsigned long window) {
    if (editor_) throw std::runtime_error("the plugin's editor is open");
    edits_.take();  // what was changed before is no user's doing
    host_.wanted_size.store(0);
    editor_.emplace(plugin(), window);
}

EditorSize ClapProcessor::editor_size() {
    if (!editor_) throw std::runtime_error("the plugin's editor is not open");
    if (const std::uint64_t wanted = host_.wanted_size.exchange(0))
        editor_->follow(
            {static_cast<std::uint32_t>(wanted >> 32), static_cast<std::uint32_t>(wanted)});
    return editor_->size();
}

void ClapProcessor::resize_editor(EditorSize wanted) {
    if (!editor_) throw std::runtime_error("the plugin's editor is not open");
    editor_->resize(wanted);
}

bool ClapProcessor::has_editor() const {
    const auto* gui = extension<clap::Gui>(clap::kGui);
    return gui && gui->is_api_supported && gui->is_api_supported(&plugin(), clap::kX11, false);
}

std::vector<std::pair<std::size_t, float>> ClapProcessor::take_edits() {
    std::vector<std::pair<std::size_t, float>> taken;
    for (const auto& [place, plain] : edits_.take())
        taken.emplace_back(place, parameters_[place].to_normalized(plain));
    return taken;
}

void ClapProcessor::idle() {
    const clap::Plugin& plugin = this->plugin();
    if (host_.callback_wanted.exchange(false)) plugin.on_main_thread(&plugin);
    host_.loop.turn(plugin);
    if (host_.restart_wanted.exchange(false)) restart();
    if (host_.flush_wanted.exchange(false)) {  // and no block has come since
        const Pause pause(*this);
        flush();
    }
    idles_.fetch_add(1, std::memory_order_release);
}

// Paused: hands over what waits for the next block, without one.
void ClapProcessor::flush() noexcept {
    if (!params_ || !params_->flush) return;
    const ClapHost::AudioThread here(host_);
    rt_->in.clear();
    add_pending();
    rt_->out.begin(nullptr, 0, 1);
    params_->flush(plugin_.get(), rt_->in.abi(), rt_->out.abi());
    rt_->in.clear();
    heard_after_blocks_ = 0;
}

// -- the audio thread ---------------------------------------------------------------------------

// Offline nothing may depend on when the main thread gets to run: what the plugin has asked for in
// the block before is done before this one.
void ClapProcessor::wait_for_main_thread() noexcept {
    const auto wanted = [this] { return host_.callback_wanted || host_.restart_wanted; };
    // Whoever asks again each time is served once a block; the idling that goes on may have begun
    // before it asked.
    const std::uint64_t served = idles_.load(std::memory_order_acquire) + 2;
    const auto limit = std::chrono::steady_clock::now() + std::chrono::duration<double>(kPauseS);
    while (wanted() && idles_.load(std::memory_order_acquire) < served && !gate_.closed() &&
           std::chrono::steady_clock::now() < limit)
        std::this_thread::sleep_for(std::chrono::microseconds(100));
}

bool ClapProcessor::enter_gate() noexcept {
    if (!settings_.offline || host_.on_main_thread()) return gate_.enter();
    wait_for_main_thread();
    return gate_.enter_within(kPauseS);
}

bool ClapProcessor::process(PluginBlock& block) noexcept {
    block.events_out_count = 0;
    if (!enter_gate()) return false;
    const ClapHost::AudioThread here(host_);
    host_.flush_wanted.store(false, std::memory_order_relaxed);
    rt_->in.clear();
    add_pending();
    const bool done =
        whole_blocks_ ? run_whole(block)
                      : splitter_(
                            *this, block,
                            [this](std::uint32_t index, float value) { add_change(index, value); },
                            [this](PluginBlock& stretch) { return run(stretch); });
    gate_.leave();
    return done;
}

void ClapProcessor::add_pending() noexcept {
    if (!any_pending_.exchange(false, std::memory_order_acquire)) return;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
        if (const float value = pending_[i].exchange(kNone, std::memory_order_relaxed);
            !std::isnan(value))
            add_change(static_cast<std::uint32_t>(i), value);
}

void ClapProcessor::add_change(std::uint32_t index, float normalized, std::uint32_t time) noexcept {
    if (index >= parameters_.size() || !std::isfinite(normalized)) return;
    const ClapParameter& parameter = parameters_[index];
    if (parameter.read_only) return;
    rt_->in.add_parameter(parameter.clap_id, parameter.cookie,
                          parameter.plain(std::clamp(normalized, 0.0f, 1.0f)), time);
}

// Only on a test rig, whose events are well-formed and in order.
bool ClapProcessor::run_whole(PluginBlock& block) noexcept {
    for (int i = 0; i < block.event_count; ++i) {
        const ipc::Event& event = block.events[i];
        if (event.kind == ipc::EventKind::Parameter)
            add_change(event.index, event.value, event.offset);
        else if (event.kind == ipc::EventKind::Midi && accepts_midi)
            rt_->in.add_midi(event, notes_);
    }
    PluginBlock whole = block;
    whole.event_count = 0;
    const bool done = run(whole);
    block.events_out_count = whole.events_out_count;
    return done;
}

bool ClapProcessor::run(PluginBlock& stretch) noexcept {
    for (int i = 0; accepts_midi && i < stretch.event_count; ++i)
        rt_->in.add_midi(stretch.events[i], notes_);
    const bool sends = produces_midi && stretch.events_out;
    rt_->out.begin(stretch.events_out, sends ? stretch.events_out_capacity : 0, stretch.frames);
    point_to(stretch);
    const clap::TransportEvent transport =
        clap_transport(*stretch.transport, settings_.sample_rate);
    const clap::Process call{rt_->steady_time,
                             static_cast<std::uint32_t>(stretch.frames),
                             &transport,
                             rt_->inputs.data(),
                             rt_->outputs.data(),
                             static_cast<std::uint32_t>(rt_->inputs.size()),
                             static_cast<std::uint32_t>(rt_->outputs.size()),
                             rt_->in.abi(),
                             rt_->out.abi()};
    const std::int32_t status = plugin_->process(plugin_.get(), &call);
    rt_->in.clear();
    rt_->steady_time += stretch.frames;
    stretch.events_out_count = rt_->out.count();
    return status != clap::kError;
}

void ClapProcessor::make_room(int frames) {
    const auto room = static_cast<std::size_t>(frames);
    if (room <= rt_->silence.size()) return;
    rt_->silence.assign(room, 0.0f);
    for (std::vector<float>& plane : rt_->unheard) plane.assign(room, 0.0f);
}

// Points the ports to this stretch, anew each time: the plugin may have written over the buffers.
void ClapProcessor::point_to(PluginBlock& stretch) noexcept {
    std::fill_n(rt_->silence.begin(), stretch.frames, 0.0f);
    const auto point = [](const std::vector<int>& ports, std::vector<float*>& planes,
                          std::vector<clap::AudioBuffer>& buffers, auto&& plane_of) {
        std::size_t first = 0;
        for (std::size_t port = 0; port < ports.size(); ++port) {
            const auto channels = static_cast<std::size_t>(ports[port]);
            for (std::size_t channel = 0; channel < channels; ++channel)
                planes[first + channel] = plane_of(static_cast<int>(port), channel);
            buffers[port] = {planes.data() + first, nullptr, static_cast<std::uint32_t>(channels),
                             0, 0};
            first += channels;
        }
    };
    // The interface has no const for inputs; plugins only read them.
    point(layout_.inputs, rt_->planes_in, rt_->inputs, [&](int port, std::size_t channel) {
        if (port == layout_.main_in) return const_cast<float*>(stretch.inputs[channel]);
        if (port == layout_.key && sidechain_channels > 0 && stretch.sidechain)
            return const_cast<float*>(stretch.sidechain[channel]);
        return rt_->silence.data();
    });
    std::size_t unheard = 0;
    point(layout_.outputs, rt_->planes_out, rt_->outputs, [&](int port, std::size_t channel) {
        return port == layout_.main_out ? stretch.outputs[channel] : rt_->unheard[unheard++].data();
    });
}

}  // namespace isobooth::sandbox
