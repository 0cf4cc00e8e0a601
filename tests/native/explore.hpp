// SPDX-License-Identifier: GPL-3.0-or-later
//
// Visits every state that a small model of concurrent parties can reach, breadth first, so that
// the first violation found is one of the shortest.
//
// A Model has a State, a function that names every step possible from a state, and a verdict on
// the state itself. States are kept packed, each once; a table of their numbers is the hash set,
// and the number of the state each was reached from is enough to tell the way there.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace isobooth::tests {

using Packed = std::array<std::uint64_t, 3>;

// Writes and reads small fields side by side, in the same order.
class Packer {
public:
    void put(unsigned value, unsigned bits) {
        if (value >> bits != 0) throw std::logic_error("a field of the model is too narrow");
        if (used_ + bits > 64) {
            ++index_;
            used_ = 0;
        }
        packed[index_] |= static_cast<std::uint64_t>(value) << used_;
        used_ += bits;
    }
    unsigned take(unsigned bits) {
        if (used_ + bits > 64) {
            ++index_;
            used_ = 0;
        }
        const auto value = packed[index_] >> used_ & ((std::uint64_t{1} << bits) - 1);
        used_ += bits;
        return static_cast<unsigned>(value);
    }

    Packed packed{};

private:
    unsigned index_ = 0;
    unsigned used_ = 0;
};

// What one party did; told only in a trace.
struct Step {
    const char* actor;
    int number;  // which worker; negative: there is only one
    const char* what;
    int generation;
    // A step that is not bound to happen: a deadline, a death. What only such a step can end is a
    // standstill.
    bool chance = false;

    std::string text() const {
        std::string line = actor;
        if (number >= 0) line += " " + std::to_string(number);
        return line + " " + what + " g" + std::to_string(generation);
    }
};

struct Exploration {
    std::size_t states = 0;
    std::string violation;  // empty: none
    std::vector<std::string> trace;
    bool complete = false;  // every reachable state was visited
};

template <typename Model>
class Explorer {
public:
    Explorer(const Model& model, std::size_t limit) : model_(model), limit_(limit) {
        table_.assign(std::size_t{1} << 16, kNone);
    }

    Exploration run() {
        using State = typename Model::State;
        Exploration result;
        insert(model_.pack(model_.initial()), 0);
        std::uint32_t at = 0;
        for (; at < count_ && count_ < limit_; ++at) {
            const State state = model_.unpack(packed(at));
            int bound_to_happen = 0;
            const char* violation = nullptr;
            model_.steps(state, [&](const State& next, const Step& step, const char* wrong) {
                if (violation) return;
                if (wrong) {
                    violation = wrong;
                    result.trace = trace(at);
                    result.trace.push_back(step.text());
                    return;
                }
                bound_to_happen += !step.chance;
                insert(model_.pack(next), at);
            });
            if (!violation && (violation = model_.verdict(state, bound_to_happen)))
                result.trace = trace(at);
            if (violation) {
                result.violation = violation;
                break;
            }
        }
        result.states = count_;
        result.complete = at == count_;
        return result;
    }

private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};
    static constexpr std::size_t kChunk = std::size_t{1} << 18;

    const Packed& packed(std::uint32_t i) const { return states_[i / kChunk][i % kChunk]; }

    static std::uint64_t hash(const Packed& p) {
        std::uint64_t h = p[0] * 0x9E3779B97F4A7C15u;
        h = (h ^ h >> 29 ^ p[1]) * 0xBF58476D1CE4E5B9u;
        h = (h ^ h >> 32 ^ p[2]) * 0x94D049BB133111EBu;
        return h ^ h >> 31;
    }

    void insert(const Packed& state, std::uint32_t from) {
        std::size_t place = hash(state) & (table_.size() - 1);
        while (table_[place] != kNone) {
            if (packed(table_[place]) == state) return;
            place = (place + 1) & (table_.size() - 1);
        }
        table_[place] = count_;
        // Chunks, because a growing vector would hold everything twice while it moves.
        if (count_ % kChunk == 0) {
            states_.emplace_back(kChunk);
            from_.emplace_back(kChunk);
        }
        states_.back()[count_ % kChunk] = state;
        from_.back()[count_ % kChunk] = from;
        if (++count_ * 3ull > table_.size() * 2ull) grow();
    }

    void grow() {
        const std::size_t size = table_.size() * 2;
        table_.clear();
        table_.assign(size, kNone);
        for (std::uint32_t i = 0; i < count_; ++i) {
            std::size_t place = hash(packed(i)) & (size - 1);
            while (table_[place] != kNone) place = (place + 1) & (size - 1);
            table_[place] = i;
        }
    }

    // The steps from the start to state `to`: found again by asking each state on the way which
    // of its steps leads to the next.
    std::vector<std::string> trace(std::uint32_t to) const {
        std::vector<std::uint32_t> way{to};
        while (way.back() != 0) way.push_back(from_[way.back() / kChunk][way.back() % kChunk]);
        std::vector<std::string> lines;
        for (std::size_t i = way.size() - 1; i > 0; --i) {
            bool found = false;
            const auto state = model_.unpack(packed(way[i]));
            model_.steps(state, [&](const auto& next, const Step& step, const char*) {
                if (!found && model_.pack(next) == packed(way[i - 1])) {
                    found = true;
                    lines.push_back(step.text());
                }
            });
        }
        return lines;
    }

    const Model& model_;
    std::size_t limit_;
    std::uint32_t count_ = 0;
    std::vector<std::vector<Packed>> states_;
    std::vector<std::vector<std::uint32_t>> from_;
    std::vector<std::uint32_t> table_;
};

}  // namespace isobooth::tests
