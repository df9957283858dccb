// Counter-based random numbers: each is a pure function of (seed, purpose, epoch, index), so nothing has to be saved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace handgrad {

/// What a stream of random numbers is for. The values are part of the file format of a run: never renumber them.
enum class Purpose : std::uint32_t {
    weights = 0,
    biases = 1,
    shuffle = 2,
    validation_split = 3,
    test_split = 4,
    certificate = 5,
    folds = 6,
    search = 7,
    calibration_split = 8,
    interval_folds = 9
};

/// Philox4x32-10 with the key = seed and the counter = (index low, index high, epoch, purpose); docs/numerics.md.
class RandomStream {
public:
    RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t epoch = 0)
        : seed_(seed), purpose_(purpose), epoch_(epoch) {}

    /// 64 uniform bits for this index.
    [[nodiscard]] std::uint64_t bits(std::uint64_t index) const;
    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    [[nodiscard]] double uniform(std::uint64_t index) const;
    /// Uniform in {0, …, bound − 1} (bound > 0), by the high half of a 128-bit product; its bias is below bound / 2⁶⁴.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound, std::uint64_t index) const;

    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    [[nodiscard]] Purpose purpose() const { return purpose_; }
    [[nodiscard]] std::uint32_t epoch() const { return epoch_; }

private:
    std::uint64_t seed_;
    Purpose purpose_;
    std::uint32_t epoch_;
};

/// to[i] = stream.bits(first + i).
void random_bits(const RandomStream& stream, std::uint64_t first, std::span<std::uint64_t> to);
/// What does the same, perhaps sooner.
using RandomBits = void (*)(const RandomStream& stream, std::uint64_t first, std::span<std::uint64_t> to);

/// The numbers 0 … count − 1 in random order: Fisher–Yates from the end, swap i with below(i + 1, i).
std::vector<std::size_t> permutation(std::size_t count, const RandomStream& stream);
/// The same into memory that is there already, whatever it holds.
void permute(std::span<std::size_t> order, const RandomStream& stream, RandomBits bits = random_bits);

}  // namespace handgrad
