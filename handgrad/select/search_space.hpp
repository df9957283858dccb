// Which settings a search tries: each a list of values or a range.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/fit.hpp"

namespace handgrad::selection {

/// One setting of train/settings.hpp and what it may be.
struct Dimension {
    std::string setting;
    std::string text;                       ///< the values as they were written: `8,16,32x16`, `1e-4..0.1`
    std::vector<SettingValue> values = {};  ///< any of these; empty: a range
    double lowest = 0.0, highest = 0.0;     ///< both may be taken
    bool logarithmic = false;               ///< factors are even, not differences
    bool whole = false;

    /// The value at u in (0, 1): numbers of a range have three digits, or are whole.
    [[nodiscard]] SettingValue at(double u) const;
    /// How many values it can have; none for a range of numbers.
    [[nodiscard]] std::optional<std::size_t> count() const;
};

/// The settings that can be searched, by name.
std::vector<std::string> searchable_settings();

/// `hidden=8,16,32x16`, `learning-rate=1e-4..0.1` (or learning_rate, lr): a list of values, where layers of a network
/// are joined by x, or a range, whose scale is logarithmic for widths, rates, penalties, batches and epochs, and else
/// linear. A range of `hidden` is of the width of one layer. Raises Error(usage) beginning with `place` for a name
/// that cannot be searched, a value out of the setting's range or none, an empty range, and a logarithmic one from 0.
Dimension parse_dimension(std::string_view text, const std::string& place);

/// What is searched when nobody says, but for the settings in `fixed`; `rows` are those of the table.
std::vector<Dimension> usual_space(const FitOptions& options, std::size_t rows, std::span<const std::string> fixed);

/// The settings of a point of the unit cube, one coordinate for each dimension.
SettingValues settings_at(std::span<const Dimension> space, std::span<const double> point);
/// Without the settings that mean nothing to the optimizer, which is that of `values` or `otherwise`: momentum to adam
/// …
SettingValues meaningful(SettingValues values, OptimizerKind otherwise);
/// All combinations, where each dimension has a finite number of values and they are at most `most`; else none. The
/// last dimension runs first.
std::vector<SettingValues> all_combinations(std::span<const Dimension> space, std::size_t most);

}  // namespace handgrad::selection
