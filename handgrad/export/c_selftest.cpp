// Golden rows by the predictor; how far from them arithmetic of another kind may come.
#include "handgrad/export/c_selftest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "handgrad/base/matrix.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/nn/predictor.hpp"

namespace handgrad::exports {
namespace {

constexpr std::size_t golden_rows = 4;
/// Numbers of a Jacobian beyond which it is not part of the test, which keeps it on its stack.
constexpr std::size_t most_derivatives = 4096;
constexpr std::uint32_t hash_begin = 2166136261U, hash_factor = 16777619U;

template <class T>
using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::uint32_t, std::uint64_t>;

/// FNV-1a over words of 32 bits.
template <class T>
std::uint32_t hash_of(std::uint32_t hash, std::span<const T> values) {
    for (const T value : values) {
        const auto bits = std::bit_cast<Bits<T>>(value);
        for (std::size_t at = 0; at < 8 * sizeof(T); at += 32) {
            hash = (hash ^ static_cast<std::uint32_t>(bits >> at)) * hash_factor;
        }
    }
    return hash;
}

constexpr const char* arithmetic_text = R"(
#ifndef %WITHOUT_SELFTEST
/* Whether sums are taken in the order in which they stand, zeros keep their sign, and no product is contracted. */
static int $in_order(void)
{
    const volatile REAL large = LARGE, one = ONE, minus_zero = -ZERO, odd = ODD, near_one = ONE + NEAR;
    const REAL a = large, b = one, z = minus_zero, x = odd, c = near_one;
    const REAL sum = (a + b) - a, zero = z + ZERO, tenth = x / 10, square = $mul(c, c), rest = square - (ONE + 2 * NEAR);
    WORD bits;
    memcpy(&bits, &zero, sizeof bits);
    return sum == ZERO && bits == 0 && tenth != x * TENTH && rest == ZERO;
}
/* Whether fma rounds once. */
static int $fused(void)
{
    const volatile REAL near_one = ONE + NEAR;
    const REAL a = near_one;
    return FMA(a, a, -(ONE + 2 * NEAR)) == NEAR * NEAR;
}
static uint32_t $hash(uint32_t hash, const REAL *values, size_t count)
{
    size_t i;
    for (i = 0; i < count; ++i) {
        WORD bits;
        memcpy(&bits, values + i, sizeof bits);
        hash = (hash ^ (uint32_t)(bits & UINT32_C(0xffffffff))) * UINT32_C(16777619);
HIGH    }
    return hash;
}
)";
constexpr const char* high_word = "        hash = (hash ^ (uint32_t)(bits >> 32)) * UINT32_C(16777619);\n";
constexpr const char* selftest_begin = R"(
int $selftest(void)
{
    static const REAL expected[ROWS][OUTPUTS] = EXPECTED;
    static const REAL within[ROWS] = WITHIN;
    static const uint32_t hashes[3] = {UINT32_C(HASH_Y), UINT32_C(HASH_J), UINT32_C(HASH_H)};
    uint32_t hash = UINT32_C(2166136261), row;
    int same;
    if (!$in_order()) {
        return 2;
    }
    for (row = 0; row < ROWS; ++row) {
        REAL x[INPUTS], yhat[OUTPUTS];
        size_t k;
        $row(row + 1, x);
        $forward(x, yhat);
        hash = $hash(hash, yhat, OUTPUTS);
        for (k = 0; k < OUTPUTS; ++k) {
            const REAL off = yhat[k] < expected[row][k] ? expected[row][k] - yhat[k] : yhat[k] - expected[row][k];
            if (yhat[k] != expected[row][k] && !(off <= within[row])) {
                return 3;
            }
        }
    }
    same = hash == hashes[0];
#ifndef %WITHOUT_JACOBIAN
)";
constexpr const char* selftest_jacobian = R"(    hash = UINT32_C(2166136261);
    for (row = 0; row < ROWS; ++row) {
        REAL x[INPUTS], yhat[OUTPUTS], J[SLOPES];
        $row(row + 1, x);
        $jacobian(x, yhat, J);
        hash = $hash(hash, J, SLOPES);
    }
    same = same && hash == hashes[1];
)";
constexpr const char* selftest_hessian = R"(    hash = UINT32_C(2166136261);
    for (row = 0; row < ROWS; ++row) {
        REAL x[INPUTS], yhat[OUTPUTS], H[BENDS];
        $row(row + 1, x);
        $hessian(x, yhat, H);
        hash = $hash(hash, H, BENDS);
    }
    same = same && hash == hashes[2];
)";
constexpr const char* selftest_end = R"(#endif
    (void)hashes;
    if (!same) {
        return $fused() ? 3 : 1;
    }
    return 0;
}
#endif
)";
constexpr const char* row_text = R"(/* The rows of the test. */
static void $row(uint32_t seed, REAL *x)
{
    size_t i;
    for (i = 0; i < INPUTS; ++i) {
        seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
        x[i] = (REAL)((int)(seed >> 24) - 128) / 64;
    }
}
)";

