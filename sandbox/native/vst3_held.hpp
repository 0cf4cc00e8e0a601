// SPDX-License-Identifier: GPL-3.0-or-later
//
// References to objects of VST 3: ours are let go of in time, and the host's own are counted.
#pragma once

#include <utility>

#include "sandbox/native/vst3_abi.hpp"

namespace isobooth::sandbox::vst3 {

// One reference to an interface of a plugin's.
template <class T>
class Held {
public:
    Held() = default;
    explicit Held(T* owned) noexcept : held_(owned) {}
    Held(Held&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    Held& operator=(Held&& other) noexcept {
        std::swap(held_, other.held_);
        return *this;
    }
    ~Held() { reset(); }

    void reset() noexcept {
        if (T* const old = std::exchange(held_, nullptr)) old->release();
    }
    T* get() const noexcept { return held_; }
    T* operator->() const noexcept { return held_; }
    explicit operator bool() const noexcept { return held_ != nullptr; }

private:
    T* held_ = nullptr;
};

// Another interface of the same object, or none.
template <class T>
Held<T> query(Unknown* object) {
    void* found = nullptr;
    if (!object || object->query(T::kId.data(), &found) != kOk) return {};
    return Held<T>(static_cast<T*>(found));
}

// An object of the host's that lives as long as whatever holds it, whatever plugins count.
template <class T>
struct Standing : T {
    Result query(const char* id, void** out) override {
        if (!id || !out) return kInvalidArgument;
        *out = same(id, Unknown::kId) || same(id, T::kId) ? this : nullptr;
        return *out ? kOk : kNoInterface;
    }
    std::uint32_t add_reference() override { return 1; }
    std::uint32_t release() override { return 1; }
};

// One that is deleted with its last reference; it begins with one.
template <class T>
class Counted : public T {
public:
    Result query(const char* id, void** out) override {
        if (!id || !out) return kInvalidArgument;
        *out = same(id, Unknown::kId) || same(id, T::kId) ? this : nullptr;
        if (!*out) return kNoInterface;
        add_reference();
        return kOk;
    }
    std::uint32_t add_reference() override { return ++references_; }
    std::uint32_t release() override {
        const std::uint32_t left = --references_;
        if (left == 0) delete this;
        return left;
    }

protected:
    virtual ~Counted() = default;  // behind the interface's own functions in the table

private:
    std::uint32_t references_ = 1;
};

}  // namespace isobooth::sandbox::vst3
