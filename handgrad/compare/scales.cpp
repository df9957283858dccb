// Products of the single factors, shortest first.
#include "handgrad/compare/scales.hpp"

#include <algorithm>
#include <cmath>

namespace handgrad::compare {
namespace {

struct Factor {
    Cause cause;
    double value;
};

/// Values that differ by less are one value: K·(1/B) and such are not exact.
bool same(double a, double b) { return std::fabs(a - b) <= 1e-12 * std::fabs(a); }

void add(std::vector<WrongScale>& scales, const WrongScale& wanted) {
    const auto known = std::ranges::find_if(scales, [&](const WrongScale& s) { return same(s.value, wanted.value); });
    if (known == scales.end()) {
        scales.push_back(wanted);
    } else if (known->causes.size() == wanted.causes.size() && known->causes != wanted.causes &&
               std::ranges::find(known->coincide, wanted.causes) == known->coincide.end()) {
        known->coincide.push_back(wanted.causes);
    }
}

}  // namespace

std::vector<WrongScale> wrong_scales(std::size_t outputs, double batch, std::size_t most) {
    const auto K = static_cast<double>(outputs);
    std::vector<Factor> factors{{Cause::sign, -1.0}, {Cause::factor_2, 2.0}, {Cause::factor_half, 0.5}};
    for (const auto& [cause, value] : {Factor{Cause::factor_outputs, K}, Factor{Cause::factor_rows, batch}}) {
        if (!same(value, 1.0)) {
            factors.push_back({cause, value});
            factors.push_back({cause, 1.0 / value});
        }
    }
    for (const double times : {3.0, 4.0, 5.0}) {
        factors.push_back({Cause::accumulated, times});
    }
    std::vector<WrongScale> scales{{}};
    std::vector<WrongScale> shorter{{}};
    for (std::size_t count = 1; count <= most; ++count) {
        std::vector<WrongScale> longer;
        for (const WrongScale& scale : shorter) {
            for (const Factor& factor : factors) {
                // Each cause once, in order; 2 and ½ undo each other.
                if (!scale.causes.empty() &&
                    (scale.causes.back() >= factor.cause ||
                     (factor.cause == Cause::factor_half && scale.causes.back() == Cause::factor_2))) {
                    continue;
                }
                WrongScale product{scale.value * factor.value, scale.causes};
                product.causes.push_back(factor.cause);
                longer.push_back(product);
            }
        }
        for (const WrongScale& scale : longer) {
            add(scales, scale);
        }
        shorter = std::move(longer);
    }
    return scales;
}

}  // namespace handgrad::compare
