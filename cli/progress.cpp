// A bar is drawn with a carriage return and blanks alone: no escape sequences.
#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/wording.hpp"

namespace handgrad::cli {
namespace {

constexpr std::size_t lines_in_a_log = 20;
constexpr std::size_t bar_places = 12;
constexpr std::chrono::milliseconds between_drawings{100};
constexpr double shortest_time_worth_telling = 2.0;  ///< seconds

std::string time_left(double seconds) {
    const auto whole = static_cast<long>(std::ceil(std::min(seconds, 3.6e8)));
    if (whole < 60) {
        return fmt::format("{}s", whole);
    }
    if (whole < 3600) {
        return fmt::format("{}m{:02}s", whole / 60, whole % 60);
    }
    return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

/// `epoch  12/200  loss 0.5123  val 0.5533  r2 0.412  123,456 rows/s  eta 3s`; the speed may be left out.
std::string describe(const EpochReport& report, const Metrics& validation, double seconds_an_epoch, bool with_speed) {
    const std::string total = fmt::format("{}", report.epochs);
    std::string line =
        fmt::format("epoch {:>{}}/{}  loss {:<9}", report.epoch, total.size(), total, rounded(report.loss, 4));
    if (!std::isnan(report.validation_loss) || !validation.empty()) {
        line += fmt::format("  val {:<9}", rounded(report.validation_loss, 4));
    }
    if (!validation.empty()) {
        const auto& [metric, value] = validation.front();
        line += fmt::format("  {} {:<7}", metric, std::isnan(value) ? "-" : fmt::format("{:.4f}", value));
    }
    if (with_speed) {
        line += fmt::format("  {} rows/s", grouped(static_cast<std::size_t>(report.rows_per_second)));
    }
    const double left = seconds_an_epoch * static_cast<double>(report.epochs - report.epoch);
    if (left >= shortest_time_worth_telling) {
        line += "  eta " + time_left(left);
    }
    return line;
}

std::string bar(double share) {
    const auto full = static_cast<std::size_t>(share * bar_places);
    return fmt::format("[{:=<{}}{:<{}}]  ", "", full, when(full < bar_places, ">"), bar_places - full);
}

}  // namespace

void Progress::epoch(const EpochReport& report, const Metrics& validation) {
    seconds_ += report.seconds;
    ++epochs_;
    unseen_ = {report, validation};
    const std::size_t every = std::max<std::size_t>(1, (report.epochs + lines_in_a_log - 1) / lines_in_a_log);
    const auto now = std::chrono::steady_clock::now();
    const bool due = style_ == Style::bar ? now - drawn_at_ >= between_drawings : report.epoch % every == 0;
    if (due) {
        drawn_at_ = now;
        show();
    }
}

void Progress::finish() {
    if (unseen_) {
        show();
    }
    if (drawn_width_ > 0) {
        tell("");
        drawn_width_ = 0;
    }
}

void Progress::show() {
    const auto& [report, validation] = *unseen_;
    const double seconds_an_epoch = seconds_ / static_cast<double>(epochs_);
    std::string line = describe(report, validation, seconds_an_epoch, true);
    if (style_ == Style::lines) {
        tell(line);
    } else if (style_ == Style::bar) {
        const std::string share = bar(static_cast<double>(report.epoch) / static_cast<double>(report.epochs));
        const std::size_t width = terminal_width() - 1;
        if (share.size() + line.size() > width) {
            line = describe(report, validation, seconds_an_epoch, false);
        }
        line = (share + line).substr(0, width);
        const std::size_t left_over = drawn_width_ - std::min(drawn_width_, line.size());
        drawn_width_ = line.size();
        redraw(fmt::format("{}{:{}}", line, "", left_over));
    }
    unseen_.reset();
}

void CountProgress::show(std::size_t done, std::size_t of, const std::string& more) {
    if (style_ == Progress::Style::none || of == 0) {
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    const double share = static_cast<double>(done) / static_cast<double>(of);
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    const double left = share > 0.0 ? seconds * (1.0 - share) / share : 0.0;
    std::string line = fmt::format("{:>{}}/{} {}{}", done, std::to_string(of).size(), of, noun_, more);
    if (left >= shortest_time_worth_telling) {
        line += "  eta " + time_left(left);
    }
    if (style_ == Progress::Style::lines) {
        const auto twentieth = static_cast<std::size_t>(share * lines_in_a_log);
        if (of > lines_in_a_log && twentieth > told_) {
            told_ = twentieth;
            tell(line);
        }
        return;
    }
    if (now - drawn_at_ < between_drawings && done < of) {
        return;
    }
    drawn_at_ = now;
    line = (bar(share) + line).substr(0, terminal_width() - 1);
    const std::size_t left_over = drawn_width_ - std::min(drawn_width_, line.size());
    drawn_width_ = line.size();
    redraw(fmt::format("{}{:{}}", line, "", left_over));
}

void CountProgress::finish() {
    if (drawn_width_ > 0) {
        redraw(fmt::format("{:{}}\r", "", drawn_width_));
        drawn_width_ = 0;
    }
}

Progress::Style progress_style(bool quiet) {
    if (quiet) {
        return Progress::Style::none;
    }
    return on_terminal() ? Progress::Style::bar : Progress::Style::lines;
}

}  // namespace handgrad::cli
