// The verdict on one tensor.
#include "handgrad/certify/judgement.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace handgrad::certify {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
/// From so many entries on a multiple of the tensor is no accident of rounding.
constexpr std::size_t entries_of_a_multiple = 8;
/// A jump is that between the slopes as they are; both are rounded.
constexpr double whole_jump = 1.0001;
/// What may be left beside the multiple, as a share of the difference.
constexpr double left_beside = 0.1;
/// How far beyond what rounding usually does a multiple must be: 9 standard deviations where that is 6.
constexpr double beyond_usual = 1.5;

double squared(double v) { return v * v; }

/// Sums of squares over a tensor, a row or a column.
struct Norms {
    double value = 0.0;
    double size = 0.0;
    double distance = 0.0;
    double allowed = 0.0;  ///< what rounding may usually be

    void add(const ExpectedEntry& entry, double difference, double tolerance) {
        value += squared(entry.value);
        size += squared(entry.size);
        distance += squared(difference);
        allowed += squared(tolerance);
    }
    [[nodiscard]] bool agrees(double floor) const { return distance <= allowed || distance <= squared(floor); }
    [[nodiscard]] bool structural_zero() const { return value <= squared(nothing_left) * size; }
    /// Whether zeros in its place would have been seen.
    [[nodiscard]] bool visible() const { return value > 4.0 * allowed; }
};

/// The sums of everything, and of each row and column.
struct AllNorms {
    Norms whole;
    std::vector<Norms> rows, columns;
};

/// What an entry may differ by without a remark: a kink near which it stands is only called upon when it is needed.
double tolerance(const ExpectedEntry& entry, double difference) {
    const double usual = std::min(entry.usual, entry.worst);
    if (difference <= usual || entry.jump == 0.0) {
        return usual;
    }
    return usual + entry.jump;
}

AllNorms norms_of(std::span<const double> claimed, std::span<const ExpectedEntry> expected, std::size_t columns) {
    AllNorms norms{.whole = {}, .rows = std::vector<Norms>(expected.size() / columns), .columns = {}};
    norms.columns.resize(columns);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double difference = std::fabs(claimed[i] - expected[i].value);
        const double allowed = tolerance(expected[i], difference);
        for (Norms* part : {&norms.whole, &norms.rows[i / columns], &norms.columns[i % columns]}) {
            part->add(expected[i], difference, allowed);
        }
    }
    return norms;
}

bool refuted(double claimed, const ExpectedEntry& entry, double floor) {
    const double explained = entry.worst + whole_jump * entry.jump + floor;
    // Comparisons with a NaN are false: a claim that is none is refuted unless nothing is known.
    return std::isfinite(explained) && std::isfinite(entry.value) && !(std::fabs(claimed - entry.value) <= explained);
}

/// Whether the claim is another multiple of the tensor than 1, as rounding does not make it.
bool wrong_multiple(std::span<const double> claimed, std::span<const ExpectedEntry> expected, const Norms& whole,
                    double& multiple) {
    if (expected.size() < entries_of_a_multiple || whole.value == 0.0 || !std::isfinite(whole.allowed)) {
        return false;
    }
    double product = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        product += claimed[i] * expected[i].value;
    }
    multiple = product / whole.value;
    const double of_multiple = squared(multiple - 1.0) * whole.value;
    double rest = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        rest += squared(claimed[i] - multiple * expected[i].value);
    }
    return of_multiple > squared(beyond_usual) * whole.allowed && rest <= squared(left_beside) * of_multiple;
}

/// The first row or column that could be zeros without anybody noticing, or nullptr.
const Norms* invisible(const AllNorms& norms, std::size_t& index, bool& row) {
    for (const std::vector<Norms>* parts : {&norms.rows, &norms.columns}) {
        for (std::size_t i = 0; i < parts->size(); ++i) {
            const Norms& part = (*parts)[i];
            const bool counts = part.value > squared(negligible_share) * norms.whole.value && !part.structural_zero();
            if (counts && !part.visible()) {
                index = i;
                row = parts == &norms.rows;
                return &part;
            }
        }
    }
    return nullptr;
}

bool all_agree(const AllNorms& norms, double floor) {
    const auto agrees = [&](const Norms& part) { return part.agrees(floor); };
    return norms.whole.agrees(floor) && std::ranges::all_of(norms.rows, agrees) &&
           std::ranges::all_of(norms.columns, agrees);
}

/// Whether a number that should be laid beside another is none, or has terms that are none in the precision.
bool overflows(std::span<const double> claimed, std::span<const ExpectedEntry> expected, double largest) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (!std::isfinite(claimed[i]) || !std::isfinite(expected[i].value) || !(expected[i].size <= largest)) {
            return true;
        }
    }
    return false;
}

/// Numbers whose squares would overflow or vanish, times a power of 2 that makes them about 1; else 1.
double scale_for_squares(std::span<const double> claimed, std::span<const ExpectedEntry> expected) {
    constexpr double squared_safely = 0x1p400;
    double largest = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        largest = std::max({largest, std::fabs(claimed[i]), expected[i].size, std::fabs(expected[i].value)});
    }
    if (largest > squared_safely && std::isfinite(largest)) {
        return std::ldexp(1.0, -std::ilogb(largest));
    }
    return 1.0;
}

