// The four cases of a trial step, and what is made of them.
#include "handgrad/train/line_search.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace handgrad {
namespace {

/// How much an interval that is not closed yet may grow in a step.
constexpr double least_growth = 1.1, most_growth = 4.0;
/// A closed interval that has not shrunk by this in two steps is halved.
constexpr double least_shrinking = 0.66;
/// An interval of this relative width holds no more steps.
constexpr double narrowest = 1e-15;

/// Where the cubic through values and slopes of two points has its minimum, as a share of the way from a to b. In the
/// notation of Moré and Thuente: θ, γ; scaled so that no square overflows. NaN where it has none.
struct Cubic {
    double theta, gamma;
};
Cubic cubic_of(const LinePoint& a, const LinePoint& b, bool may_have_none) {
    const double theta = 3.0 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope;
    const double scale = std::max({std::fabs(theta), std::fabs(a.slope), std::fabs(b.slope)});
    double square = (theta / scale) * (theta / scale) - (a.slope / scale) * (b.slope / scale);
    if (may_have_none) {
        square = std::max(0.0, square);
    }
    return {theta, scale * std::sqrt(square)};
}

/// A trial step, and whether it closes the interval.
struct Next {
    double step;
    bool closes;
};

/// Case 1, a higher value: the minimum lies between. Of cubic and parabola that which is nearer to the best point, or
/// their middle.
Next higher(const LinePoint& best, const LinePoint& point) {
    auto [theta, gamma] = cubic_of(best, point, false);
    if (point.step < best.step) {
        gamma = -gamma;
    }
    const double r = ((gamma - best.slope) + theta) / (((gamma - best.slope) + gamma) + point.slope);
    const double cubic = best.step + r * (point.step - best.step);
    const double parabola =
        best.step + (best.slope / ((best.value - point.value) / (point.step - best.step) + best.slope)) / 2.0 *
                        (point.step - best.step);
    if (std::fabs(cubic - best.step) < std::fabs(parabola - best.step)) {
        return {cubic, true};
    }
    return {cubic + (parabola - cubic) / 2.0, true};
}

/// Case 2, a lower value and a slope of the other sign: between, too. That which is farther from the point.
Next turned(const LinePoint& best, const LinePoint& point) {
    auto [theta, gamma] = cubic_of(best, point, false);
    if (point.step > best.step) {
        gamma = -gamma;
    }
    const double r = ((gamma - point.slope) + theta) / (((gamma - point.slope) + gamma) + best.slope);
    const double cubic = point.step + r * (best.step - point.step);
    const double secant = point.step + point.slope / (point.slope - best.slope) * (best.step - point.step);
    if (std::fabs(cubic - point.step) > std::fabs(secant - point.step)) {
        return {cubic, true};
    }
    return {secant, true};
}

/// Case 3, a lower value and a slope that is less steep: beyond the point, if the cubic has a minimum there.
Next flatter(const LinePoint& best, const LinePoint& other, const LinePoint& point, bool bracketed, double lowest,
             double highest) {
    auto [theta, gamma] = cubic_of(best, point, true);
    if (point.step > best.step) {
        gamma = -gamma;
    }
    const double r = ((gamma - point.slope) + theta) / ((gamma + (best.slope - point.slope)) + gamma);
    const double secant = point.step + point.slope / (point.slope - best.slope) * (best.step - point.step);
    double cubic = lowest;
    if (r < 0.0 && gamma != 0.0) {
        cubic = point.step + r * (best.step - point.step);
    } else if (point.step > best.step) {
        cubic = highest;
    }
    const bool cubic_nearer = std::fabs(cubic - point.step) < std::fabs(secant - point.step);
    if (!bracketed) {
        return {std::clamp(cubic_nearer ? secant : cubic, lowest, highest), false};
    }
    const double step = cubic_nearer ? cubic : secant;
    const double limit = point.step + least_shrinking * (other.step - point.step);
    if (point.step > best.step) {
        return {std::min(limit, step), false};
    }
    return {std::max(limit, step), false};
}

/// Case 4, a lower value and a slope as steep: to the other end, or as far as may be.
Next steeper(const LinePoint& best, const LinePoint& other, const LinePoint& point, bool bracketed, double lowest,
             double highest) {
    if (!bracketed) {
        return {point.step > best.step ? highest : lowest, false};
    }
    auto [theta, gamma] = cubic_of(point, other, false);
    if (point.step > other.step) {
        gamma = -gamma;
    }
    const double r = ((gamma - point.slope) + theta) / (((gamma - point.slope) + gamma) + other.slope);
    return {point.step + r * (other.step - point.step), false};
}

}  // namespace

bool meets_strong_wolfe(const LinePoint& start, const LinePoint& point, const WolfeConstants& constants) {
    return point.value <= start.value + constants.decrease * point.step * start.slope &&
           std::fabs(point.slope) <= -constants.curvature * start.slope;
}

