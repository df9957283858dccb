// Where formulas as a textbook writes them stop being right: found by calculating them in one precision.
#pragma once

#include <string_view>

#include "handgrad/document/notation.hpp"

namespace handgrad::explain {

/// Arguments z at which a literal form has just failed, calculated operation by operation in float or in double by the
/// functions of math/elementary.hpp (derivation §6.5). For every z further from 0 it fails as well.
struct LiteralLimits {
    std::string_view precision;   ///< float32, float64
    double exp_is_infinite;       ///< e^z
    double exp_is_zero;           ///< e^z
    double expm1_is_zero;         ///< e^z − 1, z < 0; fails nearer to 0 than this, not further
    double sigmoid_is_one;        ///< 1/(1 + e^{−z}), so that 1 − σ and σ(1 − σ) are 0
    double slope_is_zero;         ///< e^{−z}/(1 + e^{−z})², z < 0: Eq. (12) to (15)
    double slope_is_nan;          ///< the same, further out
    double softplus_is_zero;      ///< log(1 + e^z), z < 0
    double tanh_is_one;           ///< tanh z, so that 1 − tanh² z and 1 + tanh(−z) are 0
    double distribution_is_zero;  ///< ½(1 + erf(z/√2)), z < 0
    double
        product_is_wrong;  ///< Eq. (19) times Eq. (15) at y = 0: the first multiple of ½ with an error of 10 % or more
    double product_error;  ///< and its relative error there
};

/// Of float, or of double. Found at the first call of each.
const LiteralLimits& literal_limits(bool use_double);

/// A limit as a formula of four digits, rounded away from 0, so that what is said of it is true at the number printed.
document::Formula outward(double limit);
/// The same rounded towards 0.
document::Formula inward(double limit);

}  // namespace handgrad::explain
