// SPDX-License-Identifier: GPL-3.0-or-later
//
// Attaching to a shared file: opens it by name, checks magic, version, kind and
// sizes, maps it.
//
// A mismatch is refused by name here, once, so that nothing behind this point
// has to doubt the layout. Readers open the file read-only: a descriptor opened
// for writing would let them raise the rights of the mapping later.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "ipc/native/layout.hpp"

namespace isobooth::ipc {

inline void write_header(SegmentHeader& header, SegmentKind kind, const Geometry& geometry) {
    header = SegmentHeader{};
    header.version = kLayoutVersion;
    header.kind = kind;
    header.total_size = geometry.size_of(kind);
    header.records = geometry.records;
    header.max_frames = geometry.max_frames;
    header.bus_channels = kBusChannels;
    header.max_events = kMaxEvents;
    header.sample_rate = geometry.sample_rate;
    std::atomic_thread_fence(std::memory_order_release);
    header.magic = kMagic;
}

// Returns why the header does not describe `geometry`, or an empty string.
inline std::string header_mismatch(const SegmentHeader& header, SegmentKind kind,
                                   const Geometry& geometry) {
    const auto differs = [](const char* what, auto found, auto wanted) {
        return std::string(what) + " is " + std::to_string(found) + ", expected " +
               std::to_string(wanted);
    };
    if (header.magic != kMagic) return "it is not an Isobooth segment (wrong magic)";
    if (header.version != kLayoutVersion)
        return differs("layout version", header.version, kLayoutVersion);
    if (header.kind != kind)
        return differs("kind", static_cast<unsigned>(header.kind), static_cast<unsigned>(kind));
    if (header.total_size != geometry.size_of(kind))
        return differs("size", header.total_size, geometry.size_of(kind));
    if (header.records != geometry.records)
        return differs("records", header.records, geometry.records);
    if (header.max_frames != geometry.max_frames)
        return differs("max_frames", header.max_frames, geometry.max_frames);
    if (header.bus_channels != kBusChannels)
        return differs("bus_channels", header.bus_channels, kBusChannels);
    if (header.max_events != kMaxEvents)
        return differs("max_events", header.max_events, kMaxEvents);
    if (header.sample_rate != geometry.sample_rate)
        return differs("sample_rate", header.sample_rate, geometry.sample_rate);
    return {};
}

class Mapping {
public:
    Mapping() = default;
    // `name` as shm_open takes it ("/isobooth-…"). Throws std::system_error (no
    // such segment, no right) or std::runtime_error (another layout), each naming
    // the segment.
    Mapping(const std::string& name, SegmentKind kind, const Geometry& geometry, bool writable)
        : size_(geometry.size_of(kind)) {
        const int fd = shm_open(name.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
        if (fd < 0)
            throw std::system_error(errno, std::generic_category(), "cannot open segment " + name);
        struct stat info {};
        const bool large_enough =
            fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(size_);
        void* address = large_enough ? mmap(nullptr, size_, PROT_READ | (writable ? PROT_WRITE : 0),
                                            MAP_SHARED | MAP_POPULATE, fd, 0)
                                     : MAP_FAILED;
        const int error = errno;
        close(fd);
        if (!large_enough)
            throw std::runtime_error("segment " + name + " has " + std::to_string(info.st_size) +
                                     " bytes, expected " + std::to_string(size_));
        if (address == MAP_FAILED)
            throw std::system_error(error, std::generic_category(), "cannot map segment " + name);
        base_ = static_cast<std::byte*>(address);
        const std::string mismatch =
            header_mismatch(*reinterpret_cast<SegmentHeader*>(base_), kind, geometry);
        if (!mismatch.empty()) {
            unmap();
            throw std::runtime_error("segment " + name + " cannot be used: " + mismatch);
        }
    }
    Mapping(Mapping&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Mapping() { unmap(); }

    std::byte* base() const noexcept { return base_; }

private:
    void unmap() noexcept {
        if (base_) munmap(base_, size_);
        base_ = nullptr;
    }

    std::byte* base_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace isobooth::ipc
