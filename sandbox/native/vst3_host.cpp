// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/vst3_host.hpp"

#include <poll.h>

#include <algorithm>
#include <map>
#include <variant>

namespace isobooth::sandbox {

using namespace vst3;

namespace {

// A message's content: one map, whatever the kind.
class Content final : public Counted<Attributes> {
public:
    Result set_int(const char* name, std::int64_t value) override { return set(name, value); }
    Result get_int(const char* name, std::int64_t& value) override { return get(name, value); }
    Result set_float(const char* name, double value) override { return set(name, value); }
    Result get_float(const char* name, double& value) override { return get(name, value); }

    Result set_string(const char* name, const char16_t* value) override {
        return value ? set(name, std::u16string(value)) : kInvalidArgument;
    }
    Result get_string(const char* name, char16_t* value, std::uint32_t bytes) override {
        const auto* found = find<std::u16string>(name);
        const std::size_t room = bytes / sizeof(char16_t);
        if (!found || !value || room == 0) return kFalse;
        const std::size_t length = std::min(found->size(), room - 1);
        std::copy_n(found->data(), length, value);
        value[length] = 0;
        return kOk;
    }

    Result set_binary(const char* name, const void* data, std::uint32_t bytes) override {
        if (!data) return kInvalidArgument;
        return set(name, std::string(static_cast<const char*>(data), bytes));
    }
    Result get_binary(const char* name, const void*& data, std::uint32_t& bytes) override {
        const auto* found = find<std::string>(name);
        if (!found) return kFalse;
        data = found->data();
        bytes = static_cast<std::uint32_t>(found->size());
        return kOk;
    }

private:
    using Value = std::variant<std::int64_t, double, std::u16string, std::string>;

    template <class T>
    Result set(const char* name, T value) {
        if (!name) return kInvalidArgument;
        values_[name] = std::move(value);
        return kOk;
    }
    template <class T>
    const T* find(const char* name) const {
        const auto at = name ? values_.find(name) : values_.end();
        return at == values_.end() ? nullptr : std::get_if<T>(&at->second);
    }
    template <class T>
    Result get(const char* name, T& value) const {
        const T* found = find<T>(name);
        if (found) value = *found;
        return found ? kOk : kFalse;
    }

