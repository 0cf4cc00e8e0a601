// SPDX-License-Identifier: GPL-3.0-or-later
//
// The shared layout: nothing overlaps, everything is aligned and inside its file, for chains of
// any size; and a file of another layout is refused with the name of what differs.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <vector>

#include "ipc/native/mapping.hpp"
#include "tests/native/check.hpp"

using namespace isobooth::ipc;

namespace {

constexpr SegmentKind kKinds[] = {SegmentKind::ChainHost, SegmentKind::ChainActivation,
                                  SegmentKind::RecordOutput};

struct Region {
    const char* name;
    const std::byte* at;
    std::size_t bytes;
    std::size_t alignment;
};

// The regions of one file, as its typed view hands them out.
class File {
public:
    File(const Geometry& geometry, SegmentKind kind)
        : geometry(geometry), bytes(geometry.size_of(kind)) {
        CHECK(bytes % kCacheLine == 0, "%zu bytes", bytes);
        memory.reset(static_cast<std::byte*>(std::aligned_alloc(4096, align_up(bytes, 4096))));
        add("header", reinterpret_cast<SegmentHeader*>(memory.get()), 1, 8);
        if (kind == SegmentKind::ChainHost) {
            const HostView view{memory.get(), geometry};
            for (std::uint32_t i = 0; i < geometry.records; ++i) {
                add("context", &view.context(i), 1, kCacheLine);
                add("events in", view.events(i), kMaxEvents, kCacheLine);
                for (std::uint32_t channel = 0; channel < kBusChannels; ++channel) {
                    add("audio in", view.audio_in(i, channel), geometry.max_frames, kCacheLine);
                    add("side-chain", view.sidechain(i, channel), geometry.max_frames, kCacheLine);
                }
            }
        }
        if (kind == SegmentKind::ChainActivation)
            for (std::uint32_t i = 0; i < geometry.records; ++i)
                add("activation", &ActivationView{memory.get(), geometry}.record(i), 1, kCacheLine);
        if (kind == SegmentKind::RecordOutput) {
            const OutputView view{memory.get(), geometry};
            add("report", &view.report(), 1, kCacheLine);
            for (unsigned half = 0; half < 2; ++half) {
                add("events out", view.events_out(half), kMaxEvents, kCacheLine);
                for (std::uint32_t channel = 0; channel < kBusChannels; ++channel)
                    add("audio out", view.audio_out(half, channel), geometry.max_frames,
                        kCacheLine);
            }
        }
    }

    void check() {
        std::sort(regions.begin(), regions.end(),
                  [](const Region& a, const Region& b) { return a.at < b.at; });
        const std::byte* end = memory.get();
        for (const Region& region : regions) {
            CHECK(region.at >= end, "%s overlaps what is before it (%u records, %u frames)",
                  region.name, geometry.records, geometry.max_frames);
            CHECK(static_cast<std::size_t>(region.at - memory.get()) % region.alignment == 0,
                  "%s is not aligned (%u records, %u frames)", region.name, geometry.records,
                  geometry.max_frames);
            end = region.at + region.bytes;
        }
        CHECK(end <= memory.get() + bytes, "%s ends behind the file (%u records, %u frames)",
              regions.back().name, geometry.records, geometry.max_frames);
        // Padding is at most that of each region's last cache line.
        std::size_t used = 0;
        for (const Region& region : regions) used += align_up(region.bytes, kCacheLine);
        CHECK(used == bytes, "%zu bytes used of %zu", used, bytes);
    }

    std::size_t region_count() const { return regions.size(); }

private:
    struct Free {
        void operator()(std::byte* p) const { std::free(p); }
    };

    template <typename T>
    void add(const char* name, T* at, std::size_t count, std::size_t alignment) {
        regions.push_back({name, reinterpret_cast<const std::byte*>(at), count * sizeof(T),
                           std::max(alignment, alignof(T))});
    }

    Geometry geometry;
    std::size_t bytes;
    std::unique_ptr<std::byte, Free> memory;
    std::vector<Region> regions;
};

std::size_t nothing_overlaps() {
    std::size_t regions = 0;
    for (const std::uint32_t records : {1u, 2u, 3u, 7u, 24u, 63u, kMaxRecords})
        for (const std::uint32_t frames : {kMinFrames, 2u, 15u, 16u, 17u, 31u, 64u, 127u, 128u,
                                           441u, 512u, 1000u, 4096u, kMaxFrames - 1, kMaxFrames})
            for (const SegmentKind kind : kKinds) {
                File file(Geometry{records, frames, 48000.0}, kind);
                file.check();
                regions += file.region_count();
            }
    return regions;
}

void only_sensible_geometries_are_valid() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    CHECK(Geometry{}.valid(), "the default");
    for (const std::uint32_t records : {1u, kMaxRecords})
        for (const std::uint32_t frames : {kMinFrames, kMaxFrames})
            for (const double rate : {8000.0, 768000.0})
                CHECK((Geometry{records, frames, rate}.valid()), "%u records, %u frames, %g Hz",
                      records, frames, rate);
    for (const std::uint32_t records : {0u, kMaxRecords + 1, ~0u})
        CHECK(!(Geometry{records, 128, 48000.0}.valid()), "%u records", records);
    for (const std::uint32_t frames : {0u, kMaxFrames + 1, ~0u})
        CHECK(!(Geometry{24, frames, 48000.0}.valid()), "%u frames", frames);
    for (const double rate : {0.0, -48000.0, 7999.0, 768001.0, nan, inf, -inf})
        CHECK(!(Geometry{24, 128, rate}.valid()), "%g Hz", rate);
}

void neighbouring_blocks_use_different_halves() {
    for (std::uint64_t generation = 1; generation < 10; ++generation) {
        CHECK(half_of(generation) < 2, "%lu", generation);
        CHECK(half_of(generation) != half_of(generation + 1), "%lu", generation);
    }
}

