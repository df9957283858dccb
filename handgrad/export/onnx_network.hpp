// The network and its derivatives by the input as nodes of ONNX, for any number of rows at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "handgrad/export/onnx_graph.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad::exports {

/// Makes nodes in a graph, of rows that stand in it as `x` (rows × n).
template <class T>
class OnnxNetwork {
public:
    /// `result` is how ŷ shall be called where that matters.
    OnnxNetwork(OnnxGraph& graph, const BasicMlp<T>& net, std::string x, std::string result = "");

    /// Logits z (rows × K) of the last layer, and ŷ = g(z).
    std::string logits();
    std::string outputs();
    /// ∂ŷ/∂x of each row, one below the other: (rows·K) × n.
    void jacobian(const std::string& name);
    /// v ∂ŷ/∂x (n) of each v (K), and (∂ŷ/∂x) d (K) of each d (n). Of each row any number of directions side by side:
    /// `v` is rows × (directions·K), what comes out rows × (directions·n).
    void adjoint(const std::string& v, const std::string& name);
    void forward(const std::string& d, const std::string& name);
    /// ∂²(v ŷ)/∂x² of each row, one below the other: (rows·n) × n; and beside it the transposed ∂ŷ/∂x: (rows·n) × K.
    void hessian(const std::string& v, const std::string& name, const std::string& transposed);

    /// An activation of a tensor, in its own type of numbers: an operator of that name, where runtimes have it, or the
    /// formula.
    static std::string activated(OnnxGraph& graph, Activation activation, const ActivationSettings& settings,
                                 const std::string& z, const std::string& name = "");

private:
    /// A matrix, the same for all rows or one for each.
    struct Matrices {
        std::string name;
        bool of_rows;
    };
    [[nodiscard]] std::size_t units(std::size_t layer) const { return net_.architecture().sizes[layer + 1]; }
    std::string table(const std::string& name, std::vector<std::size_t> shape, std::span<const T> numbers);
    std::string weight(std::size_t layer);
    std::string z(std::size_t layer);
    std::string a(std::size_t layer);
    /// f′ and f″ at z of a layer; none where they are 1, or 0.
    std::optional<std::string> slope(std::size_t layer);
    std::optional<std::string> bend(std::size_t layer);
    std::string reshaped(const std::string& tensor, const std::vector<std::int64_t>& shape,
                         const std::string& name = "");
    /// v_l (rows × directions × units) of the output of a layer, from that of ŷ.
    std::string pulled(const std::string& v, std::size_t layer);
    /// v ∂a/∂z.
    std::string through_activation(const std::string& v, std::size_t layer);
    Matrices jacobian_matrices();
    /// ∂z/∂x of a layer from that of the one before.
    Matrices tangents(std::size_t layer, Matrices before);
    /// Qᵀ diag(c) Q of a layer, Q being ∂z/∂x.
    std::string curvature_term(std::size_t layer, Matrices q, const std::string& c);
    Matrices turned(Matrices matrices);
    /// c_l with which the layer's part of the second derivative is Qᵀ diag(c) Q; none where that is 0.
    std::optional<std::string> curvature(const std::string& v, std::size_t layer);
    /// One below the other, as many as there are rows.
    void stack(const Matrices& matrices, std::size_t rows, std::size_t columns, const std::string& name);

    OnnxGraph& graph_;
    const BasicMlp<T>& net_;
    std::string x_, result_;
    ActivationSettings settings_;
    std::vector<std::string> weights_, z_, a_;  ///< of each layer, once it is there
    std::vector<std::optional<std::string>> slopes_, bends_;
};

extern template class OnnxNetwork<float>;
extern template class OnnxNetwork<double>;

}  // namespace handgrad::exports
