// The settings of a loss, and the strength of a term.
#include "handgrad/nn/arguments.hpp"

#include <cmath>

namespace handgrad::checks {

void strength(Argument argument, double value) {
    if (!(value >= 0.0 && std::isfinite(value))) {
        refuse(argument, "= " + std::to_string(value) + " must be a finite number, 0 or above");
    }
}

void loss_function(const char* function, const LossFunction& loss) {
    if (loss.kind == Loss::huber && !(loss.huber_delta > 0.0 && std::isfinite(loss.huber_delta))) {
        refuse({function, "huber_delta"}, "= " + std::to_string(loss.huber_delta) + " must be a finite number above 0");
    }
    if (loss.kind == Loss::quantile && !(loss.quantile > 0.0 && loss.quantile < 1.0)) {
        refuse({function, "quantile"}, "= " + std::to_string(loss.quantile) + " must be in (0, 1)");
    }
}

}  // namespace handgrad::checks
