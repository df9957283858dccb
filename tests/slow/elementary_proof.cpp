// Compares the elementary functions with MPFR: in float at every one of the 2³² numbers, in double at many random ones.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/math/elementary_oracle.hpp"

// elementary_proof [float|double] [FUNCTION...] prints a line of the table in docs/numerics.md for each function, and
// ends with 1 when a stated bound does not hold. With fused multiply-adds in hardware (-mfma) a function takes minutes.
namespace {

using namespace handgrad::math::oracle;

constexpr unsigned workers = 2;
constexpr std::size_t block = 1024;                       // neighbours that share one Taylor polynomial
constexpr std::uint32_t float_blocks = 0x400'000U;        // 2³² / 1024
constexpr std::uint32_t double_blocks = 0x400'000U / 16;  // 268 million doubles
constexpr std::uint32_t verified = 64;                    // every 64th Taylor polynomial is itself compared with MPFR

/// Fills xs with the block of that number and returns its anchor: here the 1024 floats that share their leading 22
/// bits.
float fill(std::uint32_t number, const Elementary<float>& /*f*/, std::vector<float>& xs) {
    for (std::uint32_t i = 0; i < block; ++i) {
        xs[i] = std::bit_cast<float>(number * static_cast<std::uint32_t>(block) + i);
    }
    return xs[block / 2];
}
/// 1024 random doubles.
double fill(std::uint32_t number, const Elementary<double>& f, std::vector<double>& xs) {
    return fill_randomly<double>(f, number, xs);
}

template <class T>
bool prove(const Elementary<T>& f, std::uint32_t blocks) {
    Worst<T> worst;
    double doubt = 0.0;
    std::mutex mutex;
    std::atomic<std::uint32_t> next{0};
    const auto work = [&] {
        Worst<T> mine;
        double my_doubt = 0.0;
        std::vector<T> xs(block);
        constexpr std::uint32_t stretch = 1024;
        for (std::uint32_t first = next.fetch_add(stretch); first < blocks; first = next.fetch_add(stretch)) {
            for (std::uint32_t number = first; number < first + stretch; ++number) {
                const T anchor = fill(number, f, xs);
                compare<T>(f, anchor, xs, mine);
                if (number % verified == 0 && taylor_serves<T>(f, anchor, xs)) {
                    my_doubt =
                        std::max(my_doubt, taylor_error(f, anchor, xs[number / verified % 2 == 0 ? 0 : block - 1]));
                }
            }
        }
        const std::scoped_lock lock(mutex);
        worst.merge(mine);
        doubt = std::max(doubt, my_doubt);
    };
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < workers; ++i) {
        threads.emplace_back(work);
    }
    threads.clear();  // joins
    // Beyond low and high the function is monotone and within rounding of its limit: so it is everywhere, if it is
    // there.
    for (const auto& [x, limit] : {std::pair{f.low, f.below}, std::pair{f.high, f.above}}) {
        if (std::isfinite(limit) && ulp_error<T>(limit, static_cast<Wide<T>>(exact_value(f, x))) > 0.5) {
            std::printf("%s: the limit is not yet reached at %a\n", f.name.data(), static_cast<double>(x));
            return false;
        }
    }
    const bool holds = worst.error <= f.bound;
    std::printf("| %s | %s | %llu | %.4f | %a | %.2f%s | %.1e |\n", f.name.data(), sizeof(T) == 4 ? "float" : "double",
                static_cast<unsigned long long>(blocks) * block, exact_error(f, worst.at),
                static_cast<double>(worst.at), f.bound, holds ? "" : " BROKEN", doubt);
    std::fflush(stdout);
    return holds;
}

template <class T>
bool prove_all(std::uint32_t blocks, const std::vector<std::string_view>& wanted) {
    bool all_hold = true;
    for (const Elementary<T>& f : functions<T>()) {
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), f.name) != wanted.end()) {
            all_hold = prove(f, blocks) && all_hold;
        }
    }
    return all_hold;
}

}  // namespace

int main(int count, char** arguments) {
    std::vector<std::string_view> names(arguments + 1, arguments + count);
    const bool single = names.empty() || names.front() == "float";
    const bool twice = names.empty() || names.front() == "double";
    if (!names.empty() && (single || twice)) {
        names.erase(names.begin());
    }
    std::puts("| function | type | arguments | worst error, ulp | at | stated bound | doubt of the oracle, ulp |");
    std::puts("|---|---|---|---|---|---|---|");
    bool all_hold = true;
    if (single || !twice) {
        all_hold = prove_all<float>(float_blocks, names) && all_hold;
    }
    if (twice || !single) {
        all_hold = prove_all<double>(double_blocks, names) && all_hold;
    }
    return all_hold ? 0 : 1;
}
