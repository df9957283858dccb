// What the forward pass leaves behind for the backward pass, z and a of every layer, or the loss's derivatives by them.
#pragma once

#include <cstddef>
#include <vector>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/nn/mlp.hpp"

namespace handgrad {

/// One layer of a tape: rows of a batch × the layer's width.
template <class T>
struct TapeLayer {
    Activation activation = Activation::identity;
    ActivationSettings settings;
    Conventions conventions;
    Matrix<T> z;  ///< pre-activation W a + b (on a derivative's tape: ∂l/∂z)
    Matrix<T> a;  ///< activation f(z)        (on a derivative's tape: ∂l/∂a)
};

/// Made for a network and a largest batch. forward() notes its input and how many rows are in use. Raises Error(usage)
/// for a network without layers, for more rows than it was made for, and for a layer that there is not.
template <class T>
class BasicTape {
public:
    BasicTape(const BasicMlp<T>& net, std::size_t batch) : inputs_(net.inputs()), capacity_(batch), rows_(batch) {
        const Architecture& shape = net.architecture();
        if (net.layers() == 0) {
            checks::refuse({"tape", "net"}, "has no layers; make it by BasicMlp::random or zeros");
        }
        for (std::size_t l = 0; l < net.layers(); ++l) {
            layers_.push_back({shape.activation(l), shape.activation_settings(), shape.conventions,
                               Matrix<T>(batch, shape.sizes[l + 1]), Matrix<T>(batch, shape.sizes[l + 1])});
        }
    }

    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }
    void set_rows(std::size_t rows) {
        checks::at_most({"set_rows", "rows"}, rows, "rows", "the tape was made for", capacity_);
        rows_ = rows;
    }
    /// The batch that forward() last saw; a view, so the caller keeps its numbers alive until backward() has run.
    [[nodiscard]] MatrixView<const T> input() const { return input_; }
    void set_input(MatrixView<const T> x) {
        checks::equal({"set_input", "x"}, x.columns(), "columns", "the network takes", inputs_);
        checks::at_most({"set_input", "x"}, x.rows(), "rows", "the tape was made for", capacity_);
        rows_ = x.rows();
        input_ = x;
    }
    [[nodiscard]] std::size_t layers() const { return layers_.size(); }
    [[nodiscard]] TapeLayer<T>& layer(std::size_t l) {
        checks::below({"layer", "l"}, l, "layers", layers_.size());
        return layers_[l];
    }
    [[nodiscard]] const TapeLayer<T>& layer(std::size_t l) const {
        checks::below({"layer", "l"}, l, "layers", layers_.size());
        return layers_[l];
    }
    /// The last layer: z its logits, a = ŷ.
    [[nodiscard]] TapeLayer<T>& output() { return layers_.back(); }
    [[nodiscard]] const TapeLayer<T>& output() const { return layers_.back(); }
    /// ŷ of the rows in use, rows × K.
    [[nodiscard]] MatrixView<const T> yhat() const { return output().a.view().rows_from(0, rows_); }

private:
    std::size_t inputs_;
    std::size_t capacity_;
    std::size_t rows_;
    MatrixView<const T> input_;
    std::vector<TapeLayer<T>> layers_;
};

using Tape = BasicTape<float>;

}  // namespace handgrad