/// What keeps a tensor that is not refuted from passing.
Doubt doubt_of(const AllNorms& norms, double kinks, double floor, Judgement& judgement) {
    if (judgement.detection_limit > most_detection_limit) {
        return kinks > 0.0 && judgement.limit_without_kinks <= most_detection_limit ? Doubt::kinks : Doubt::no_digits;
    }
    if (!all_agree(norms, floor)) {
        return Doubt::unusual;
    }
    if (!judgement.zero && invisible(norms, judgement.part, judgement.part_is_row) != nullptr) {
        return Doubt::part_hidden;
    }
    return Doubt::none;
}

std::vector<double> times(double factor, std::span<const double> numbers) {
    std::vector<double> products(numbers.begin(), numbers.end());
    for (double& number : products) {
        number *= factor;
    }
    return products;
}
std::vector<ExpectedEntry> times(double factor, std::span<const ExpectedEntry> entries) {
    std::vector<ExpectedEntry> products(entries.begin(), entries.end());
    for (ExpectedEntry& entry : products) {
        for (double ExpectedEntry::*part : {&ExpectedEntry::value, &ExpectedEntry::size, &ExpectedEntry::usual,
                                            &ExpectedEntry::worst, &ExpectedEntry::jump}) {
            entry.*part *= factor;
        }
    }
    return products;
}

}  // namespace

ExpectedEntry expected_entry(const BoundedNumber& number) {
    // A worst case that is not known leaves nothing that is usual either; and squares of such errors underflow.
    constexpr double square_underflows = 1e-140;
    double usual = number.usual;
    if (!std::isfinite(number.error.worst)) {
        usual = infinite;
    } else if (usual < square_underflows) {
        usual = number.error.worst;
    }
    return {.value = number.value,
            .size = number.size,
            .usual = usual,
            .worst = number.error.worst,
            .jump = number.error.jump};
}

std::string Judgement::reason() const {
    const auto percent = [](double share) {
        if (share > 1.0) {
            return std::string("more than all");
        }
        char text[32];
        std::snprintf(text, sizeof text, "%.2g %%", 100.0 * share);
        return std::string(text);
    };
    switch (doubt) {
        case Doubt::none:
            return {};
        case Doubt::overflow:
            return "a number of it, or a term of one, is beyond the largest that the precision has, so that there is "
                   "nothing to lay beside it; give columns of the table other units, or take smaller weights";
        case Doubt::no_digits:
            if (!std::isfinite(detection_limit)) {
                return "nothing bounds what rounding may do to it, as in some row numbers on the way overflow, or "
                       "yhat stands where the slope of its loss has no bound";
            }
            return "rounding alone may change " + percent(detection_limit) +
                   " of it, so that a gross error could pass for rounding";
        case Doubt::kinks:
            return "some z stand so near a kink that rounding decides their slope, which may change " +
                   percent(detection_limit) + " of it";
        case Doubt::unusual:
            return "it differs by " + percent(distance) + ", more than rounding usually does (" +
                   percent(detection_limit) + ") and less than it can";
        case Doubt::part_hidden:
            return (part_is_row ? "row " : "column ") + std::to_string(part) +
                   " is so small that rounding would hide zeros in its place";
    }
    __builtin_unreachable();
}

Judgement judge(std::span<const double> claimed, std::span<const ExpectedEntry> expected, std::size_t columns,
                double floor, double largest) {
    const double scaling = scale_for_squares(claimed, expected);
    if (scaling != 1.0 && !overflows(claimed, expected, largest)) {
        return judge(times(scaling, claimed), times(scaling, expected), columns, scaling * floor);
    }
    const AllNorms norms = norms_of(claimed, expected, columns);
    Judgement judgement;
    double usual = 0.0, kinks = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        judgement.failed += refuted(claimed[i], expected[i], floor) ? 1 : 0;
        usual += squared(std::min(expected[i].usual, expected[i].worst));
        kinks += expected[i].jump;
    }
    judgement.zero = norms.whole.structural_zero() || norms.whole.value <= squared(floor);
    const double scale = std::sqrt(judgement.zero ? norms.whole.size : norms.whole.value);
    constexpr double near_floor = 0x1p10;  // what weights make of the floor of a layer above
    const auto share = [&](double square) {
        if (square <= squared(near_floor * floor)) {
            return 0.0;
        }
        const double of_scale = std::sqrt(square) / scale;
        return std::isnan(of_scale) ? infinite : of_scale;
    };
    judgement.distance = share(norms.whole.distance);
    judgement.detection_limit = share(norms.whole.allowed);
    judgement.limit_without_kinks = share(usual);
    double multiple = 1.0;
    if (judgement.failed == 0 && wrong_multiple(claimed, expected, norms.whole, multiple)) {
        judgement.failed = expected.size();
        judgement.multiple = multiple;
    }
    if (judgement.failed > 0) {
        judgement.verdict = Verdict::fail;
        return judgement;
    }
    if (overflows(claimed, expected, largest)) {
        judgement.distance = judgement.detection_limit = judgement.limit_without_kinks = infinite;
        judgement.doubt = Doubt::overflow;
        judgement.verdict = Verdict::undetermined;
        return judgement;
    }
    judgement.doubt = doubt_of(norms, kinks, floor, judgement);
    judgement.verdict = judgement.doubt == Doubt::none ? Verdict::pass : Verdict::undetermined;
    return judgement;
}

}  // namespace handgrad::certify
