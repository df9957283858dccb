// JSON with one text for each fit: what can be read by eye, and written anew in a moment.
#include "handgrad/select/trial_log.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "handgrad/base/atomic_file.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/version.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/store/setting_values.hpp"
#include "handgrad/train/settings.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad::selection {
namespace {

constexpr std::string_view kind = "trials of handgrad tune, 1";
constexpr std::string_view about_prefix = "about.", told_prefix = "told.";
constexpr std::size_t most_bytes = std::size_t{1} << 30U;

[[noreturn]] void fail(const std::string& place, const std::string& cause) {
    throw Error(ErrorKind::model, place + ": " + cause);
}

std::string number_text(double value) { return std::isnan(value) ? "-" : format_number(value); }

/// Fields divided by tabs: counts, seconds, how it stopped, then a failure `!WHY`, or metrics `NAME=VALUE` and those of
/// the constant answer `~NAME=VALUE`.
std::string line_of(const TrialLog::Key& key, const FoldScore& score) {
    const auto [trial, rung, fold] = key;
    std::string line;
    for (const std::size_t count : {trial, rung, fold, score.repeat, score.number, score.training_rows, score.test_rows,
                                    std::size_t{score.seed}, score.epochs, score.best_epoch, score.parameters}) {
        line += std::to_string(count) + "\t";
    }
    line += number_text(score.seconds) + "\t" + score.stopped;
    if (!score.failure.empty()) {
        std::string why = score.failure;
        std::ranges::replace(why, '\t', ' ');
        return line + "\t!" + why;
    }
    for (const auto& [name, value] : score.metrics) {
        line += "\t" + name + "=" + number_text(value);
    }
    for (const auto& [name, value] : score.baseline) {
        line += "\t~" + name + "=" + number_text(value);
    }
    return line;
}

/// Takes a line apart.
class Fields {
public:
    Fields(std::string_view line, const std::string& place) : rest_(line), place_(place) {}

    [[nodiscard]] bool more() const { return !done_; }
    std::string next() {
        if (done_) {
            fail(place_, "a field is missing");
        }
        const std::size_t tab = rest_.find('\t');
        std::string field(rest_.substr(0, tab));
        done_ = tab == std::string_view::npos;
        rest_.remove_prefix(std::min(rest_.size(), field.size() + 1));
        return field;
    }
    std::size_t count() {
        const std::string field = next();
        std::size_t value = 0;
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc{} || end != field.data() + field.size()) {
            fail(place_, "'" + field + "' stands where a whole number belongs");
        }
        return value;
    }
    double number(const std::string& field) {
        if (field == "-") {
            return std::numeric_limits<double>::quiet_NaN();
        }
        const ParsedNumber parsed = parse_number(field);
        if (parsed.problem != NumberProblem::none && parsed.problem != NumberProblem::underflow) {
            fail(place_, "'" + field + "' stands where a number belongs");
        }
        return parsed.value;
    }
    double number() { return number(next()); }

private:
    std::string_view rest_;
    const std::string& place_;
    bool done_ = false;
};

void read_line(std::string_view line, const std::string& place, TrialLog& log) {
    Fields fields(line, place);
    const std::size_t trial = fields.count(), rung = fields.count(), fold = fields.count();
    FoldScore score;
    for (std::size_t* count : {&score.repeat, &score.number, &score.training_rows, &score.test_rows}) {
        *count = fields.count();
    }
    score.seed = fields.count();
    for (std::size_t* count : {&score.epochs, &score.best_epoch, &score.parameters}) {
        *count = fields.count();
    }
    score.seconds = fields.number();
    score.stopped = fields.next();
    while (fields.more()) {
        const std::string field = fields.next();
        if (field.starts_with('!')) {
            score.failure = field.substr(1);
            continue;
        }
        const std::size_t equals = field.find('=');
        if (equals == std::string::npos) {
            fail(place, "'" + field + "' is not NAME=VALUE");
        }
        const bool of_baseline = field.starts_with('~');
        const double value = fields.number(field.substr(equals + 1));
        (of_baseline ? score.baseline : score.metrics)
            .emplace_back(field.substr(of_baseline ? 1 : 0, equals - (of_baseline ? 1 : 0)), value);
    }
    if (score.failure.empty() && score.metrics.empty()) {
        fail(place, "a fit without scores and without a reason");
    }
    log.add(trial, rung, fold, score);
}

