// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/vst3_editor.hpp"

#include <dlfcn.h>

#include <stdexcept>

#include "sandbox/native/library.hpp"

namespace isobooth::sandbox {

using namespace vst3;

namespace {

ClassId class_of(const std::string& digits) {
    ClassId id{};
    if (digits.size() != 2 * id.size() ||
        digits.find_first_not_of("0123456789ABCDEFabcdef") != std::string::npos)
        throw std::runtime_error("a VST3 class has 32 hexadecimal digits, not '" + digits + "'");
    for (std::size_t i = 0; i < id.size(); ++i)
        id[i] = static_cast<char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
    return id;
}

// It stays loaded, as minihost's plugin and the toolkits' threads need it anyway.
Factory& factory_of(const std::string& module) {
    void* const library = load_library(module);
    const auto entry = reinterpret_cast<ModuleEntry>(dlsym(library, "ModuleEntry"));
    const auto get = reinterpret_cast<GetFactory>(dlsym(library, "GetPluginFactory"));
    Factory* factory = entry && get && entry(library) ? get() : nullptr;
    if (!factory) throw std::runtime_error(module + " gives no plugin factory");
    return *factory;
}

template <class T>
Held<T> make(Factory& factory, const ClassId& class_id) {
    void* made = nullptr;
    if (factory.create(class_id.data(), T::kId.data(), &made) != kOk) return {};
    return Held<T>(static_cast<T*>(made));
}

}  // namespace

Vst3Editor::Vst3Editor(const std::string& module, const std::string& class_id) {
    const ClassId wanted = class_of(class_id);
    Factory& factory = factory_of(module);
    try {
        create(factory, wanted);
        connect();
    } catch (...) {
        end();
        throw;
    }
}

Vst3Editor::~Vst3Editor() {
    close();
    end();
}

void Vst3Editor::create(Factory& factory, const ClassId& class_id) {
    Held<Component> component = make<Component>(factory, class_id);
    if (!component) throw std::runtime_error("the plugin cannot be created a second time");
    if (component->initialize(&application_) != kOk)
        throw std::runtime_error("the plugin's second instance refused to be initialized");
    component_ = std::move(component);
    if ((controller_ = query<Controller>(component_.get()))) return;
    ClassId other{};
    if (component_->controller_class(other.data()) != kOk)
        throw std::runtime_error("the plugin has no editor");
    Held<Controller> controller = make<Controller>(factory, other);
    if (!controller) throw std::runtime_error("the plugin has no editor");
    if (controller->initialize(&application_) != kOk)
        throw std::runtime_error("the plugin's controller refused to be initialized");
    controller_ = std::move(controller);
    separate_ = true;
}

void Vst3Editor::connect() {
    controller_->set_handler(&handler_);
    if (separate_) {
        processor_end_ = query<ConnectionPoint>(component_.get());
        controller_end_ = query<ConnectionPoint>(controller_.get());
        if (processor_end_ && controller_end_) {
            processor_end_->connect(controller_end_.get());
            controller_end_->connect(processor_end_.get());
        }
    }
    Vst3Stream state;
    if (component_->get_state(&state) != kOk) return;
    state.seek(0, Stream::kFromStart, nullptr);
    controller_->set_component_state(&state);
}

void Vst3Editor::end() noexcept {
    if (processor_end_ && controller_end_) {
        processor_end_->disconnect(controller_end_.get());
        controller_end_->disconnect(processor_end_.get());
    }
    processor_end_.reset();
    controller_end_.reset();
    if (controller_) {
        controller_->set_handler(nullptr);
        if (separate_) controller_->terminate();
        controller_.reset();
    }
    if (component_) component_->terminate();
    component_.reset();
}

void Vst3Editor::open(unsigned long window) {
    if (view_) throw std::runtime_error("the plugin's editor is open");
    Held<View> view(controller_->create_view(kEditor));
    if (!view) throw std::runtime_error("the plugin has no editor");
    if (view->is_supported(kX11) != kOk)
        throw std::runtime_error("the plugin has no editor for a window of X11");
    view_ = std::move(view);
    view_->set_frame(&frame_);
    note_size();
    if (view_->attached(reinterpret_cast<void*>(window), kX11) != kOk) {
        let_go();
        throw std::runtime_error("the plugin's editor did not take its window");
    }
    note_size();
}

void Vst3Editor::note_size() {
    Rectangle size{};
    if (view_->size(&size) == kOk) frame_.set_size(vst3_size_of(size));
}

void Vst3Editor::let_go() noexcept {
    view_->set_frame(nullptr);
    view_.reset();
    frame_.forget();
}

void Vst3Editor::close() noexcept {
    if (!view_) return;
    view_->removed();
    let_go();
}

void Vst3Editor::resize(EditorSize wanted) {
    if (!view_) throw std::runtime_error("the plugin's editor is not open");
    if (view_->can_resize() != kOk) return;
    Rectangle size{0, 0, static_cast<std::int32_t>(wanted.width),
                   static_cast<std::int32_t>(wanted.height)};
    if (view_->check_size(&size) != kOk || view_->on_size(&size) != kOk) return;
    frame_.set_size(vst3_size_of(size));
}

void Vst3Editor::set_value(std::uint32_t parameter, double value) {
    controller_->set_value(parameter, value);
}

}  // namespace isobooth::sandbox
