// SPDX-License-Identifier: GPL-3.0-or-later
//
// A block that a worker processes in parts looks to the plugin as if each part had been a block of
// the host's: the same positions, beats to the last bit, and jumps.
#include <cstring>
#include <random>

#include "host/native/transport.hpp"
#include "sandbox/native/later_transport.hpp"
#include "tests/native/check.hpp"

using namespace isobooth;

namespace {

struct Song {
    double rate;
    double tempo;
    bool playing;
    std::int64_t start;
    std::int64_t loop_start, loop_end;  // equal: no loop
};

void set_up(host::TransportClock& transport, const Song& song) {
    transport.set_tempo(song.tempo);
    transport.set_loop(song.loop_start, song.loop_end);
    transport.locate(song.start);
    transport.play(song.playing);
}

void compare(const Song& song, int part, int parts) {
    host::TransportClock whole(song.rate), stepping(song.rate);
    set_up(whole, song);
    set_up(stepping, song);
    for (int block = 0; block < 8; ++block) {
        ipc::Transport from{};
        whole.next_block(part * parts, from);
        for (int i = 0; i < parts; ++i) {
            ipc::Transport expected{};
            stepping.next_block(part, expected);
            const ipc::Transport got = sandbox::later(from, i * part, song.rate);
            CHECK(got.position_frames == expected.position_frames,
                  "block %d part %d: %lld, not %lld", block, i,
                  static_cast<long long>(got.position_frames),
                  static_cast<long long>(expected.position_frames));
            CHECK(got.position_beats == expected.position_beats, "block %d part %d", block, i);
            CHECK(got.flags == expected.flags, "block %d part %d: %u, not %u", block, i, got.flags,
                  expected.flags);
        }
    }
}

}  // namespace

int main() {
    std::mt19937 random(1);
    const auto any = [&random](int from, int to) {
        return std::uniform_int_distribution<int>(from, to)(random);
    };
    for (int round = 0; round < 20000; ++round) {
        const int part = any(16, 256), parts = any(1, 8);
        Song song{
            any(0, 1) ? 48000.0 : 44100.0, 60.0 + any(0, 1000) / 7.0, any(0, 9) != 0, 0, 0, 0};
        if (any(0, 2) != 0) {
            song.loop_start = any(0, 1000);
            // Often a multiple, so that the loop ends where a part does.
            const int least = part * parts;
            song.loop_end = song.loop_start + (any(0, 1) ? least * any(1, 3) : least + any(0, 999));
        }
        song.start = any(0, 1) ? song.loop_start : any(0, 3000);
        compare(song, part, parts);
    }
    return 0;
}