std::string shown(const std::map<std::string, std::string>& texts, const std::string& name) {
    const auto found = texts.find(name);
    return found == texts.end() || found->second.empty() ? "nothing" : found->second;
}

}  // namespace

std::map<std::string, std::string> describe_search(const Table& table, const FitOptions& options,
                                                   const TuneOptions& how) {
    std::map<std::string, std::string> about{{"handgrad", std::string(version)},
                                             {"table", table_hash(table)},
                                             {"trials", std::to_string(how.trials)},
                                             {"halving", std::to_string(how.halving)},
                                             {"search_method", how.method == SearchMethod::sobol ? "sobol" : "random"},
                                             {"folds", std::to_string(how.how.folds)},
                                             {"repeats", std::to_string(how.how.repeats)},
                                             {"ordered", how.how.ordered ? "on" : "off"},
                                             {"stratify", how.how.stratified ? "on" : "off"},
                                             {"score", how.score}};
    for (const auto& [name, value] : setting_values(options)) {
        about[name] = setting_text(value);
    }
    for (const Dimension& dimension : how.space) {
        about["search " + dimension.setting] = dimension.text;
        about[dimension.setting] = "searched";
    }
    if (how.usual_decay) {
        about["weight_decay"] = about.contains("search weight_decay") ? "searched" : "of the optimizer";
    }
    return about;
}

std::optional<FoldScore> TrialLog::find(std::size_t trial, std::size_t rung, std::size_t fold) const {
    const auto found = scores.find({trial, rung, fold});
    return found == scores.end() ? std::nullopt : std::optional(found->second);
}

void TrialLog::add(std::size_t trial, std::size_t rung, std::size_t fold, const FoldScore& score) {
    scores.insert_or_assign({trial, rung, fold}, score);
}

void save_trial_log(const std::filesystem::path& path, const TrialLog& log) {
    SettingValues values{{"kind", std::string(kind)}, {"working_folder", log.working_folder}};
    for (const auto& [name, text] : log.about) {
        values[std::string(about_prefix) + name] = text;
    }
    for (const auto& [name, texts] : log.told) {
        values[std::string(told_prefix) + name] = texts;
    }
    std::vector<std::string> lines;
    for (const auto& [key, score] : log.scores) {
        lines.push_back(line_of(key, score));
    }
    values["fits"] = std::move(lines);
    write_file_atomically(path, setting_values_text(values) + "\n");
}

TrialLog load_trial_log(const std::filesystem::path& path) {
    const std::string place = path.string();
    const SettingValues values = read_setting_values(read_file(path, {}, most_bytes), place);
    const auto its_kind = values.find("kind");
    if (its_kind == values.end() || its_kind->second != SettingValue(std::string(kind))) {
        fail(place, "this is no file of the trials of a search");
    }
    TrialLog log;
    for (const auto& [name, value] : values) {
        const auto* text = std::get_if<std::string>(&value);
        const auto* texts = std::get_if<std::vector<std::string>>(&value);
        if (name.starts_with(about_prefix) && text != nullptr) {
            log.about[name.substr(about_prefix.size())] = *text;
        } else if (name.starts_with(told_prefix) && texts != nullptr) {
            log.told[name.substr(told_prefix.size())] = *texts;
        } else if (name == "working_folder" && text != nullptr) {
            log.working_folder = *text;
        } else if (name == "fits" && texts != nullptr) {
            for (std::size_t i = 0; i < texts->size(); ++i) {
                read_line((*texts)[i], place + ": fits[" + std::to_string(i) + "]", log);
            }
        } else if (name != "kind") {
            fail(place, "'" + name + "' does not belong into a file of trials");
        }
    }
    return log;
}

void refuse_another_search(const TrialLog& log, const std::map<std::string, std::string>& about) {
    std::string differences;
    std::map<std::string, std::string> names = about;
    names.insert(log.about.begin(), log.about.end());
    for (const auto& [name, ignored] : names) {
        const std::string its = shown(log.about, name), here = shown(about, name);
        if (its == here) {
            continue;
        }
        std::string difference = name + " was " + its + " and is " + here;
        if (name == "table") {
            difference = "the table is another one";
        }
        add_item(differences, "; ", difference);
    }
    if (!differences.empty()) {
        throw Error(ErrorKind::usage, "the trials are of another search, with which this cannot go on: " + differences +
                                          ". Say what was said then, or begin a search of its own");
    }
}

}  // namespace handgrad::selection
