// The one door to Random123: Philox4x32-10 under our own distributions and shuffle.
#include "handgrad/base/random.hpp"

#include <Random123/philox.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace handgrad {

std::uint64_t RandomStream::bits(std::uint64_t index) const {
    using Philox = r123::Philox4x32;
    const auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
    const auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
    const Philox::ctr_type counter = {{low(index), high(index), epoch_, static_cast<std::uint32_t>(purpose_)}};
    const Philox::key_type key = {{low(seed_), high(seed_)}};
    const Philox::ctr_type random = Philox{}(counter, key);
    return (static_cast<std::uint64_t>(random[1]) << 32) | random[0];
}

double RandomStream::uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }

namespace {
std::uint64_t high_product(std::uint64_t bits, std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}
}  // namespace

std::uint64_t RandomStream::below(std::uint64_t bound, std::uint64_t index) const {
    return high_product(bits(index), bound);
}

void random_bits(const RandomStream& stream, std::uint64_t first, std::span<std::uint64_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = stream.bits(first + i);
    }
}

void permute(std::span<std::size_t> order, const RandomStream& stream, RandomBits bits) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Some draws at a time: they do not wait for each other, nor for the swaps, whose places are on their way
    // meanwhile.
    std::array<std::uint64_t, 64> draws{};
    for (std::size_t left = order.size(); left > 1;) {
        const std::size_t some = std::min(draws.size(), left - 1);
        const std::size_t first = left - some;
        bits(stream, first, std::span(draws).first(some));
        for (std::size_t d = some; d-- > 0;) {
            draws[d] = high_product(draws[d], first + d + 1);
            __builtin_prefetch(order.data() + draws[d], 1);
        }
        for (std::size_t d = some; d-- > 0;) {
            std::swap(order[first + d], order[draws[d]]);
        }
        left = first;
    }
}

std::vector<std::size_t> permutation(std::size_t count, const RandomStream& stream) {
    std::vector<std::size_t> order(count);
    permute(order, stream);
    return order;
}

}  // namespace handgrad
