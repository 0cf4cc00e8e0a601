// SPDX-License-Identifier: GPL-3.0-or-later
//
// The streams through which a CLAP plugin writes and reads its state, in pieces of its choice.
#pragma once

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "sandbox/native/clap_abi.hpp"

namespace isobooth::sandbox {

constexpr std::size_t kMaxClapState = 60u << 20;  // a control message carries 64 MiB

class ClapSaving {
public:
    ClapSaving() : abi_{this, &ClapSaving::write} {}
    ClapSaving(const ClapSaving&) = delete;
    ClapSaving& operator=(const ClapSaving&) = delete;

    const clap::OutputStream* abi() const { return &abi_; }
    bool too_large() const { return too_large_; }
    std::string take() { return std::move(data_); }

private:
    static std::int64_t write(const clap::OutputStream* stream, const void* from,
                              std::uint64_t bytes) noexcept {
        auto& self = *static_cast<ClapSaving*>(stream->context);
        self.too_large_ = self.too_large_ || bytes > kMaxClapState - self.data_.size();
        if (self.too_large_ || (!from && bytes > 0)) return -1;
        try {
            self.data_.append(static_cast<const char*>(from), bytes);
        } catch (const std::bad_alloc&) {
            return -1;
        }
        return static_cast<std::int64_t>(bytes);
    }

    std::string data_;
    bool too_large_ = false;
    clap::OutputStream abi_;
};

class ClapLoading {
public:
    // `data` outlives it.
    explicit ClapLoading(const std::string& data) : data_(data), abi_{this, &ClapLoading::read} {}
    ClapLoading(const ClapLoading&) = delete;
    ClapLoading& operator=(const ClapLoading&) = delete;

    const clap::InputStream* abi() const { return &abi_; }

private:
    static std::int64_t read(const clap::InputStream* stream, void* to,
                             std::uint64_t bytes) noexcept {
        auto& self = *static_cast<ClapLoading*>(stream->context);
        if (!to && bytes > 0) return -1;
        const std::size_t taken = std::min<std::uint64_t>(bytes, self.data_.size() - self.at_);
        if (taken > 0) std::memcpy(to, self.data_.data() + self.at_, taken);
        self.at_ += taken;
        return static_cast<std::int64_t>(taken);
    }

    const std::string& data_;
    std::size_t at_ = 0;
    clap::InputStream abi_;
};

}  // namespace isobooth::sandbox
