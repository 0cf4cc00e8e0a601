// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/lv2_editor.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sandbox/native/library.hpp"
#include "sandbox/native/lv2_urids.hpp"

namespace isobooth::sandbox {

using namespace lv2;

namespace {

// A library that claims more is broken, not rich.
constexpr std::uint32_t kMostUis = 4096;
constexpr std::size_t kMostEdits = 4096;  // between two looks at them

// How often a UI's turn comes while it draws itself, and how many pixels one of its units has.
constexpr float kUpdateRateHz = 50.0f;
constexpr float kScale = 1.0f;

Urid map(void* handle, const char* uri) { return static_cast<Lv2Urids*>(handle)->map(uri); }
const char* unmap(void* handle, Urid urid) { return static_cast<Lv2Urids*>(handle)->unmap(urid); }

std::uint32_t port_index(void* handle, const char* symbol) {
    const auto& symbols = static_cast<const Lv2Ui*>(handle)->symbols;
    const auto at = std::find(symbols.begin(), symbols.end(), symbol ? symbol : "");
    return at == symbols.end() ? kNoPort : static_cast<std::uint32_t>(at - symbols.begin());
}

// It stays loaded: toolkits have threads and handlers, and some UIs say that they must.
UiDescriptors descriptors_of(const std::string& path) {
    void* const library = load_library(path, "its editor");
    const auto descriptors = reinterpret_cast<UiDescriptors>(dlsym(library, "lv2ui_descriptor"));
    if (!descriptors) throw std::runtime_error(path + " has no lv2ui_descriptor");
    return descriptors;
}

}  // namespace

// What a UI may keep pointers to for as long as it lives.
struct Lv2Editor::Offer {
    Offer(Lv2Editor& editor, unsigned long window)
        : mapping{&Lv2Urids::of_process(), map},
          unmapping{&Lv2Urids::of_process(), unmap},
          resizing{&editor, want},
          ports{const_cast<Lv2Ui*>(&editor.ui_), port_index},
          options{option(kSampleRate, editor.ui_.sample_rate), option(kUpdateRate, kUpdateRateHz),
                  option(kScaleFactor, kScale), Option{}},
          data{editor.ui_.extension_data},
          offered{{kMap, &mapping},     {kUnmap, &unmapping},
                  {kOptions, options},  {kParent, reinterpret_cast<void*>(window)},
                  {kResize, &resizing}, {kPortMap, &ports},
                  {kTouch, &touch},     {kIdle, nullptr}} {
        if (editor.ui_.instance) offered.push_back({kInstance, editor.ui_.instance});
        if (editor.ui_.instance && data.extension_data) offered.push_back({kData, &data});
        for (const Feature& one : offered) features.push_back(&one);
        features.push_back(nullptr);
    }

    static Option option(const char* key, const float& value) {
        Lv2Urids& urids = Lv2Urids::of_process();
        return {0, 0, urids.map(key), sizeof value, urids.map(kFloat), &value};
    }
    static int want(void* editor, int width, int height) {
        static_cast<Lv2Editor*>(editor)->want(width, height);
        return 0;
    }

    Map mapping;
    Unmap unmapping;
    Resize resizing;
    PortMap ports;
    Touch touch{nullptr, [](void*, std::uint32_t, bool) {}};
    Option options[4];
    DataAccess data;
    std::vector<Feature> offered;
    std::vector<const Feature*> features;
};

Lv2Editor::Lv2Editor(Lv2Ui ui) : ui_(std::move(ui)) {
    const UiDescriptors descriptors = descriptors_of(ui_.library);
    for (std::uint32_t index = 0; index < kMostUis && !descriptor_; ++index) {
        const UiDescriptor* one = descriptors(index);
        if (!one) break;
        if (one->uri && ui_.uri == one->uri) descriptor_ = one;
    }
    if (!descriptor_ || !descriptor_->instantiate || !descriptor_->cleanup)
        throw std::runtime_error(ui_.library + " does not hold the editor " + ui_.uri);
}

Lv2Editor::~Lv2Editor() { close(); }

void Lv2Editor::open(unsigned long window) {
    if (instance_) throw std::runtime_error("the plugin's editor is open");
    wanted_.reset();
    edits_.clear();
    has_ended_ = false;
    offer_ = std::make_unique<Offer>(*this, window);
    void* widget = nullptr;  // its window, which is found in ours
    instance_ = descriptor_->instantiate(descriptor_, ui_.plugin_uri.c_str(), ui_.bundle.c_str(),
                                         &Lv2Editor::write, this, &widget, offer_->features.data());
    if (!instance_) throw std::runtime_error("the plugin's editor did not open");
}

void Lv2Editor::write(void* self, std::uint32_t port, std::uint32_t bytes, Urid protocol,
                      const void* data) {
    auto& edits = static_cast<Lv2Editor*>(self)->edits_;
    float value;
    if (protocol != kFloatProtocol || bytes != sizeof value || !data) return;
    std::memcpy(&value, data, sizeof value);
    if (edits.size() < kMostEdits) edits.emplace_back(port, value);
}

void Lv2Editor::close() noexcept {
    if (instance_) descriptor_->cleanup(std::exchange(instance_, nullptr));
}

void Lv2Editor::want(int width, int height) {
    wanted_ = {static_cast<std::uint32_t>(std::max(width, 0)),
               static_cast<std::uint32_t>(std::max(height, 0))};
}

bool Lv2Editor::resize(EditorSize wanted) {
    if (!instance_) throw std::runtime_error("the plugin's editor is not open");
    const auto* own = extension<Resize>(kResize);
    if (!own || !own->resize) return false;
    return own->resize(instance_, static_cast<int>(wanted.width),
                       static_cast<int>(wanted.height)) == 0;
}

void Lv2Editor::idle() {
    if (!instance_ || has_ended_) return;
    const auto* own = extension<Idle>(kIdle);
    has_ended_ = own && own->idle && own->idle(instance_) != 0;
}

void Lv2Editor::set_value(std::uint32_t port, float value) {
    if (instance_ && descriptor_->port_event)
        descriptor_->port_event(instance_, port, sizeof value, kFloatProtocol, &value);
}

}  // namespace isobooth::sandbox
