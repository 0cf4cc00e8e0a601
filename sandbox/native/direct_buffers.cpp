// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/direct_buffers.hpp"

#include <algorithm>
#include <atomic>

namespace isobooth::sandbox {

namespace {

std::atomic<DirectBuffers*> present{nullptr};
std::atomic<bool> tapped{false};

}  // namespace

DirectBuffers::DirectBuffers(int max_frames, bool in_place, bool guard)
    : max_frames_(max_frames),
      in_place_(in_place),
      inputs_(kMaxPluginChannels, max_frames, guard),
      outputs_(kMaxPluginChannels, max_frames, guard) {
    present = this;
}

DirectBuffers::~DirectBuffers() { present = nullptr; }

DirectBuffers* DirectBuffers::now() noexcept { return present; }
bool DirectBuffers::are_tapped() noexcept { return tapped; }
void DirectBuffers::note_tap() noexcept { tapped = true; }

bool DirectBuffers::begin(int frames) noexcept {
    if (frames < 1 || frames > max_frames_) return false;
    frames_ = frames;
    main_count_ = input_count_ = output_count_ = 0;
    inputs_.read_only(false);
    return true;
}

float* DirectBuffers::input(float* theirs, bool is_main) noexcept {
    if (!theirs || input_count_ == kMost) return theirs;
    float* const plane = inputs_.at(static_cast<int>(input_count_++), frames_);
    std::copy_n(theirs, frames_, plane);
    if (is_main) main_count_ = input_count_;
    return plane;
}

float* DirectBuffers::output(float* theirs, bool is_main) noexcept {
    if (!theirs || output_count_ == kMost) return theirs;
    const std::size_t number = output_count_++;
    const bool over = in_place_ && is_main && number < main_count_;
    float* const plane = (over ? inputs_ : outputs_).at(static_cast<int>(number), frames_);
    if (!over) std::fill_n(plane, frames_, kUnwritten);
    ours_[number] = plane;
    theirs_[number] = theirs;
    return plane;
}

void DirectBuffers::seal() noexcept { inputs_.read_only(!in_place_); }

void DirectBuffers::deliver() noexcept {
    for (std::size_t i = 0; i < output_count_; ++i) std::copy_n(ours_[i], frames_, theirs_[i]);
    ++calls_;
}

}  // namespace isobooth::sandbox
