// A model as C that CasADi calls, with the derivatives that its optimizers and integrators ask for.
#pragma once

#include <string>

#include "handgrad/store/model.hpp"

namespace handgrad::exports {

struct CasadiOptions {
    std::string name{};  ///< of the function, and what every name at file scope begins with or holds
    bool raw = false;    ///< from the columns of the table to the user's units, else what the network sees and puts out
};

/// The text of one file of C99 with what CasADi's `external` looks for, all in double: NAME(x) → y, its Jacobian
/// jac_NAME, products with it fwd1_NAME and adj1_NAME, and the Jacobians of these, jac_fwd1_NAME and jac_adj1_NAME,
/// which hold the second derivatives. They call the functions of c99() that stand in the same file, and of a model in
/// float those of its weights in double. x and y are columns of numbers. Raises Error(usage) for a name that is no
/// identifier of C, and with `raw` for a model with columns of texts.
std::string casadi(const Model& model, const CasadiOptions& options);

}  // namespace handgrad::exports
