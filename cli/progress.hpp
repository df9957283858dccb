// What a person sees while training runs: one line drawn anew on a terminal, some twenty lines in a log.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "handgrad/train/metrics.hpp"
#include "handgrad/train/trainer.hpp"

namespace handgrad::cli {

class Progress {
public:
    enum class Style { none, lines, bar };
    explicit Progress(Style style) : style_(style) {}

    /// After each epoch. Lines: every twentieth of the epochs; bar: at most ten times a second.
    void epoch(const EpochReport& report, const Metrics& validation);
    /// Shows the last epoch if it has not been shown, and leaves a terminal on a fresh line. Twice is once.
    void finish();

private:
    void show();

    Style style_;
    std::optional<std::pair<EpochReport, Metrics>> unseen_;  ///< the last epoch, until it is shown
    double seconds_ = 0.0;
    std::size_t epochs_ = 0;
    std::size_t drawn_width_ = 0;
    std::chrono::steady_clock::time_point drawn_at_;
};

/// How many of many pieces of work are done: a bar on a terminal, some twenty lines in a log.
class CountProgress {
public:
    CountProgress(Progress::Style style, std::string noun) : style_(style), noun_(std::move(noun)) {}

    /// `more` stands behind the counts.
    void show(std::size_t done, std::size_t of, const std::string& more = {});
    /// Takes the bar away.
    void finish();

private:
    Progress::Style style_;
    std::string noun_;
    std::size_t drawn_width_ = 0;
    std::size_t told_ = 0;  ///< twentieths that a log has lines for
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now(), drawn_at_;
};

/// As the output options and the terminal have it.
Progress::Style progress_style(bool quiet);

}  // namespace handgrad::cli