template <class T>
std::string hex(std::uint32_t value) {
    std::string digits;
    for (int shift = 28; shift >= 0; shift -= 4) {
        digits += "0123456789abcdef"[value >> shift & 15U];
    }
    return "0x" + digits;
}

/// f at z in double, and how much an error of z moves it at most.
struct Moved {
    double value, slope;
};
Moved moved(Activation activation, const ActivationSettings& settings, double z, double error) {
    return visit(activation, [&]<class F>(F) -> Moved {
        if constexpr (F::facts.elementwise) {
            double slope = 0.0;
            for (const double at : {z - error, z, z + error}) {
                slope = std::max(slope, std::fabs(F::derivative(at, settings)));
            }
            return {F::value(z, settings), F::facts.kink ? std::max(slope, 1.0) : slope};
        } else {
            return {z, 1.0};
        }
    });
}

}  // namespace

template <class T>
std::vector<T> selftest_row(std::size_t inputs, std::uint32_t seed) {
    std::vector<T> x(inputs);
    for (T& x_i : x) {
        seed = seed * 1664525U + 1013904223U;
        x_i = static_cast<T>(static_cast<int>(seed >> 24U) - 128) / T(64);
    }
    return x;
}

template <class T>
std::vector<double> output_bounds(const BasicMlp<T>& net, std::span<const T> x) {
    constexpr double unit = std::numeric_limits<T>::epsilon() / 2;
    constexpr double of_functions = 8 * 2 * unit;
    const ActivationSettings settings = net.architecture().activation_settings();
    std::vector<double> a(x.begin(), x.end()), errors(x.size(), 0.0);
    for (std::size_t l = 0; l < net.layers(); ++l) {
        const MatrixView<const T> weight = net.weight(l);
        std::vector<double> z(weight.rows()), z_errors(weight.rows());
        for (std::size_t u = 0; u < weight.rows(); ++u) {
            double sum = static_cast<double>(net.bias(l)[u]), size = std::fabs(sum), error = 0.0;
            for (std::size_t i = 0; i < weight.columns(); ++i) {
                const auto w = static_cast<double>(weight(u, i));
                sum += w * a[i];
                size += std::fabs(w * a[i]);
                error += std::fabs(w) * errors[i];
            }
            z[u] = sum;
            z_errors[u] = error + 2 * static_cast<double>(weight.columns() + 1) * unit * size;
        }
        const Activation activation = net.architecture().activation(l);
        const double worst = *std::ranges::max_element(z_errors);
        for (std::size_t u = 0; u < z.size(); ++u) {
            const auto [value, slope] = moved(activation, settings, z[u], z_errors[u]);
            z[u] = value;
            z_errors[u] = slope * z_errors[u] + of_functions * std::fabs(value);
        }
        if (!facts(activation).elementwise) {
            // |Δp_k| ≤ 2 p_k (1 − p_k) max |Δz| ≤ ½ max |Δz| to first order, and all of it for what follows
            std::ranges::fill(z_errors, worst / 2 * (1 + 4 * worst) + of_functions);
        }
        a = std::move(z);
        errors = std::move(z_errors);
    }
    return errors;
}