SegmentHeader header_of(SegmentKind kind, const Geometry& geometry) {
    SegmentHeader header{};
    write_header(header, kind, geometry);
    return header;
}

void a_mismatch_names_its_field() {
    const Geometry geometry{24, 128, 48000.0};
    for (const SegmentKind kind : kKinds) {
        const SegmentHeader good = header_of(kind, geometry);
        CHECK(header_mismatch(good, kind, geometry).empty(), "%s",
              header_mismatch(good, kind, geometry).c_str());
        CHECK(std::memcmp(&good, "ISOBOOTH", 8) == 0, "the magic is not ISOBOOTH in memory");

        const auto refused = [&](const SegmentHeader& header, const char* name, const char* found) {
            const std::string why = header_mismatch(header, kind, geometry);
            CHECK(why.find(name) != std::string::npos && why.find(found) != std::string::npos,
                  "'%s' names neither %s nor %s", why.c_str(), name, found);
        };
        SegmentHeader h = good;
        h.magic ^= 1;
        refused(h, "magic", "");
        h = good, h.version += 1;
        refused(h, "version", std::to_string(kLayoutVersion + 1).c_str());
        h = good, h.kind = static_cast<SegmentKind>(9);
        refused(h, "kind", "9");
        h = good, h.total_size += 64;
        refused(h, "size", std::to_string(geometry.size_of(kind) + 64).c_str());
        h = good, h.records = 25;
        refused(h, "records", "25");
        h = good, h.max_frames = 129;
        refused(h, "max_frames", "129");
        h = good, h.bus_channels = 6;
        refused(h, "bus_channels", "6");
        h = good, h.max_events = 513;
        refused(h, "max_events", "513");
        h = good, h.sample_rate = 44100.0;
        refused(h, "sample_rate", "44100");
        h = good, h.sample_rate = std::numeric_limits<double>::quiet_NaN();
        refused(h, "sample_rate", "nan");
        h = SegmentHeader{};
        refused(h, "magic", "");
    }
    // Two kinds may be of one size; the kind alone tells them apart.
    const SegmentHeader host = header_of(SegmentKind::ChainHost, geometry);
    CHECK(!header_mismatch(host, SegmentKind::RecordOutput, geometry).empty(), "another kind");
}

// A real segment for the length of a scope.
class Segment {
public:
    Segment(std::string name, std::size_t bytes) : name(std::move(name)) {
        const int fd = shm_open(this->name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
        CHECK(fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) == 0, "cannot make %s",
              this->name.c_str());
        void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        CHECK(address != MAP_FAILED, "cannot map %s", this->name.c_str());
        base = static_cast<std::byte*>(address);
        size = bytes;
    }
    ~Segment() {
        munmap(base, size);
        shm_unlink(name.c_str());
    }
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    std::string name;
    std::byte* base;
    std::size_t size;
};

std::string rights_of(const void* address) {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line)) {
        std::uintptr_t from, to;
        char rights[5];
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, rights) == 3 &&
            from <= reinterpret_cast<std::uintptr_t>(address) &&
            reinterpret_cast<std::uintptr_t>(address) < to)
            return rights;
    }
    return "";
}

void attaching_refuses_what_does_not_fit() {
    const Geometry geometry{3, 64, 48000.0};
    const SegmentKind kind = SegmentKind::ChainActivation;
    const std::string name = "/isobooth-test-" + std::to_string(getpid()) + "-layout";
    const auto why_not = [&](const std::string& segment, const Geometry& wanted) -> std::string {
        try {
            const Mapping mapping(segment, kind, wanted, false);
            return "";
        } catch (const std::exception& error) {
            return error.what();
        }
    };
    const auto refused = [&](const std::string& why, const char* names) {
        CHECK(why.find(names) != std::string::npos, "'%s' does not name %s", why.c_str(), names);
        CHECK(why.find(name) != std::string::npos, "'%s' does not name the segment", why.c_str());
    };

    refused(why_not(name + "-none", geometry), "No such file");
    Segment segment(name, geometry.size_of(kind));
    refused(why_not(name, geometry), "magic");
    write_header(*reinterpret_cast<SegmentHeader*>(segment.base), kind, geometry);
    CHECK(why_not(name, geometry).empty(), "%s", why_not(name, geometry).c_str());
    refused(why_not(name, Geometry{4, 64, 48000.0}), "bytes");
    refused(why_not(name, Geometry{2, 64, 48000.0}), "size");
    refused(why_not(name, Geometry{3, 32, 48000.0}), "max_frames");
    refused(why_not(name, Geometry{3, 64, 96000.0}), "sample_rate");

    const Mapping reader(name, kind, geometry, false);
    Mapping writer(name, kind, geometry, true);
    CHECK(rights_of(reader.base()) == "r--s", "a reader has %s", rights_of(reader.base()).c_str());
    CHECK(rights_of(writer.base()) == "rw-s", "a writer has %s", rights_of(writer.base()).c_str());
    ActivationView{writer.base(), geometry}.record(2).state.store(77);
    CHECK((ActivationView{reader.base(), geometry}.record(2).state.load()) == 77,
          "reader and writer do not share");
    const void* address = writer.base();
    Mapping moved = std::move(writer);
    CHECK(moved.base() == address && writer.base() == nullptr, "moving a mapping");
}

}  // namespace

int main() {
    const std::size_t regions = nothing_overlaps();
    only_sensible_geometries_are_valid();
    neighbouring_blocks_use_different_halves();
    a_mismatch_names_its_field();
    attaching_refuses_what_does_not_fit();
    std::printf("layout_test: %zu regions in their places, every header field checked\n", regions);
    return 0;
}
