// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CLAP file: the library, its entry, the plugins that it offers.
#pragma once

#include <string>
#include <vector>

#include "sandbox/native/clap_abi.hpp"

namespace isobooth::sandbox {

// What a file says of one of its plugins, copied: the file keeps its own until it is unloaded.
struct ClapDescriptor {
    std::string id;  // as the factory wants it, byte by byte
    std::string name, vendor, version;
    std::vector<std::string> features;
};

class ClapFile {
public:
    // Throws std::runtime_error, one line, where it is no CLAP file or offers no usable plugin.
    explicit ClapFile(const std::string& path);
    ~ClapFile();
    ClapFile(const ClapFile&) = delete;
    ClapFile& operator=(const ClapFile&) = delete;

    const std::vector<ClapDescriptor>& descriptors() const { return descriptors_; }

    // A new instance, not initialized yet; the caller destroys it. `host` outlives it. Throws
    // std::runtime_error if there is none, or one that lacks what every plugin must have.
    const clap::Plugin* create(const clap::Host& host, const std::string& id) const;

private:
    void unload() noexcept;
    void list_plugins(const std::string& path);

    void* module_ = nullptr;
    const clap::Entry* entry_ = nullptr;  // once it has been initialized
    const clap::Factory* factory_ = nullptr;
    std::vector<ClapDescriptor> descriptors_;
};

}  // namespace isobooth::sandbox
