// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a VST3 plugin's editor asks of its host: states travel whole, messages hold what was put into
// them, timers and descriptors are served until they are taken back or their view has gone.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "sandbox/native/vst3_host.hpp"
#include "tests/native/check.hpp"

using namespace isobooth::sandbox;

namespace {

struct Ticks final : vst3::TimerHandler {
    vst3::Result query(const char*, void**) override { return vst3::kNoInterface; }
    std::uint32_t add_reference() override { return 1; }
    std::uint32_t release() override { return 1; }
    void on_timer() override { ++count; }
    int count = 0;
};

struct Reader final : vst3::EventHandler {
    vst3::Result query(const char*, void**) override { return vst3::kNoInterface; }
    std::uint32_t add_reference() override { return 1; }
    std::uint32_t release() override { return 1; }
    void on_ready(int) override { ++count; }
    int count = 0;
};

void streams() {
    Vst3Stream stream;
    char said[] = "a state", heard[8] = {};
    std::int32_t done = 0;
    std::int64_t at = 0;
    CHECK(stream.write(said, 7, &done) == vst3::kOk && done == 7, "written");
    CHECK(stream.seek(2, vst3::Stream::kFromStart, &at) == vst3::kOk && at == 2, "sought");
    CHECK(stream.read(heard, 8, &done) == vst3::kOk && done == 5, "read to its end");
    CHECK(std::strcmp(heard, "state") == 0, "the same");
    CHECK(stream.seek(-8, vst3::Stream::kFromEnd, nullptr) != vst3::kOk, "nothing before it");
    CHECK(stream.seek(1, vst3::Stream::kFromHere, nullptr) != vst3::kOk, "nothing behind it");
    CHECK(stream.write(said, -1, &done) != vst3::kOk, "no negative sizes");
    CHECK(stream.seek(0, vst3::Stream::kFromStart, nullptr) == vst3::kOk, "back to the start");
    std::string block(1 << 20, 'x');
    int written = 0;
    while (stream.write(block.data(), 1 << 20, nullptr) == vst3::kOk) ++written;
    CHECK(written == 32, "a state has 32 MiB at most");
}

void messages() {
    Vst3Application host;
    void* made = nullptr;
    CHECK(host.create(vst3::Component::kId.data(), vst3::Component::kId.data(), &made) != vst3::kOk,
          "no plugins are made here");
    CHECK(host.create(vst3::Message::kId.data(), vst3::Message::kId.data(), &made) == vst3::kOk,
          "a message");
    vst3::Held<vst3::Message> message(static_cast<vst3::Message*>(made));
    message->set_message_id("hello");
    CHECK(std::strcmp(message->message_id(), "hello") == 0, "its name");
    vst3::Attributes* const content = message->attributes();
    double number = 0.0;
    std::int64_t whole = 0;
    char16_t text[4] = {};
    const void* data = nullptr;
    std::uint32_t bytes = 0;
    CHECK(content->set_int("whole", 7) == vst3::kOk, "a number");
    CHECK(content->get_int("whole", whole) == vst3::kOk && whole == 7, "the number");
    CHECK(content->get_float("whole", number) != vst3::kOk, "of its own kind");
    CHECK(content->get_int("other", whole) != vst3::kOk, "nothing by another name");
    CHECK(content->set_string("text", u"longer") == vst3::kOk, "a text");
    CHECK(content->get_string("text", text, sizeof text) == vst3::kOk, "cut to the room");
    CHECK(std::u16string(text) == u"lon", "and ended");
    CHECK(content->set_binary("data", "ab", 2) == vst3::kOk, "data");
    CHECK(content->get_binary("data", data, bytes) == vst3::kOk && bytes == 2, "the data");
    CHECK(content->set_int(nullptr, 1) != vst3::kOk, "a name is needed");
}

void loops() {
    Vst3Frame frame;
    void* found = nullptr;
    CHECK(frame.query(vst3::RunLoop::kId.data(), &found) == vst3::kOk, "a frame has a loop");
    auto* loop = static_cast<vst3::RunLoop*>(found);
    Ticks ticks;
    Reader reader;
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1, "a pipe");
    CHECK(loop->add_timer(&ticks, 0) == vst3::kOk, "a timer");
    CHECK(loop->add_descriptor(&reader, ends[0]) == vst3::kOk, "a descriptor");
    CHECK(loop->add_descriptor(&reader, ends[1]) == vst3::kOk, "another one for the same");
    CHECK(loop->add_descriptor(&reader, -1) != vst3::kOk, "not for what is none");
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    frame.turn();
    CHECK(ticks.count == 1 && reader.count == 1, "both are called once a turn");
    CHECK(loop->remove_descriptor(&reader) == vst3::kOk, "taken back");
    CHECK(loop->remove_descriptor(&reader) != vst3::kOk, "once");
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    frame.turn();
    CHECK(ticks.count == 2 && reader.count == 1, "only the timer is left");
    frame.forget();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    frame.turn();
    CHECK(ticks.count == 2, "nothing is called for a view that has gone");
    close(ends[0]);
    close(ends[1]);
}

void sizes() {
    const EditorSize size = vst3_size_of({10, 20, 110, 70});
    CHECK(size.width == 100 && size.height == 50, "of a rectangle");
    const EditorSize none = vst3_size_of({100, 0, 0, 0});
    CHECK(none.width == 0 && none.height == 0, "of one that is turned around");
    const EditorSize vast = vst3_size_of({INT32_MIN, 0, INT32_MAX, 1});
    CHECK(vast.width == UINT32_MAX, "of one that is as large as can be");
}

}  // namespace

int main() {
    streams();
    messages();
    loops();
    sizes();
    std::puts("vst3_host_test: ok");
    return 0;
}