template <class T>
std::string selftest_text(const BasicMlp<T>& net, const std::string& prefix, FunctionSet& numbers, bool twice) {
    const BasicPredictor<T> predictor(net, {.threads = 1}, twice ? Differentiable::twice : Differentiable::yes);
    const std::size_t n = net.inputs(), K = net.outputs();
    const bool derivatives = n * K <= most_derivatives, second = twice && n * n * K <= most_derivatives;
    std::vector<std::string> expected, within;
    std::uint32_t hash_y = hash_begin, hash_J = hash_begin, hash_H = hash_begin;
    for (std::uint32_t row = 0; row < golden_rows; ++row) {
        const std::vector<T> x = selftest_row<T>(n, row + 1);
        std::vector<T> yhat(K);
        Matrix<T> J(K, n);
        predictor.jacobian(std::span<const T>(x), std::span<T>(yhat), J.view());
        hash_y = hash_of<T>(hash_y, yhat);
        hash_J = hash_of<T>(hash_J, std::span<const T>(J.view().data(), K * n));
        if (second) {
            std::vector<T> H(K * n * n);
            predictor.hessian(std::span<const T>(x), std::span<T>(yhat), std::span<T>(H));
            hash_H = hash_of<T>(hash_H, H);
        }
        expected.push_back(table_text<T>(numbers, yhat));
        // Both this and what runs elsewhere are within the bound of the exact value.
        const std::vector<double> bounds = output_bounds<T>(net, x);
        within.push_back(numbers.literal(static_cast<double>(static_cast<T>(2 * *std::ranges::max_element(bounds)))));
    }
    const bool wide = sizeof(T) == sizeof(double);
    const std::string text = arithmetic_text + std::string(row_text) + selftest_begin +
                             (derivatives ? selftest_jacobian : "") + (second ? selftest_hessian : "") + selftest_end;
    return filled(text,
                  {{"HIGH", wide ? high_word : ""},
                   {"LARGE", wide ? "0x1p56" : "0x1p27f"},
                   {"ODD", wide ? "3.0" : "9.0f"},  // a tenth of it, and it times the number nearest to 1/10, differ
                   {"TENTH", wide ? "0x1.999999999999ap-4" : "0x1.99999ap-4f"},
                   {"NEAR", wide ? "0x1p-27" : "0x1p-12f"},
                   {"EXPECTED", braced(expected)},
                   {"WITHIN", braced(within)},
                   {"HASH_Y", hex<T>(hash_y)},
                   {"HASH_J", hex<T>(hash_J)},
                   {"HASH_H", hex<T>(hash_H)},
                   {"BENDS", std::to_string(K * n * n)},
                   {"ROWS", std::to_string(golden_rows)},
                   {"SLOPES", std::to_string(K * n)},
                   {"INPUTS", std::to_string(n)},
                   {"OUTPUTS", std::to_string(K)},
                   {"ZERO", numbers.literal(0.0)},
                   {"ONE", numbers.literal(1.0)},
                   {"WORD", wide ? "uint64_t" : "uint32_t"},
                   {"REAL", numbers.type()},
                   {"FMA", wide ? "fma" : "fmaf"},
                   {"$", prefix},
                   {"%", upper_case(prefix)}});
}

template std::string selftest_text(const BasicMlp<float>&, const std::string&, FunctionSet&, bool);
template std::string selftest_text(const BasicMlp<double>&, const std::string&, FunctionSet&, bool);
template std::vector<float> selftest_row(std::size_t, std::uint32_t);
template std::vector<double> selftest_row(std::size_t, std::uint32_t);
template std::vector<double> output_bounds(const BasicMlp<float>&, std::span<const float>);
template std::vector<double> output_bounds(const BasicMlp<double>&, std::span<const double>);

}  // namespace handgrad::exports
