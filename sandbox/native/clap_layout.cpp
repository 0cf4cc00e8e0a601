// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_layout.hpp"

#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>

#include "sandbox/native/processor.hpp"

namespace isobooth::sandbox {

namespace {

constexpr std::uint32_t kMaxPorts = 64;
constexpr int kMaxChannels = 4 * kMaxPluginChannels;  // of all ports of one direction

struct Ports {
    std::vector<int> channels;
    std::vector<clap::Id> ids,
        pairs;  // a pair: the port of the other side whose buffer it may share
    int main = kNoPort;
};

Ports read(const clap::Plugin& plugin, const clap::AudioPorts& ports, bool is_input) {
    const std::string kind = is_input ? "audio input" : "audio output";
    const std::uint32_t count = ports.count(&plugin, is_input);
    if (count > kMaxPorts)
        throw TooLarge("the plugin has " + std::to_string(count) + ' ' + kind +
                       " ports, more than a slot can carry");
    Ports found;
    const auto info = std::make_unique<clap::AudioPortInfo>();
    for (std::uint32_t index = 0; index < count; ++index) {
        *info = {};
        if (!ports.get(&plugin, index, is_input, info.get()))
            throw std::runtime_error("the plugin does not describe its " + kind + " port " +
                                     std::to_string(index));
        if (info->channel_count > static_cast<std::uint32_t>(kMaxPluginChannels))
            throw TooLarge("the plugin has more than " + std::to_string(kMaxPluginChannels) +
                           " channels, which no slot can carry");
        found.channels.push_back(static_cast<int>(info->channel_count));
        found.ids.push_back(info->id);
        found.pairs.push_back(info->in_place_pair);
        if ((info->flags & clap::kIsMain) && found.main == kNoPort)
            found.main = static_cast<int>(index);
    }
    if (std::accumulate(found.channels.begin(), found.channels.end(), 0) > kMaxChannels)
        throw TooLarge("the plugin's " + kind +
                       " ports have more channels than a slot "
                       "can carry");
    return found;
}

}  // namespace

ClapLayout clap_layout(const clap::Plugin& plugin, const clap::AudioPorts* ports,
                       bool is_instrument) {
    ClapLayout layout;
    if (!ports || !ports->count || !ports->get) return layout;
    Ports inputs = read(plugin, *ports, true), outputs = read(plugin, *ports, false);
    if (inputs.main == kNoPort && !inputs.channels.empty() && !is_instrument) inputs.main = 0;
    if (outputs.main == kNoPort && !outputs.channels.empty()) outputs.main = 0;
    layout.main_in = inputs.main;
    layout.main_out = outputs.main;
    if (inputs.main != kNoPort && outputs.main != kNoPort)
        layout.in_place = inputs.pairs[static_cast<std::size_t>(inputs.main)] ==
                          outputs.ids[static_cast<std::size_t>(outputs.main)];
    layout.inputs = std::move(inputs.channels);
    layout.outputs = std::move(outputs.channels);
    for (int port = 0; port < static_cast<int>(layout.inputs.size()); ++port)
        if (port != layout.main_in && ClapLayout::channels(layout.inputs, port) > 0) {
            layout.key = port;
            break;
        }
    return layout;
}

}  // namespace isobooth::sandbox
