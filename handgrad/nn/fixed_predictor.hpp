// A trained network whose shape is known when the program is compiled: outputs and ∂ŷ/∂x of one row, header only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "handgrad/base/checks.hpp"
#include "handgrad/math/activations.hpp"
#include "handgrad/math/lanes.hpp"
#include "handgrad/math/sum_order.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// A layer of a FixedPredictor: so many units, and the activation behind them, one of math/activations.hpp.
template <std::size_t units_, class F = math::Identity>
struct FixedLayer {
    static_assert(units_ > 0);
    static constexpr std::size_t units = units_;
    using Function = F;
};

inline namespace HANDGRAD_TARGET {

/// What a FixedPredictor knows of its shape when it is compiled: sizes, and where things lie in its one array.
template <class T, std::size_t n, class... L>
struct FixedPlaces {
    using V = math::Lanes<T, math::vector_lanes<T>>;
    static constexpr std::size_t layers = sizeof...(L);
    static constexpr std::size_t last = layers - 1;
    static constexpr std::array<std::size_t, layers> units{L::units...};
    static constexpr std::size_t inputs(std::size_t l) { return l == 0 ? n : units[l - 1]; }
    static constexpr bool narrow = layers > 1 && units[last] < math::narrow_outputs;
    /// Vectors that so many numbers fill.
    static constexpr std::size_t vectors(std::size_t numbers) { return (numbers + V::lanes - 1) / V::lanes; }
    static constexpr std::size_t padded(std::size_t numbers) { return vectors(numbers) * V::lanes; }
    /// … rounded up to whole cache lines, in which weights lie together: [lines of units][inputs][line].
    static constexpr std::size_t line = 64 / sizeof(T);
    static constexpr std::size_t in_lines(std::size_t numbers) { return (numbers + line - 1) / line * line; }
    static constexpr bool is_narrow(std::size_t l) { return narrow && l == last; }

    /// Numbers of layer l: its weights in the order of the pass forward …
    static constexpr std::size_t weights(std::size_t l) {
        return is_narrow(l) ? units[l] * padded(inputs(l)) : inputs(l) * in_lines(units[l]);
    }
    /// … and where they, its bias, and its weights in the order of the pass back begin: [lines of inputs][units][line],
    /// or, of a narrow layer, those of the pass forward, row by row.
    static constexpr std::size_t w(std::size_t l) {
        std::size_t at = 0;
        for (std::size_t i = 0; i < l; ++i) {
            at += weights(i) + in_lines(units[i]);
        }
        return at;
    }
    static constexpr std::size_t b(std::size_t l) { return w(l) + weights(l); }
    static constexpr std::size_t forward_size = w(layers);
    static constexpr std::size_t rows(std::size_t l) {
        if (is_narrow(l)) {
            return w(l);
        }
        std::size_t at = forward_size;
        for (std::size_t i = 0; i < l; ++i) {
            at += units[i] * in_lines(inputs(i));
        }
        return at;
    }
    /// From unit to unit, and from line to line, in that order.
    static constexpr std::size_t unit_step(std::size_t l) { return is_narrow(l) ? padded(inputs(l)) : line; }
    static constexpr std::size_t line_step(std::size_t l) { return is_narrow(l) ? line : units[l] * line; }
    static constexpr std::size_t back(std::size_t l, std::size_t unit, std::size_t i) {
        return rows(l) + i / line * line_step(l) + unit * unit_step(l) + i % line;
    }
    static constexpr std::size_t backward_layers = narrow ? last : layers;
    static constexpr std::size_t size =
        rows(backward_layers - 1) + units[backward_layers - 1] * in_lines(inputs(backward_layers - 1));
    /// Numbers of a network in the order of BasicMlp::parameters().
    static constexpr std::size_t parameters(std::size_t l) {
        std::size_t count = 0;
        for (std::size_t i = 0; i < l; ++i) {
            count += (inputs(i) + 1) * units[i];
        }
        return count;
    }
    static constexpr std::size_t widest() {
        std::size_t most = 0;
        for (const std::size_t u : units) {
            most = std::max(most, padded(u));
        }
        return most;
    }
    /// Where the slopes of hidden layer l begin among those of all.
    static constexpr std::size_t slopes(std::size_t l) {
        std::size_t at = 0;
        for (std::size_t i = 0; i < l; ++i) {
            at += padded(units[i]);
        }
        return at;
    }
};

/// ŷ = g(W⁽ᴸ⁾ … f(W⁽¹⁾ x + b⁽¹⁾) … + b⁽ᴸ⁾), Eq. (2), and ∂ŷ/∂x (derivation §7) of a network whose shape is a type:
///
///     using namespace handgrad;
///     using Net = FixedPredictor<10, FixedLayer<32, math::Relu>, FixedLayer<1>>;  // 10 -> 32 relu -> 1 identity
///     static const Net net(std::get<Mlp>(load_model("m.safetensors").net));
///     net.predict(x, yhat);
///
/// n inputs, K outputs, T is float or double. The same bits as a BasicPredictor of that network, whatever the
/// instruction set that the program is compiled for; fast with those of the processor (g++ -O3 -march=native), slow
/// without fused multiply-add, which is a call of the C library then. Like it this knows nothing of a model's columns:
/// x must be imputed, scaled and 0/1 of categories already, ŷ is in the network's units.
///
/// The weights are part of the object (sizeof: about twice those of the network, for ∂ŷ/∂x), so a large one belongs in
/// static or allocated memory. Nothing here allocates, raises (but the constructor), or needs the library to be linked
/// unless the weights come from a BasicMlp. Calls may be made by several threads at once.
template <class T, std::size_t n, class... L>
class BasicFixedPredictor {
    using Places = FixedPlaces<T, n, L...>;
    using V = typename Places::V;
    template <std::size_t l>
    using F = typename std::tuple_element_t<l, std::tuple<L...>>::Function;
    static constexpr std::size_t last = Places::last;
    static constexpr std::size_t line = Places::line;
    static constexpr std::size_t slots = math::lanes_of_sums / V::lanes;
    static constexpr std::size_t leaf_vectors = math::leaf_units / V::lanes;

    static_assert(n > 0 && sizeof...(L) > 0, "a network has inputs and at least one layer");
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);

public:
    static constexpr std::size_t inputs = n;
    static constexpr std::size_t outputs = Places::units[last];
    /// Numbers of such a network, in the order of BasicMlp::parameters(): W⁽¹⁾ row by row, b⁽¹⁾, W⁽²⁾ …
    static constexpr std::size_t parameter_count = Places::parameters(Places::layers);

    /// Raises Error(usage) where sizes or activations of the network are others.
    explicit BasicFixedPredictor(const BasicMlp<T>& net)
        : BasicFixedPredictor(parameters_of(net), net.architecture().activation_settings()) {}
    /// From weights that come from anywhere. Raises Error(usage) in a file that is compiled with parts of -ffast-math.
    explicit BasicFixedPredictor(std::span<const T, parameter_count> parameters,
                                 const ActivationSettings& settings = {})
        : settings_(settings) {
        if (!math::arithmetic_is_exact()) {
            checks::refuse({"FixedPredictor", "this file"},
                           "is compiled with a part of -ffast-math, which changes results; compile it without");
        }
        pack_all(parameters, std::make_index_sequence<Places::layers>());
    }

    /// ŷ of one row: x (n) to yhat (K), which may overlap.
    [[gnu::flatten]] void predict(std::span<const T, n> x, std::span<T, outputs> yhat) const noexcept {
        forward<0, false>(x.data(), yhat.data(), nullptr, nullptr);
    }
    /// ŷ (K) and J = ∂ŷ/∂x at x, row after row (K × n, J[k n + i] = ∂ŷ_k/∂x_i).
    [[gnu::flatten]] void jacobian(std::span<const T, n> x, std::span<T, outputs> yhat,
                                   std::span<T, outputs * n> J) const noexcept {
        alignas(64) T slopes[std::max<std::size_t>(Places::slopes(last), 1)];
        alignas(64) T output_slopes[Places::padded(outputs)];
        forward<0, true>(x.data(), yhat.data(), slopes, output_slopes);
        differentiate(slopes, output_slopes, J.data());
    }

private:
    // --- Weights --------------------------------------------------------------------------------------------------

    static std::span<const T, parameter_count> parameters_of(const BasicMlp<T>& net) {
        const Architecture ours{.sizes = {n, L::units...},
                                .output = *find_activation(F<last>::facts.name),
                                .each_hidden = hidden_functions(std::make_index_sequence<last>())};
        const std::string wanted = described(ours), its = described(net.architecture());
        if (its != wanted) {
            checks::refuse({"FixedPredictor", "net"}, its + "; this predictor was compiled for one that " + wanted);
        }
        return std::span<const T, parameter_count>(net.parameters());
    }
    template <std::size_t... l>
    static std::vector<Activation> hidden_functions(std::index_sequence<l...>) {
        return {*find_activation(F<l>::facts.name)...};
    }
    /// All that must be the same: `is 2 -> 3 relu -> 1 identity`.
    static std::string described(const Architecture& shape) {
        if (shape.layers() == 0) {
            return "has no layers";
        }
        std::string text = "is " + std::to_string(shape.inputs());
        for (std::size_t l = 0; l < shape.layers(); ++l) {
            text += " -> " + std::to_string(shape.sizes[l + 1]) + " " + std::string(name(shape.activation(l)));
        }
        return text;
    }

    template <std::size_t... l>
    void pack_all(std::span<const T, parameter_count> parameters, std::index_sequence<l...>) noexcept {
        (pack<l>(parameters.data() + Places::parameters(l)), ...);
    }
    template <std::size_t l>
    void pack(const T* W) noexcept {
        constexpr std::size_t in = Places::inputs(l), out = Places::units[l];
        for (std::size_t u = 0; u < out; ++u) {
            packed_[Places::b(l) + u] = W[in * out + u];
            for (std::size_t i = 0; i < in; ++i) {
                packed_[Places::back(l, u, i)] = W[u * in + i];
                if constexpr (!Places::is_narrow(l)) {
                    packed_[Places::w(l) + (u / line * in + i) * line + u % line] = W[u * in + i];
                }
            }
        }
    }

    // --- Sizes ----------------------------------------------------------------------------------------------------

    /// Sums that are in registers at the same time: so many hide the time of a multiply-add, and fill whole lines. The
    /// last ones, up to most_sums, go together.
    static constexpr std::size_t sums = std::max<std::size_t>(8, line / V::lanes);
    static constexpr std::size_t most_sums = sums * 3 / 2;
    static_assert(sums * V::lanes % line == 0, "blocks begin where lines do");
    static constexpr std::size_t whole_blocks(std::size_t vectors) {
        return vectors <= most_sums ? 0 : (vectors - most_sums + sums - 1) / sums;
    }

    // --- The pass forward -----------------------------------------------------------------------------------------

    /// Calls f(0), f(1) … f(count − 1) with constants.
    template <class Call, std::size_t... i>
    [[gnu::always_inline]] static void for_all(std::index_sequence<i...>, const Call& call) {
        (call(std::integral_constant<std::size_t, i>()), ...);
    }

    /// Eq. (1) for `size` vectors of units: z from the bias on, inputs in their order.
    template <std::size_t size, std::size_t in>
    [[gnu::always_inline]] static void sum_block(const T* w, const T* bias, const T* x, T* z) {
        V sum[size];
        for_all(std::make_index_sequence<size>(), [&](auto v) { sum[v] = V::load(bias + v * V::lanes); });
        const auto add = [&](const T* weights, T factor) {
            const V spread(factor);
            for_all(std::make_index_sequence<size>(), [&](auto v) {
                constexpr std::size_t at = v * V::lanes;
                sum[v] = fma(V::load(weights + at / line * in * line + at % line), spread, sum[v]);
            });
        };
        constexpr std::size_t step = in * size <= 128 ? in : std::max<std::size_t>(1, 32 / size);
        std::size_t i = 0;
        for (; i + step <= in; i += step) {
            for_all(std::make_index_sequence<step>(), [&](auto j) { add(w + (i + j) * line, x[i + j]); });
        }
        for_all(std::make_index_sequence<in % step>(), [&](auto j) { add(w + (i + j) * line, x[i + j]); });
        for_all(std::make_index_sequence<size>(), [&](auto v) { sum[v].store(z + v * V::lanes); });
    }

    template <std::size_t l>
    [[gnu::always_inline]] void wide_sums(const T* x, T* z) const {
        constexpr std::size_t in = Places::inputs(l), vectors = Places::vectors(Places::units[l]);
        constexpr std::size_t blocks = whole_blocks(vectors), width = sums * V::lanes;
        const T* w = packed_ + Places::w(l);
        const T* bias = packed_ + Places::b(l);
        for (std::size_t i = 0; i < blocks; ++i, w += in * width, bias += width, z += width) {
            sum_block<sums, in>(w, bias, x, z);
        }
        sum_block<vectors - blocks * sums, in>(w, bias, x, z);
    }

    /// The sum of one leaf of `count` vectors for one output.
    template <std::size_t count>
    [[gnu::always_inline]] static T leaf_sum(const T* w, const T* a) {
        V lane[slots];
        for_all(std::make_index_sequence<slots>(), [&](auto s) { lane[s] = V(0); });
        for_all(std::make_index_sequence<count>(), [&](auto v) {
            V& sum = lane[v % slots];
            sum = fma(V::load(w + v * V::lanes), V::load(a + v * V::lanes), sum);
        });
        for (std::size_t half = slots / 2; half > 0; half /= 2) {
            for (std::size_t s = 0; s < half; ++s) {
                lane[s] = lane[s] + lane[s + half];
            }
        }
        return sum_of_lanes(lane[0]);
    }
    /// Eq. (1) for a narrow last layer: leaves of 64 inputs, the tree over them, then the bias (docs/numerics.md).
    [[gnu::always_inline]] void narrow_sums(const T* a, T* z) const {
        constexpr std::size_t in = Places::inputs(last), row = Places::padded(in), vectors = row / V::lanes;
        constexpr std::size_t leaves = (in + math::leaf_units - 1) / math::leaf_units;
        for (std::size_t k = 0; k < outputs; ++k) {
            const T* w = packed_ + Places::w(last) + k * row;
            T slot[std::min(leaves, math::tree_depth)];
            math::tree(
                leaves,
                [&](std::size_t leaf, std::size_t to) {
                    const std::size_t at = leaf * math::leaf_units;
                    if (leaf + 1 < leaves) {
                        slot[to] = leaf_sum<leaf_vectors>(w + at, a + at);
                    } else {
                        slot[to] = leaf_sum<vectors - (leaves - 1) * leaf_vectors>(w + at, a + at);
                    }
                },
                [&](std::size_t left, std::size_t right) { slot[left] = slot[left] + slot[right]; });
            z[k] = packed_[Places::b(last) + k] + slot[0];
        }
    }

    /// a = f(z) in place, and f′(z) where it is wanted.
    template <class Function, bool derivatives>
    [[gnu::always_inline]] void activate(T* a, T* slopes, std::size_t count) const {
        for (std::size_t i = 0; i < count; i += V::lanes) {
            const V z = V::load(a + i);
            Function::value(z, settings_).store(a + i);
            if constexpr (derivatives) {
                Function::derivative(z, settings_).store(slopes + i);
            }
        }
    }

    template <std::size_t l, bool derivatives>
    [[gnu::always_inline]] void forward(const T* x, T* yhat, T* slopes, T* output_slopes) const {
        constexpr std::size_t padded = Places::padded(Places::units[l]);
        alignas(64) T a[padded];
        if constexpr (l < last) {
            wide_sums<l>(x, a);
            activate<F<l>, derivatives>(a, slopes, padded);
            clear<Places::units[l]>(a);
            if constexpr (derivatives) {
                slopes += padded;
            }
            forward<l + 1, derivatives>(a, yhat, slopes, output_slopes);
            return;
        }
        if constexpr (Places::narrow && std::is_same_v<F<last>, math::Identity> && !derivatives) {
            narrow_sums(x, yhat);
            return;
        }
        if constexpr (Places::narrow) {
            narrow_sums(x, a);
            clear<outputs>(a);
        } else {
            wide_sums<l>(x, a);
        }
        output<derivatives>(a, output_slopes);
        store_row<outputs>(a, yhat);
    }
    /// The first `count` numbers of whole vectors out. Not by a loop that the compiler would see through: GCC 12 makes
    /// a string move of that and then takes stores to what it reads for dead (-O2 without -fno-dse).
    template <std::size_t count>
    [[gnu::always_inline]] static void store_row(const T* from, T* to) {
        if constexpr (count <= 16 * V::lanes) {
            for_all(std::make_index_sequence<count / V::lanes>(),
                    [&](auto v) { V::load(from + v * V::lanes).store(to + v * V::lanes); });
            store_rest<count>(V::load(from + Places::padded(count) - V::lanes), to);
        } else {
            copy(from, count, to);
        }
    }
    /// Numbers, or single lanes of them.
    [[gnu::noinline]] static void copy(const void* from, std::size_t count, void* to) {
        std::memcpy(to, from, count * sizeof(T));
    }
    /// The last of the vectors of such a row, where it is not a whole one.
    template <std::size_t count>
    [[gnu::always_inline]] static void store_rest(V v, T* to) {
        if constexpr (count % V::lanes > 0) {
            v.template store_first<count % V::lanes>(to + count / V::lanes * V::lanes);
        }
    }
    /// Padding back to 0: f(0) may be something else, and z is not 0 where an input is infinite. By whole vectors,
    /// since a vector that is read waits for single numbers written to it just before.
    template <std::size_t used>
    [[gnu::always_inline]] static void clear(T* a) {
        constexpr std::size_t whole = used / V::lanes * V::lanes;
        if constexpr (used > whole) {
            const V kept = select(less(lane_numbers(), V(static_cast<T>(used - whole))), V::load(a + whole), V(0));
            kept.store(a + whole);
        }
    }
    [[gnu::always_inline]] static V lane_numbers() {
        alignas(64) static constexpr std::array<T, V::lanes> numbers = []<std::size_t... i>(std::index_sequence<i...>) {
            return std::array<T, V::lanes>{static_cast<T>(i)...};
        }
        (std::make_index_sequence<V::lanes>());
        return V::load(numbers.data());
    }
    /// g of the logits in place.
    template <bool derivatives>
    [[gnu::always_inline]] void output(T* logits, T* output_slopes) const {
        using G = F<last>;
        if constexpr (std::is_same_v<G, math::Identity> && !derivatives) {
            return;
        } else if constexpr (G::facts.elementwise) {
            activate<G, derivatives>(logits, output_slopes, Places::padded(outputs));
        } else {
            using One = math::Lanes<T, 1>;
            One z[outputs], p[outputs];
            copy(logits, outputs, z);
            G::template value<One>(std::span<const One>(z), std::span<One>(p));
            copy(p, outputs, logits);
            if constexpr (derivatives) {
                copy(p, outputs, output_slopes);
            }
        }
    }

    // --- The pass back (derivation §7): the rows of ∂ŷ/∂z of some outputs, times W⁽ˡ⁾ and f′ layer by layer ----------

    /// Parts of nearly equal size, none above `most`: the size of the largest.
    static constexpr std::size_t shared_out(std::size_t count, std::size_t most) {
        const std::size_t parts = (count + most - 1) / most;
        return (count + parts - 1) / parts;
    }
    /// Outputs that go back together.
    static constexpr std::size_t together = shared_out(outputs, 12);
    static constexpr std::size_t room = std::max(Places::widest(), Places::padded(n));

    /// Sums of a tile: of 32 registers, or of 16.
    static constexpr std::size_t tile_sums = math::vector_registers * 3 / 4;
    /// Vectors of inputs of a tile of so many rows: whole lines.
    static constexpr std::size_t tile_vectors(std::size_t rows) {
        if (rows == 1) {
            return 8;
        }
        return std::max<std::size_t>(rows <= 3 ? 4 : 2, line / V::lanes);
    }

    void differentiate(const T* slopes, const T* output_slopes, T* J) const {
        constexpr std::size_t rest = outputs % together;
        std::size_t k = 0;
        for (; k + together <= outputs; k += together) {
            rows_of_jacobian<together>(k, slopes, output_slopes, J + k * n);
        }
        if constexpr (rest > 0) {
            rows_of_jacobian<rest>(k, slopes, output_slopes, J + k * n);
        }
    }
    template <std::size_t rows>
    [[gnu::always_inline]] void rows_of_jacobian(std::size_t k, const T* slopes, const T* output_slopes, T* J) const {
        alignas(64) T d[rows * room];
        if constexpr (F<last>::facts.elementwise) {
            diagonal_rows<rows>(k, slopes, output_slopes, d);
            if constexpr (last == 0) {
                for (std::size_t r = 0; r < rows; ++r) {
                    store_row<n>(d + r * room, J + r * n);
                }
            } else {
                pull_back<last - 1, rows>(d, slopes, J);
            }
        } else {
            using One = math::Lanes<T, 1>;
            One p[outputs], v[outputs];
            for (std::size_t r = 0; r < rows; ++r) {
                copy(output_slopes, outputs, p);
                for (std::size_t j = 0; j < outputs; ++j) {
                    v[j] = One(static_cast<T>(j == k + r));
                }
                F<last>::template times_jacobian<One>(std::span<const One>(p), std::span<const One>(v),
                                                      std::span<One>(v));
                copy(v, outputs, d + r * room);
            }
            pull_back<last, rows>(d, slopes, J);
        }
    }
    /// g′ W⁽ᴸ⁾ f′, where g′ is diagonal; of a network of one layer g′ W⁽¹⁾.
    template <std::size_t rows>
    [[gnu::always_inline]] void diagonal_rows(std::size_t k, const T* slopes, const T* output_slopes, T* d) const {
        constexpr std::size_t row = Places::padded(Places::inputs(last));
        for (std::size_t r = 0; r < rows; ++r) {
            const V g(output_slopes[k + r]);
            const T* w = packed_ + Places::rows(last) + (k + r) * Places::unit_step(last);
            for (std::size_t i = 0; i < row; i += V::lanes) {
                V dz = g * V::load(w + i / line * Places::line_step(last) + i % line);
                if constexpr (last > 0) {
                    dz = dz * V::load(slopes + Places::slopes(last - 1) + i);
                }
                dz.store(d + r * room + i);
            }
        }
    }

    /// From ∂ŷ/∂z of layer l, `rows` rows in d, to those of J.
    template <std::size_t l, std::size_t rows>
    [[gnu::always_inline]] void pull_back(const T* d, const T* slopes, T* J) const {
        if constexpr (l == 0) {
            columns_of<0, rows, n>(d, nullptr, J);
        } else {
            alignas(64) T next[rows * room];
            columns_of<l, rows, room>(d, slopes + Places::slopes(l - 1), next);
            pull_back<l - 1, rows>(next, slopes, J);
        }
    }
    template <std::size_t l, std::size_t rows, std::size_t to_step>
    [[gnu::always_inline]] void columns_of(const T* d, const T* slopes, T* to) const {
        constexpr std::size_t vectors = Places::vectors(Places::inputs(l));
        constexpr std::size_t across = tile_vectors(rows), rest = vectors % across;
        std::size_t v = 0;
        for (; v + across < vectors; v += across) {
            tiles_of<l, rows, to_step, across, false>(v, d, slopes, to);
        }
        tiles_of<l, rows, to_step, rest == 0 ? across : rest, true>(v, d, slopes, to);
    }
    template <std::size_t l, std::size_t rows, std::size_t to_step, std::size_t across, bool at_end>
    [[gnu::always_inline]] void tiles_of(std::size_t v, const T* d, const T* slopes, T* to) const {
        constexpr std::size_t down = shared_out(rows, std::max<std::size_t>(tile_sums / across, 1));
        std::size_t r = 0;
        for (; r + down <= rows; r += down) {
            tile<l, to_step, down, across, at_end>(v, d + r * room, slopes, to + r * to_step);
        }
        if constexpr (rows % down > 0) {
            tile<l, to_step, rows % down, across, at_end>(v, d + r * room, slopes, to + r * to_step);
        }
    }
    /// Σ over the units of layer l, in their order from +0, of d(r, unit) W(unit, ·), times the slopes before; of the
    /// first layer into rows without padding.
    template <std::size_t l, std::size_t to_step, std::size_t down, std::size_t across, bool at_end>
    [[gnu::always_inline]] void tile(std::size_t v, const T* d, const T* slopes, T* to) const {
        constexpr std::size_t units = Places::units[l], unit_step = Places::unit_step(l);
        const T* w = packed_ + Places::rows(l) + v * V::lanes / line * Places::line_step(l) + v * V::lanes % line;
        V sum[down][across];
        for_all(std::make_index_sequence<down * across>(), [&](auto i) { sum[i / across][i % across] = V(0); });
        for (std::size_t u = 0; u < units; ++u, w += unit_step) {
            for_all(std::make_index_sequence<down>(), [&](auto r) {
                const V factor(d[r * room + u]);
                for_all(std::make_index_sequence<across>(), [&](auto c) {
                    constexpr std::size_t at = c * V::lanes;
                    sum[r][c] = fma(V::load(w + at / line * Places::line_step(l) + at % line), factor, sum[r][c]);
                });
            });
        }
        for_all(std::make_index_sequence<down>(), [&](auto r) {
            for_all(std::make_index_sequence<across>(), [&](auto c) {
                const std::size_t at = (v + c) * V::lanes;
                if constexpr (l > 0) {
                    (sum[r][c] * V::load(slopes + at)).store(to + r * to_step + at);
                } else if constexpr (at_end && c + 1 == across && n % V::lanes > 0) {
                    store_rest<n>(sum[r][c], to + r * to_step);
                } else {
                    sum[r][c].store(to + r * to_step + at);
                }
            });
        });
    }

    alignas(64) T packed_[Places::size] = {};
    ActivationSettings settings_;
};

template <std::size_t n, class... L>
using FixedPredictor = BasicFixedPredictor<float, n, L...>;

}  // namespace HANDGRAD_TARGET
}  // namespace handgrad
