// A model as C99: one header and one source, which compute what the program computes, to the last bit.
#pragma once

#include <string>

#include "handgrad/store/model.hpp"

namespace handgrad::exports {

struct C99Options {
    std::string name{};       ///< begins every name at file scope, and is that of the files
    bool raw = false;         ///< also from the columns of the table to the user's units
    bool hessian = false;     ///< also ∂²ŷ/∂x²
    bool training = false;    ///< also one step of gradient descent by one row
    bool float_only = false;  ///< no double anywhere, for processors that have only float
};

/// The texts of NAME.h and NAME.c.
struct C99Files {
    std::string header;
    std::string source;
};

/// Loops over tables of weights, which are constants; no allocation, no static memory that is written, of the C library
/// fma (fmaf) alone. The functions `NAME_forward` and `NAME_jacobian` give the bits of BasicPredictor wherever fma is
/// right to the last bit; what else there is stands in the header that is written, and in docs/export.md. A name that
/// ends an identifier of C is made from any text by c_identifier().
/// Raises Error(usage) for a name that is no identifier of C, and for what this model does not have.
C99Files c99(const Model& model, const C99Options& options);

/// A text as a name in C: what may not stand in one becomes `_`; never empty, never a word of C's own.
std::string c_identifier(const std::string& text);

}  // namespace handgrad::exports
