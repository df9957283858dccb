// Our reader of decimal numbers beside fast_float and std::from_chars: nanoseconds a number, and the same bits.
#include <fast_float/fast_float.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "handgrad/data/decimal.hpp"

namespace {

constexpr int numbers = 20'000;
constexpr int repetitions = 60;

/// One text with a comma behind each number, as a table has them.
struct Kind {
    const char* name;
    std::string (*spell)(std::mt19937_64& random);
};

std::string printed(const char* format, double value) {
    char text[64];
    const int length = std::snprintf(text, sizeof text, format, value);
    return {text, static_cast<std::size_t>(length)};
}
double symmetric(std::mt19937_64& random) { return std::uniform_real_distribution<double>(-100, 100)(random); }

const Kind kinds[] = {
    {"short decimals (-12.34)", [](std::mt19937_64& random) { return printed("%.2f", symmetric(random)); }},
    {"below 10, four places (3.1416)",
     [](std::mt19937_64& random) { return printed("%.4f", symmetric(random) / 10.5); }},
    {"integers (1 to 7 digits)",
     [](std::mt19937_64& random) {
         return std::to_string(static_cast<std::int64_t>(random() >> (41 + random() % 20)));
     }},
    {"17 digits (-12.345678901234567)", [](std::mt19937_64& random) { return printed("%.17g", symmetric(random)); }},
    {"exponents (1.2345e-05)", [](std::mt19937_64& random) { return printed("%.4e", symmetric(random) * 1e-6); }},
    {"17 digits, any exponent",
     [](std::mt19937_64& random) {
         const auto bits = random();
         return printed("%.16e", (bits >> 52U & 0x7FFU) == 0x7FFU ? 1.0 : std::bit_cast<double>(bits));
     }},
};

const char* by_hand(const char* at, const char* end, double& value) { return handgrad::read_decimal(at, end, value); }
const char* by_fast_float(const char* at, const char* end, double& value) {
    return fast_float::from_chars(at, end, value).ptr;
}
const char* by_standard(const char* at, const char* end, double& value) { return std::from_chars(at, end, value).ptr; }

/// Nanoseconds a number.
template <class Read>
double once(const std::string& text, std::vector<double>& values, Read read) {
    const auto start = std::chrono::steady_clock::now();
    const char* at = text.data();
    const char* const end = at + text.size();
    for (double& value : values) {
        at = read(at, end, value) + 1;
    }
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / numbers;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
    return std::ranges::equal(a, b, {}, std::bit_cast<std::uint64_t, double>, std::bit_cast<std::uint64_t, double>);
}

}  // namespace

int main() {
    int different = 0;
    std::printf("| numbers | ours, ns | fast_float, ns | std::from_chars, ns | fast_float / ours | std / ours |\n");
    std::printf("|---|---|---|---|---|---|\n");
    for (const Kind& kind : kinds) {
        std::mt19937_64 random(1);
        std::string text;
        for (int i = 0; i < numbers; ++i) {
            text += kind.spell(random) + ",";
        }
        std::vector<double> ours(numbers), fast(numbers), standard(numbers);
        double best[3] = {1e9, 1e9, 1e9};
        for (int repetition = 0; repetition < repetitions; ++repetition) {  // in turn, so that all see the same machine
            best[0] = std::min(best[0], once(text, ours, by_hand));
            best[1] = std::min(best[1], once(text, fast, by_fast_float));
            best[2] = std::min(best[2], once(text, standard, by_standard));
        }
        std::printf("| %s | %.1f | %.1f | %.1f | %.2f | %.2f |\n", kind.name, best[0], best[1], best[2],
                    best[1] / best[0], best[2] / best[0]);
        if (!same_bits(ours, standard) || !same_bits(fast, standard)) {
            std::printf("%s: the bits differ\n", kind.name);
            different = 1;
        }
    }
    return different;
}
