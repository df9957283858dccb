// Checks of spans, matrices, networks and tapes that public functions of this room are called with.
#pragma once

#include <cstddef>
#include <span>

#include "handgrad/base/checks.hpp"
#include "handgrad/base/matrix.hpp"
#include "handgrad/nn/mlp.hpp"
#include "handgrad/nn/passes.hpp"
#include "handgrad/nn/tape.hpp"

namespace handgrad::checks {

inline constexpr const char* takes = "the network takes";
inline constexpr const char* puts_out = "the network puts out";

template <class T>
Range range(MatrixView<T> view) {
    return {reinterpret_cast<const char*>(view.data()), view.columns() == 0 ? 0 : view.rows(),
            view.columns() * sizeof(T), view.stride() * sizeof(T)};
}
template <class T>
Range range(std::span<T> numbers) {
    return {reinterpret_cast<const char*>(numbers.data()), numbers.empty() ? 0U : 1U, numbers.size_bytes(), 0};
}
template <class A, class B>
void apart(const char* function, const char* read, const A& from, const char* written, const B& to) {
    if (overlap(range(from), range(to))) {
        refuse_overlap(function, read, written);
    }
}

/// A matrix of exactly so many rows and columns.
template <class T>
void matrix(Argument argument, MatrixView<T> view, std::size_t rows, const char* whose_rows, std::size_t columns,
            const char* whose_columns) {
    equal(argument, view.columns(), "columns", whose_columns, columns);
    equal(argument, view.rows(), "rows", whose_rows, rows);
}

/// A network that has layers at all.
template <class T>
void network(const char* function, const BasicMlp<T>& net) {
    if (net.layers() == 0) {
        refuse({function, "net"}, "has no layers; make it by BasicMlp::random or zeros");
    }
}

/// Another object with a number for each parameter of `net`, but not itself.
template <class T>
void gradient(const char* function, const BasicMlp<T>& net, const BasicMlp<T>& grad) {
    if (grad.architecture().sizes != net.architecture().sizes) {
        refuse({function, "grad"}, "has not the sizes of the network; make it by BasicMlp::zeros_like");
    }
    if (&grad == &net) {
        refuse({function, "grad"}, "is the network itself; what is read and what is written must lie apart");
    }
}

/// The rows of the largest batch that an object is made for.
inline void largest_batch(const char* function, std::size_t most_rows) {
    if (most_rows == 0) {
        refuse({function, "most_rows"}, "is 0; give the number of rows of the largest batch");
    }
}
/// A network like the one that an object was made for, and a batch of 1 to `most_rows` rows for it.
template <class T>
void batch(const char* function, const Architecture& made_for, const BasicMlp<T>& net, MatrixView<const T> x,
           std::size_t most_rows) {
    if (net.architecture() != made_for) {
        refuse({function, "net"}, "has another architecture than the network that this was made for");
    }
    equal({function, "x"}, x.columns(), "columns", takes, net.inputs());
    at_most({function, "x"}, x.rows(), "rows", "it was made for", most_rows);
    if (x.rows() == 0) {
        refuse({function, "x"}, "has no rows");
    }
}

/// A tape with room for so many rows of every layer of the network.
template <class T>
void tape(Argument argument, const BasicMlp<T>& net, const BasicTape<T>& tape, std::size_t rows) {
    equal(argument, tape.layers(), "layers", "the network has", net.layers());
    for (std::size_t l = 0; l < net.layers(); ++l) {
        for (const Matrix<T>* values : {&tape.layer(l).z, &tape.layer(l).a}) {
            equal(argument, values->columns(), "columns in a layer", "the network's has",
                  net.architecture().sizes[l + 1]);
            if (values->rows() < rows) {
                refuse_count(argument, values->rows(), "rows", "needed are", rows);
            }
        }
    }
}
/// … that forward() has filled.
template <class T>
void filled_tape(Argument argument, const BasicMlp<T>& net, const BasicTape<T>& tape) {
    checks::tape(argument, net, tape, tape.rows());
    if (tape.input().rows() != tape.rows() || tape.input().columns() != net.inputs()) {
        refuse(argument, "holds no batch of this network; call forward first");
    }
}

/// What is written lies apart from all numbers of a tape.
template <class T, class B>
void apart_from_tape(const char* function, const char* tape_name, const BasicTape<T>& tape, const char* written,
                     const B& to) {
    for (std::size_t l = 0; l < tape.layers(); ++l) {
        apart(function, tape_name, tape.layer(l).z.view(), written, to);
        apart(function, tape_name, tape.layer(l).a.view(), written, to);
    }
}

/// A batch of at least one row, and a Jacobian for each of them.
template <class T>
void jacobian_targets(const char* function, const BasicMlp<T>& net, MatrixView<const T> x,
                      MatrixView<const T> targets) {
    equal({function, "x"}, x.columns(), "columns", takes, net.inputs());
    if (x.rows() == 0) {
        refuse({function, "x"}, "has no rows");
    }
    matrix({function, "targets"}, targets, x.rows(), "x has", net.outputs() * net.inputs(),
           "outputs times inputs of the network are");
}
/// What a term is multiplied with: a finite number, not negative.
void strength(Argument argument, double value);

/// The settings of a loss that it uses.
void loss_function(const char* function, const LossFunction& loss);

}  // namespace handgrad::checks
