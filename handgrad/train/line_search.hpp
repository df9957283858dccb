// How far to go along a direction: a step that meets the strong Wolfe conditions, or near a minimum, where rounding
// hides whether the loss falls, the approximate ones.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>

namespace handgrad {

/// φ(α) = l(w + αd) at one step: its value and its slope φ′(α) = ∂l/∂w · d.
struct LinePoint {
    double step = 0.0;
    double value = 0.0;
    double slope = 0.0;
};

/// The constants of the conditions.
struct WolfeConstants {
    double decrease = 1e-4;    ///< c₁: φ(α) ≤ φ(0) + c₁αφ′(0)
    double curvature = 0.9;    ///< c₂: |φ′(α)| ≤ c₂|φ′(0)|
    double approximate = 0.1;  ///< δ of Hager and Zhang: (2δ − 1)φ′(0) ≥ φ′(α) ≥ c₂φ′(0) …
    double level = 1e-6;       ///< … where |φ(α) − φ(0)| ≤ ε|φ(0)|, ε being this
};

/// φ(α) ≤ φ(0) + c₁αφ′(0) and |φ′(α)| ≤ c₂|φ′(0)| (Nocedal and Wright, Numerical Optimization, (3.7)).
bool meets_strong_wolfe(const LinePoint& start, const LinePoint& point, const WolfeConstants& constants = {});
/// (2δ − 1)φ′(0) ≥ φ′(α) ≥ c₂φ′(0) and |φ(α) − φ(0)| ≤ ε|φ(0)| (Hager and Zhang, SIAM J. Optim. 16 (2005), (4.1),
/// (4.2)): for a parabola the first is c₁'s condition with δ, put in slopes, which keep digits that differences of
/// values have lost.
bool meets_approximate_wolfe(const LinePoint& start, const LinePoint& point, const WolfeConstants& constants = {});

/// How a search ended.
enum class LineEnd {
    strong_wolfe,
    approximate_wolfe,
    descent_only,  ///< no step met any condition; the lowest that was seen is below the start
    failed,        ///< no step was below the start
};

/// A search for a step along a direction of descent, after Moré and Thuente (ACM TOMS 20 (1994) 286): it keeps an
/// interval that holds such a step, and tries where cubics and parabolas through what it has seen have their minimum.
/// Asks for φ at one step after the other; a value that is not finite is taken as a wall, before which it looks.
class LineSearch {
public:
    /// From φ(0), φ′(0) < 0, first at `first`.
    LineSearch(const LinePoint& start, double first, const WolfeConstants& constants = {}, std::size_t most = 30);

    /// The step at which φ is wanted.
    [[nodiscard]] double step() const { return step_; }
    /// Takes φ and φ′ there. How it ended, or nothing while there is another step() to look at.
    std::optional<LineEnd> take(double value, double slope);
    /// Behind its end: the step that it came to. It is the last one that was looked at, but for descent_only.
    [[nodiscard]] const LinePoint& found() const { return found_; }

private:
    [[nodiscard]] std::optional<LineEnd> accepts(const LinePoint& point) const;
    std::optional<LineEnd> give_up();
    void meet_wall();
    void narrow(const LinePoint& point);
    void bound();

    LinePoint start_;
    WolfeConstants constants_;
    std::size_t left_;  ///< looks
    double step_;
    double wall_ = std::numeric_limits<double>::infinity();  ///< at and beyond which φ is not finite
    bool bracketed_ = false;
    bool auxiliary_ = true;  ///< while no step was low enough with a rising slope, φ less the line of c₁ is searched
    LinePoint best_, other_;  ///< ends of the interval; the first has the lower value
    double width_ = std::numeric_limits<double>::infinity(), width_before_ = width_;
    double lowest_step_ = 0.0, highest_step_;
    LinePoint lowest_;  ///< of all that were seen
    LinePoint found_;
};

}  // namespace handgrad
