// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_editor.hpp"

#include <stdexcept>

namespace isobooth::sandbox {

namespace {

constexpr bool kFloating = false;

}  // namespace

ClapEditor::ClapEditor(const clap::Plugin& plugin, unsigned long window)
    : plugin_(plugin),
      gui_(static_cast<const clap::Gui*>(plugin.get_extension(&plugin, clap::kGui))) {
    if (!gui_ || !gui_->create || !gui_->destroy || !gui_->is_api_supported)
        throw std::runtime_error("the plugin has no editor");
    if (!gui_->is_api_supported(&plugin, clap::kX11, kFloating))
        throw std::runtime_error("the plugin has no editor for a window of X11");
    if (!gui_->create(&plugin, clap::kX11, kFloating))
        throw std::runtime_error("the plugin did not make its editor");
    const clap::Window parent{clap::kX11, window};
    if (gui_->get_size) gui_->get_size(&plugin, &size_.width, &size_.height);
    if (!gui_->set_parent || !gui_->set_parent(&plugin, &parent)) {
        gui_->destroy(&plugin);
        throw std::runtime_error("the plugin's editor did not take its window");
    }
    if (gui_->show) gui_->show(&plugin);
    if (gui_->get_size) gui_->get_size(&plugin, &size_.width, &size_.height);
}

ClapEditor::~ClapEditor() {
    if (gui_->hide) gui_->hide(&plugin_);
    gui_->destroy(&plugin_);
}

bool ClapEditor::can_resize() const {
    return gui_->can_resize && gui_->can_resize(&plugin_) && gui_->set_size;
}

EditorSize ClapEditor::resize(EditorSize wanted) {
    if (!can_resize()) return size_;
    if (gui_->adjust_size) gui_->adjust_size(&plugin_, &wanted.width, &wanted.height);
    if (gui_->set_size(&plugin_, wanted.width, wanted.height)) size_ = wanted;
    return size_;
}

void ClapEditor::follow(EditorSize wanted) {
    size_ = wanted;
    if (gui_->set_size) gui_->set_size(&plugin_, wanted.width, wanted.height);
}

}  // namespace isobooth::sandbox