    std::map<std::string, Value> values_;
};

class Letter final : public Counted<Message> {
public:
    const char* message_id() override { return id_.c_str(); }
    void set_message_id(const char* id) override { id_ = id ? id : ""; }
    Attributes* attributes() override { return content_.get(); }

private:
    std::string id_;
    Held<Attributes> content_{new Content};
};

EventLoop::Key key_of(const TimerHandler* handler) {
    return reinterpret_cast<std::uintptr_t>(handler);
}

}  // namespace

EditorSize vst3_size_of(const Rectangle& rectangle) {
    const auto side = [](std::int32_t from, std::int32_t to) {
        return static_cast<std::uint32_t>(std::max<std::int64_t>(0, std::int64_t{to} - from));
    };
    return {side(rectangle.left, rectangle.right), side(rectangle.top, rectangle.bottom)};
}

// -- the stream ---------------------------------------------------------------------------------

Result Vst3Stream::read(void* to, std::int32_t bytes, std::int32_t* done) {
    if (!to || bytes < 0) return kInvalidArgument;
    const std::size_t count = std::min(static_cast<std::size_t>(bytes), data_.size() - at_);
    std::copy_n(data_.data() + at_, count, static_cast<char*>(to));
    at_ += count;
    if (done) *done = static_cast<std::int32_t>(count);
    return kOk;
}

Result Vst3Stream::write(void* from, std::int32_t bytes, std::int32_t* done) {
    if (!from || bytes < 0) return kInvalidArgument;
    const auto count = static_cast<std::size_t>(bytes);
    if (done) *done = 0;
    if (count > kMost - at_) return kOutOfMemory;
    data_.resize(std::max(data_.size(), at_ + count));
    std::copy_n(static_cast<const char*>(from), count, data_.data() + at_);
    at_ += count;
    if (done) *done = bytes;
    return kOk;
}

Result Vst3Stream::seek(std::int64_t position, std::int32_t whence, std::int64_t* result) {
    const auto size = static_cast<std::int64_t>(data_.size());
    const std::int64_t from = whence == kFromStart  ? 0
                              : whence == kFromHere ? static_cast<std::int64_t>(at_)
                                                    : size;
    if (position < -from || position > size - from) return kInvalidArgument;
    at_ = static_cast<std::size_t>(from + position);
    if (result) *result = from + position;
    return kOk;
}

Result Vst3Stream::tell(std::int64_t* position) {
    if (!position) return kInvalidArgument;
    *position = static_cast<std::int64_t>(at_);
    return kOk;
}

// -- the application ----------------------------------------------------------------------------

Result Vst3Application::name(char16_t* to) {
    static constexpr char16_t kName[] = u"Isobooth";
    if (!to) return kInvalidArgument;
    std::copy(std::begin(kName), std::end(kName), to);
    return kOk;
}

Result Vst3Application::create(const char* class_id, const char* interface, void** out) {
    if (!class_id || !interface || !out) return kInvalidArgument;
    *out = nullptr;
    Held<Unknown> made;
    if (same(class_id, Message::kId))
        made = Held<Unknown>(new Letter);
    else if (same(class_id, Attributes::kId))
        made = Held<Unknown>(new Content);
    return made ? made->query(interface, out) : kNoInterface;
}

Result Vst3Handler::perform_edit(std::uint32_t parameter, double normalized) {
    if (edits_.size() < kMost) edits_.emplace_back(parameter, normalized);
    return kOk;
}

// -- the frame ----------------------------------------------------------------------------------

Result Vst3Frame::query(const char* id, void** out) {
    if (!id || !out) return kInvalidArgument;
    if (!same(id, RunLoop::kId)) return Standing::query(id, out);
    *out = &run_loop_;
    return kOk;
}

Result Vst3Frame::resize(View* view, Rectangle* wanted) {
    if (!view || !wanted) return kInvalidArgument;
    size_ = vst3_size_of(*wanted);
    Rectangle granted = *wanted;  // the plugin may change its own meanwhile
    return view->on_size(&granted);
}

void Vst3Frame::forget() {
    loop_ = {};
    watches_.clear();
    size_ = {};
}

Result Vst3Frame::Loop::add_descriptor(EventHandler* handler, int descriptor) {
    if (!handler || !frame_.loop_.add_descriptor(frame_.next_, descriptor, POLLIN))
        return kInvalidArgument;
    frame_.watches_.push_back({frame_.next_++, handler});
    return kOk;
}

Result Vst3Frame::Loop::remove_descriptor(EventHandler* handler) {
    const auto gone = std::erase_if(frame_.watches_, [&](const Watch& one) {
        return one.handler == handler && (frame_.loop_.remove_descriptor(one.key), true);
    });
    return gone ? kOk : kInvalidArgument;
}

Result Vst3Frame::Loop::add_timer(TimerHandler* handler, std::uint64_t period_ms) {
    return handler && frame_.loop_.add_timer(key_of(handler), period_ms) ? kOk : kInvalidArgument;
}

Result Vst3Frame::Loop::remove_timer(TimerHandler* handler) {
    return frame_.loop_.remove_timer(key_of(handler)) ? kOk : kInvalidArgument;
}

void Vst3Frame::on_timer(EventLoop::Key key) {
    reinterpret_cast<TimerHandler*>(static_cast<std::uintptr_t>(key))->on_timer();
}

void Vst3Frame::on_ready(EventLoop::Key key, int descriptor, short) {
    const auto one = std::find_if(watches_.begin(), watches_.end(),
                                  [&](const Watch& watch) { return watch.key == key; });
    if (one != watches_.end()) one->handler->on_ready(descriptor);
}

}  // namespace isobooth::sandbox
