// Second derivatives in C (derivation §7.8), behind the network that they are of.
#pragma once

#include <cstddef>
#include <string>

#include "handgrad/export/c_network.hpp"

namespace handgrad::exports {

/// H_k = Σ_l Q_lᵀ diag{β_l ∘ f_l″} Q_l, with the bits of BasicPredictor::hessian().
template <class T>
class CHessian {
public:
    /// The network was made with `twice`, and outlives this.
    explicit CHessian(const CNetwork<T>& network) : network_(network) {}

    /// hessian(), and what it calls beside the functions of the network.
    [[nodiscard]] std::string definitions() const;

private:
    [[nodiscard]] std::string tangents() const;
    [[nodiscard]] std::string curvatures() const;
    [[nodiscard]] std::string terms() const;
    [[nodiscard]] std::string softmax_centring() const;
    [[nodiscard]] bool first_by_products() const;
    /// The last layer whose tangents are needed beside the weights of the first; 0 for none.
    [[nodiscard]] std::size_t last_of_tangents() const;
    [[nodiscard]] std::size_t tangent_place(std::size_t layer) const;
    [[nodiscard]] std::string tangent(std::size_t layer) const;

    const CNetwork<T>& network_;
};

extern template class CHessian<float>;
extern template class CHessian<double>;

}  // namespace handgrad::exports
