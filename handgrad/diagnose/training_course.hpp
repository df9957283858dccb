// Where a training stands by what a model's file keeps of it: still falling, flat, overfitting since an epoch, stopped
// early, diverged; or why that cannot be said.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "handgrad/store/model.hpp"

namespace handgrad::diagnose {

/// The names are fixed: they stand in JSON.
enum class Course {
    unknown,        ///< nothing is recorded: a model from elsewhere
    untrained,      ///< these are first weights
    unclear,        ///< too few epochs, or too much jitter, to tell a trend
    falling,        ///< the loss still fell when training ended
    flat,           ///< it did not any more
    overfitting,    ///< rows that were not learned from are fitted worse and worse, or far worse
    stopped_early,  ///< early stopping ended it and put the best weights back
    diverged,       ///< it ended at a value that is not finite
};
inline constexpr std::array all_courses{Course::unknown, Course::untrained,   Course::unclear,       Course::falling,
                                        Course::flat,    Course::overfitting, Course::stopped_early, Course::diverged};
std::string_view name(Course course);

/// The thresholds of docs/diagnosis.md, "Where training stands".
inline constexpr std::size_t fewest_epochs = 12;  ///< that can tell a trend, three a quarter
inline constexpr double still_falls = 0.01;       ///< by so much of its size over the last quarter …
inline constexpr double beyond_noise = 3.0;       ///< … and by so many standard errors
inline constexpr double is_flat = 0.05;           ///< what so many standard errors above the fall must stay below
inline constexpr double risen = 0.05;             ///< a validation loss above its lowest by this part of it …
inline constexpr double rise_beyond_noise = 4.0;  ///< … and by so many standard errors: the lowest is a chosen one
inline constexpr double accuracy_gap = 0.1;       ///< between rows learned from and rows held out …
inline constexpr double gap_beyond_chance = 3.0;  ///< … and so many standard errors of a share
inline constexpr double r2_gap = 0.3;             ///< the same for R², where the rows learned from are fitted at all
inline constexpr double loss_gap = 2.0;           ///< a loss on this table by that of the last epoch …
inline constexpr double loss_gap_of_zero = 0.1;   ///< … and above it by this part of what weights of 0 would have

struct TrainingCourse {
    Course course = Course::unknown;
    std::size_t epochs = 0;              ///< that were run
    std::optional<std::size_t> since{};  ///< the epoch since which it overfits, is flat, or whose weights these are
    /// Of the rows learned from, penalty included, in the epoch whose weights these are or the last kept before; NaN
    /// where it is not recorded.
    double loss = std::numeric_limits<double>::quiet_NaN();
    bool overfits = false;  ///< by its curves, or by a metric far better on the rows that it learned from
    std::string text{};     ///< one or two sentences
};

/// The loss of a model on some table, penalty included, and that of the same network with all weights 0.
struct TableLoss {
    double loss = 0.0;
    double of_zero = 0.0;
};

/// By the history, the settings and the provenance of the model; with `table` also whether it fits the rows that it
/// learned from far better than those.
TrainingCourse training_course(const Model& model, const std::optional<TableLoss>& table = std::nullopt);

}  // namespace handgrad::diagnose
