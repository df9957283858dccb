// Units are sorted by the bits of their parameters; copies then stand side by side.
#include "handgrad/diagnose/identical_units.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <span>

namespace handgrad::diagnose {
namespace {

/// The units of one hidden layer.
template <class T>
class Units {
public:
    Units(const BasicMlp<T>& net, std::size_t layer)
        : in_(net.weight(layer)), bias_(net.bias(layer)), out_(net.weight(layer + 1)) {}

    /// Below 0, 0 or above 0, as std::memcmp says: an order that NaN do not upset.
    [[nodiscard]] int compare(std::size_t i, std::size_t j) const {
        int order = bits(in_.row(i).data(), in_.row(j).data(), in_.columns());
        if (order == 0) {
            order = bits(&bias_[i], &bias_[j], 1);
        }
        for (std::size_t k = 0; k < out_.rows() && order == 0; ++k) {
            order = bits(&out_(k, i), &out_(k, j), 1);
        }
        return order;
    }
    [[nodiscard]] bool without_weights(std::size_t i) const {
        const auto is_0 = [](T w) { return w == T(0); };
        bool none = std::ranges::all_of(in_.row(i), is_0);
        for (std::size_t k = 0; k < out_.rows() && none; ++k) {
            none = is_0(out_(k, i));
        }
        return none;
    }

    [[nodiscard]] double share_of_copies() const {
        std::vector<std::size_t> units(in_.rows());
        std::iota(units.begin(), units.end(), std::size_t{0});
        std::ranges::sort(units, [&](std::size_t i, std::size_t j) { return compare(i, j) < 0; });
        std::size_t copies = 0;
        for (std::size_t i = 0; i < units.size(); ++i) {
            const bool like_before = i > 0 && compare(units[i - 1], units[i]) == 0;
            const bool like_next = i + 1 < units.size() && compare(units[i], units[i + 1]) == 0;
            if ((like_before || like_next) && !without_weights(units[i])) {
                ++copies;
            }
        }
        return static_cast<double>(copies) / static_cast<double>(units.size());
    }

private:
    static int bits(const T* a, const T* b, std::size_t count) { return std::memcmp(a, b, count * sizeof(T)); }

    MatrixView<const T> in_;
    std::span<const T> bias_;
    MatrixView<const T> out_;
};

}  // namespace

template <class T>
std::vector<double> identical_units(const BasicMlp<T>& net) {
    std::vector<double> shares(net.layers(), 0.0);
    for (std::size_t l = 0; l + 1 < net.layers(); ++l) {
        shares[l] = Units<T>(net, l).share_of_copies();
    }
    return shares;
}

template std::vector<double> identical_units(const BasicMlp<float>&);
template std::vector<double> identical_units(const BasicMlp<double>&);

}  // namespace handgrad::diagnose
