// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_file.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <stdexcept>

#include "sandbox/native/library.hpp"
#include "sandbox/native/plugin_text.hpp"

namespace isobooth::sandbox {

namespace {

// A file that claims more is broken, not rich.
constexpr std::uint32_t kMaxPluginsInFile = 4096;
constexpr std::size_t kMaxFeatures = 64;

std::vector<std::string> features_of(const clap::Descriptor& descriptor) {
    std::vector<std::string> features;
    for (const char* const* next = descriptor.features;
         next && *next && features.size() < kMaxFeatures; ++next)
        features.push_back(plugin_text(*next, clap::kNameSize));
    return features;
}

}  // namespace

ClapFile::ClapFile(const std::string& path) {
    module_ = load_library(path);
    try {
        const auto* entry = static_cast<const clap::Entry*>(dlsym(module_, "clap_entry"));
        if (!entry) throw std::runtime_error(path + " is no CLAP file: it has no clap_entry");
        if (entry->version.major < 1)
            throw std::runtime_error(path + " is of CLAP 0." +
                                     std::to_string(entry->version.minor) +
                                     ", from before the format was settled");
        if (!entry->init || !entry->deinit || !entry->get_factory || !entry->init(path.c_str()))
            throw std::runtime_error(path + " refused to be initialized");
        entry_ = entry;
        list_plugins(path);
    } catch (...) {
        unload();
        throw;
    }
}

ClapFile::~ClapFile() { unload(); }

void ClapFile::unload() noexcept {
    if (entry_) entry_->deinit();
    dlclose(module_);
}

void ClapFile::list_plugins(const std::string& path) {
    factory_ = static_cast<const clap::Factory*>(entry_->get_factory(clap::kFactoryId));
    if (factory_ && factory_->count && factory_->descriptor && factory_->create) {
        const std::uint32_t count = std::min(factory_->count(factory_), kMaxPluginsInFile);
        for (std::uint32_t i = 0; i < count; ++i) {
            const clap::Descriptor* d = factory_->descriptor(factory_, i);
            if (!d || !d->id || !*d->id) continue;
            ClapDescriptor described{d->id, plugin_text(d->name), plugin_text(d->vendor),
                                     plugin_text(d->plugin_version), features_of(*d)};
            if (described.name.empty()) described.name = plugin_text(d->id);
            descriptors_.push_back(std::move(described));
        }
    }
    if (descriptors_.empty()) throw std::runtime_error(path + " offers no usable CLAP plugin");
}

const clap::Plugin* ClapFile::create(const clap::Host& host, const std::string& id) const {
    const clap::Plugin* plugin = factory_->create(factory_, &host, id.c_str());
    if (!plugin) throw std::runtime_error("CLAP plugin '" + id + "' cannot be made by its file");
    if (!plugin->init || !plugin->destroy || !plugin->activate || !plugin->deactivate ||
        !plugin->start_processing || !plugin->stop_processing || !plugin->process ||
        !plugin->get_extension || !plugin->on_main_thread)
        throw std::runtime_error("CLAP plugin '" + id +
                                 "' lacks functions that every plugin must have");
    return plugin;
}

}  // namespace isobooth::sandbox