bool meets_approximate_wolfe(const LinePoint& start, const LinePoint& point, const WolfeConstants& constants) {
    return std::fabs(point.value - start.value) <= constants.level * std::fabs(start.value) &&
           point.slope <= (2.0 * constants.approximate - 1.0) * start.slope &&
           point.slope >= constants.curvature * start.slope;
}

LineSearch::LineSearch(const LinePoint& start, double first, const WolfeConstants& constants, std::size_t most)
    : start_(start),
      constants_(constants),
      left_(most),
      step_(first),
      best_(start),
      other_(start),
      highest_step_((1.0 + most_growth) * first),
      lowest_(start),
      found_(start) {
    assert(start.step == 0.0 && start.slope < 0.0 && first > 0.0 && most > 0);
}

std::optional<LineEnd> LineSearch::take(double value, double slope) {
    --left_;
    const LinePoint point{.step = step_, .value = value, .slope = slope};
    if (!std::isfinite(value) || !std::isfinite(slope)) {
        meet_wall();
        return left_ > 0 ? std::nullopt : give_up();
    }
    if (value < lowest_.value) {
        lowest_ = point;
    }
    if (const std::optional<LineEnd> end = accepts(point)) {
        found_ = point;
        return end;
    }
    if (auxiliary_ && value <= start_.value + constants_.decrease * step_ * start_.slope && slope >= 0.0) {
        auxiliary_ = false;
    }
    narrow(point);
    bound();
    const bool nowhere = bracketed_ && (step_ <= lowest_step_ || step_ >= highest_step_ ||
                                        highest_step_ - lowest_step_ <= narrowest * highest_step_);
    if (left_ == 0 || nowhere || step_ == point.step || !(step_ > 0.0)) {
        return give_up();
    }
    return std::nullopt;
}

std::optional<LineEnd> LineSearch::accepts(const LinePoint& point) const {
    if (meets_strong_wolfe(start_, point, constants_)) {
        return LineEnd::strong_wolfe;
    }
    if (meets_approximate_wolfe(start_, point, constants_)) {
        return LineEnd::approximate_wolfe;
    }
    return std::nullopt;
}

std::optional<LineEnd> LineSearch::give_up() {
    found_ = lowest_;
    return lowest_.step > 0.0 ? LineEnd::descent_only : LineEnd::failed;
}

/// Nothing is known of what is beyond the step but that it is of no use: nearer to the best point.
void LineSearch::meet_wall() {
    constexpr double share = 0.1;
    wall_ = std::min(wall_, step_);
    step_ = best_.step + share * (wall_ - best_.step);
    highest_step_ = wall_;
}

/// The interval with this point as one of its ends, and the next step. While `auxiliary_` and the value is no longer
/// low enough, it is that of ψ(α) = φ(α) − φ(0) − c₁αφ′(0).
void LineSearch::narrow(const LinePoint& given) {
    const double tilt = constants_.decrease * start_.slope;
    const bool tilted = auxiliary_ && given.value <= best_.value && given.value > start_.value + given.step * tilt;
    const auto seen = [&](LinePoint point) {
        if (tilted) {
            point.value -= point.step * tilt;
            point.slope -= tilt;
        }
        return point;
    };
    const LinePoint point = seen(given), best = seen(best_), other = seen(other_);
    const bool opposite = point.slope * (best.slope / std::fabs(best.slope)) < 0.0;
    Next next{};
    if (point.value > best.value) {
        next = higher(best, point);
    } else if (opposite) {
        next = turned(best, point);
    } else if (std::fabs(point.slope) < std::fabs(best.slope)) {
        next = flatter(best, other, point, bracketed_, lowest_step_, highest_step_);
    } else {
        next = steeper(best, other, point, bracketed_, lowest_step_, highest_step_);
    }
    if (point.value > best.value) {
        other_ = given;
    } else {
        if (opposite) {
            other_ = best_;
        }
        best_ = given;
    }
    bracketed_ = bracketed_ || next.closes;
    step_ = next.step;
}

/// Within what steps the next one may be, a closed interval shrinking fast enough.
void LineSearch::bound() {
    if (bracketed_) {
        const double width = std::fabs(other_.step - best_.step);
        if (width >= least_shrinking * width_before_) {
            step_ = best_.step + 0.5 * (other_.step - best_.step);
        }
        width_before_ = width_;
        width_ = width;
        lowest_step_ = std::min(best_.step, other_.step);
        highest_step_ = std::max(best_.step, other_.step);
        if (!(step_ > lowest_step_ && step_ < highest_step_)) {
            step_ = best_.step + 0.5 * (other_.step - best_.step);
        }
        return;
    }
    lowest_step_ = step_ + least_growth * (step_ - best_.step);
    highest_step_ = step_ + most_growth * (step_ - best_.step);
    if (highest_step_ >= wall_) {
        constexpr double before = 0.5;
        highest_step_ = best_.step + before * (wall_ - best_.step);
        lowest_step_ = std::min(lowest_step_, highest_step_);
        step_ = std::min(step_, highest_step_);
    }
}

}  // namespace handgrad
