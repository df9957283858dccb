// Rung after rung: the fits of one are dealt out to the threads, then the trials that go on are chosen.
#include "handgrad/select/tuning.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <utility>
#include <variant>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/select/fold_fit.hpp"
#include "handgrad/train/decisions.hpp"
#include "handgrad/train/settings.hpp"

namespace handgrad::selection {
namespace {

constexpr std::size_t most_rungs = 4, fewest_in_the_last = 3;

void check_search(const TuneOptions& how) {
    if (how.trials < 1) {
        throw Error(ErrorKind::usage, "trials: at least 1 is needed").about("trials", "50");
    }
    if (how.halving < 1) {
        throw Error(ErrorKind::usage, "halving: a factor from 1 on, which is none").about("halving", "3");
    }
    if (how.space.empty()) {
        throw Error(ErrorKind::usage,
                    "search: every setting is fixed, so that there is nothing to choose; leave one open")
            .about("search");
    }
    if (how.space.size() > most_dimensions) {
        throw Error(ErrorKind::usage, "search: at most " + std::to_string(most_dimensions) + " settings at once")
            .about("search");
    }
    std::set<std::string> names;
    for (const Dimension& dimension : how.space) {
        if (!names.insert(dimension.setting).second) {
            throw Error(ErrorKind::usage, "search: " + dimension.setting + " is there twice").about("search");
        }
    }
}

/// The points of the search, none twice; of few values all combinations.
std::vector<SettingValues> points_of(const TuneOptions& how, const FitOptions& options, bool& exhaustive) {
    std::vector<SettingValues> points;
    std::set<std::string> seen;
    const auto add = [&](SettingValues values) {
        values = meaningful(std::move(values), options.training.optimizer.kind);
        const bool is_new = seen.insert(setting_values_text(values)).second;
        if (is_new) {
            points.push_back(std::move(values));
        }
        return is_new;
    };
    for (SettingValues& values : all_combinations(how.space, how.trials)) {
        add(std::move(values));
    }
    exhaustive = !points.empty();
    if (exhaustive) {
        return points;
    }
    constexpr std::size_t patience = 1000;  // of points that have been there
    std::size_t in_vain = 0;
    for (std::size_t index = 0; points.size() < how.trials && in_vain < patience; ++index) {
        const std::vector<double> point = search_point(how.method, index, how.space.size(), options.training.seed);
        in_vain = add(settings_at(how.space, point)) ? 0 : in_vain + 1;
    }
    return points;
}

/// How many trials each rung has, and what share of its epochs a trial is trained there.
void decide_rungs(Tuning& tuning) {
    const std::size_t factor = tuning.options.halving;
    tuning.sizes = {tuning.trials.size()};
    while (factor > 1 && tuning.sizes.size() < most_rungs) {
        const std::size_t next = (tuning.sizes.back() + factor - 1) / factor;
        if (next < fewest_in_the_last) {
            break;
        }
        tuning.sizes.push_back(next);
    }
    double share = 1.0;
    for (std::size_t rung = tuning.sizes.size(); rung-- > 0;) {
        tuning.rungs.insert(tuning.rungs.begin(), share);
        share /= static_cast<double>(factor);
    }
}

/// What is remembered of a fit that has paused, unless that would be too much: without it the fit begins anew, to the
/// same numbers.
class Paused {
public:
    void keep(std::size_t trial, std::size_t fold, Model&& model) {
        constexpr std::size_t most = std::size_t{512} << 20U, of_a_model = 40000, of_a_parameter = 4;
        const std::size_t bytes =
            of_a_model +
            std::visit([](const auto& net) { return of_a_parameter * net.parameters().size_bytes(); }, model.net);
        if (bytes_ + bytes > most) {
            return;
        }
        bytes_ += bytes;
        models_.insert_or_assign({trial, fold}, std::pair(std::move(model), bytes));
    }
    /// Null where nothing is remembered.
    [[nodiscard]] const Model* find(std::size_t trial, std::size_t fold) const {
        const auto found = models_.find({trial, fold});
        return found == models_.end() ? nullptr : &found->second.first;
    }
    /// Forgets all trials that `stays` does not name.
    template <class Stays>
    void keep_only(const Stays& stays) {
        std::erase_if(models_, [&](const auto& entry) {
            const bool goes = !stays(entry.first.first);
            bytes_ -= goes ? entry.second.second : 0;
            return goes;
        });
    }
    void forget(std::size_t trial, std::size_t fold) {
        const auto found = models_.find({trial, fold});
        if (found != models_.end()) {
            bytes_ -= found->second.second;
            models_.erase(found);
        }
    }

private:
    std::map<std::pair<std::size_t, std::size_t>, std::pair<Model, std::size_t>> models_;
    std::size_t bytes_ = 0;
};

/// Whether the one trial is to stand before the other: those of a later rung, then those with a better mean.
bool stands_before(const Trial& one, const Trial& other, bool larger) {
    if (one.rung != other.rung) {
        return one.rung > other.rung;
    }
    const double a = one.mean(), b = other.mean();
    if (std::isnan(a) || std::isnan(b)) {
        return !std::isnan(a) && std::isnan(b);
    }
    return larger ? a > b : a < b;
}

class Search {
public:
    Search(const Table& table, const FitOptions& options, const TuneCallbacks& callbacks, std::vector<Fold> folds,
           Tuning& tuning)
        : table_(table), options_(options), callbacks_(callbacks), folds_(std::move(folds)), tuning_(tuning) {
        for (const std::size_t size : tuning.sizes) {
            tuning.fits += size * folds_.size();
        }
        for (const Trial& trial : tuning.trials) {
            options_of_.push_back(options_of_trial(options, tuning.options, trial.settings));
        }
    }

    void run() {
        std::vector<std::size_t> going(tuning_.trials.size());
        std::iota(going.begin(), going.end(), std::size_t{0});
        for (std::size_t rung = 0; rung < tuning_.rungs.size() && !interrupted_; ++rung) {
            if (rung > 0) {
                going.resize(tuning_.sizes[rung]);
                paused_.keep_only([&](std::size_t trial) { return std::ranges::find(going, trial) != going.end(); });
                std::ranges::sort(going);
            }
            judge(going, rung);
            sort(going);
        }
        tuning_.interrupted = interrupted_;
        raise_if_all_refused();
        std::vector<std::size_t> ranking(tuning_.trials.size());
        std::iota(ranking.begin(), ranking.end(), std::size_t{0});
        std::erase_if(ranking, [&](std::size_t i) { return tuning_.trials[i].folds.empty(); });
        sort(ranking);
        tuning_.ranking = std::move(ranking);
        choose();
    }

private:
    void sort(std::vector<std::size_t>& trials) const {
        const bool larger = larger_is_better(tuning_.score);
        std::ranges::stable_sort(trials, [&](std::size_t a, std::size_t b) {
            return stands_before(tuning_.trials[a], tuning_.trials[b], larger);
        });
    }

    /// All fits of a rung, and what its trials come to by them.
    void judge(const std::vector<std::size_t>& going, std::size_t rung) {
        const std::size_t folds = folds_.size();
        std::vector<std::optional<FoldScore>> scores(going.size() * folds);
        run_fits(options_.training.execution.most_threads(), scores.size(), [&](std::size_t i) {
            const std::size_t trial = going[i / folds];
            if (interrupted_ || (callbacks_.stop && callbacks_.stop())) {
                interrupted_ = true;
                return;
            }
            scores[i] = score_of(trial, rung, i % folds);
        });
        for (std::size_t j = 0; j < going.size(); ++j) {
            take(tuning_.trials[going[j]], rung, std::span(scores).subspan(j * folds, folds));
        }
    }

    /// The score of one fit: of its end, where it has come to it at an earlier rung; as it is known; or by fitting.
    std::optional<FoldScore> score_of(std::size_t trial, std::size_t rung, std::size_t fold) {
        const Trial& before = tuning_.trials[trial];
        if (rung > 0 && before.folds.size() == folds_.size() && before.folds[fold].stopped != "paused") {
            told(trial, rung, before.folds[fold], false);
            return before.folds[fold];
        }
        if (callbacks_.known) {
            if (const std::optional<FoldScore> known = callbacks_.known(trial, rung, fold)) {
                told(trial, rung, *known, false);
                return known;
            }
        }
        FoldFit fit = fit_or_refusal(trial, rung, fold);
        if (fit.interrupted) {
            interrupted_ = true;
            return std::nullopt;
        }
        told(trial, rung, fit.score, true);
        const std::scoped_lock lock(mutex_);
        paused_.forget(trial, fold);
        if (fit.paused && rung + 1 < tuning_.rungs.size()) {
            paused_.keep(trial, fold, std::move(*fit.paused));
        }
        return fit.score;
    }

    FoldFit fit_or_refusal(std::size_t trial, std::size_t rung, std::size_t fold) {
        const Fold& its = folds_[fold];
        const Model* from = nullptr;
        {
            const std::scoped_lock lock(mutex_);
            from = paused_.find(trial, fold);  // which nobody else forgets or replaces
        }
        try {
            return fit_fold(table_, options_of_fold(options_of_[trial], tuning_.task, its), its, tuning_.rungs[rung],
                            from, callbacks_.stop);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::usage) {
                throw;  // of the table, which all trials have
            }
            const std::scoped_lock lock(mutex_);
            if (!refusal_ || trial < refused_trial_ || (trial == refused_trial_ && fold < refused_fold_)) {
                refusal_ = error;
                refused_trial_ = trial;
                refused_fold_ = fold;
            }
            FoldFit refused;
            refused.score = {.repeat = its.repeat,
                             .number = its.number,
                             .training_rows = its.training.size(),
                             .test_rows = its.test.size(),
                             .stopped = "refused",
                             .failure = error.what()};
            return refused;
        }
    }

    void told(std::size_t trial, std::size_t rung, const FoldScore& score, bool is_new) {
        const std::scoped_lock lock(mutex_);
        ++done_;
        if (is_new && callbacks_.on_score) {
            callbacks_.on_score(trial, rung, score);
        }
        if (callbacks_.on_fit) {
            callbacks_.on_fit(done_, tuning_.fits, best_so_far_);
        }
    }

    /// Puts what a rung has brought into a trial; of an interrupted one only what was not there before.
    void take(Trial& trial, std::size_t rung, std::span<const std::optional<FoldScore>> scores) {
        std::vector<FoldScore> there;
        for (const std::optional<FoldScore>& score : scores) {
            if (score) {
                there.push_back(*score);
            }
        }
        const bool complete = there.size() == scores.size();
        if (!complete && (trial.complete || there.empty())) {
            return;
        }
        trial.complete = complete;
        trial.rung = rung;
        trial.folds = std::move(there);
        trial.metrics = complete ? summarize(trial.folds) : std::vector<MetricSummary>{};
        for (const FoldScore& fold : trial.folds) {
            if (trial.failure.empty() && !fold.failure.empty()) {
                trial.failure = fold.failure;
            }
            if (tuning_.score.empty() && !fold.metrics.empty()) {
                tuning_.score = chosen_score(tuning_.options.score, fold.metrics);
            }
        }
        std::ranges::stable_partition(trial.metrics,
                                      [&](const MetricSummary& one) { return one.name == tuning_.score; });
        if (complete && trial.failure.empty() && std::isnan(trial.mean())) {
            trial.failure = tuning_.score + " is not defined on the rows of some fold";
        }
        const bool larger = larger_is_better(tuning_.score);
        const double mean = trial.mean();
        if (std::isnan(best_so_far_) || (larger ? mean > best_so_far_ : mean < best_so_far_)) {
            best_so_far_ = mean;
        }
    }

    void raise_if_all_refused() const {
        const bool all = std::ranges::all_of(tuning_.trials, [](const Trial& trial) {
            return !trial.folds.empty() && trial.folds.front().stopped == "refused";
        });
        if (all && refusal_) {
            throw Error(*refusal_);
        }
    }

    /// The best, and the smallest that is hardly worse.
    void choose() {
        if (tuning_.ranking.empty()) {
            return;
        }
        const Trial& best = tuning_.trials[tuning_.ranking.front()];
        const bool to_its_end = best.complete && best.rung + 1 == tuning_.rungs.size() && best.failure.empty();
        if (!to_its_end || std::isnan(best.mean()) || tuning_.interrupted) {
            return;
        }
        tuning_.best = tuning_.smallest = best.number;
        const double error = best.sd() / std::sqrt(static_cast<double>(tuning_.options.how.folds));
        for (const std::size_t i : tuning_.ranking) {
            const Trial& trial = tuning_.trials[i];
            const bool near = trial.rung == best.rung && std::abs(trial.mean() - best.mean()) <= error;
            if (near && trial.parameters() < tuning_.trials[*tuning_.smallest].parameters()) {
                tuning_.smallest = i;
            }
        }
    }

    const Table& table_;
    const FitOptions& options_;
    const TuneCallbacks& callbacks_;
    std::vector<Fold> folds_;
    Tuning& tuning_;
    std::vector<FitOptions> options_of_;
    std::mutex mutex_;
    Paused paused_;
    std::size_t done_ = 0;
    double best_so_far_ = std::numeric_limits<double>::quiet_NaN();
    std::optional<Error> refusal_;  ///< of the first trial and fold
    std::size_t refused_trial_ = 0, refused_fold_ = 0;
    std::atomic<bool> interrupted_{false};
};

}  // namespace

double Trial::mean() const {
    return failure.empty() && !metrics.empty() ? metrics.front().mean : std::numeric_limits<double>::quiet_NaN();
}
double Trial::sd() const {
    return failure.empty() && !metrics.empty() ? metrics.front().sd : std::numeric_limits<double>::quiet_NaN();
}
std::size_t Trial::parameters() const { return folds.empty() ? 0 : folds.front().parameters; }

FitOptions options_of_trial(const FitOptions& options, const TuneOptions& how, const SettingValues& settings) {
    FitOptions own = options;
    apply_settings(own, settings, "search");
    if (how.usual_decay && !settings.contains(std::string(settings::weight_decay.name))) {
        OptimizerOptions& optimizer = own.training.optimizer;
        optimizer.weight_decay = facts(optimizer.kind).usual_weight_decay;
    }
    return own;
}

Tuning tune(const Table& table, const FitOptions& options, const TuneOptions& how, const TuneCallbacks& callbacks) {
    refuse_useless(options);
    check_score(how.score);
    check_search(how);
    if (options.restarts > 1 && how.halving > 1) {
        throw Error(ErrorKind::usage,
                    "restarts: a training of several cannot be judged in between; train all trials to their end, or "
                    "leave restarts out")
            .about("restarts")
            .about("halving", "1");
    }
    const Tell tell = callbacks.on_notice ? callbacks.on_notice : [](const Notice&) {};
    Tuning tuning{.options = how};
    tuning.task = decide_task(table, options, tell);
    std::vector<Fold> folds = make_folds(table, options, tuning.task, how.how);
    for (SettingValues& values : points_of(how, options, tuning.exhaustive)) {
        tuning.trials.push_back({.number = tuning.trials.size(), .settings = std::move(values)});
    }
    decide_rungs(tuning);
    Search(table, options, callbacks, std::move(folds), tuning).run();
    return tuning;
}

}  // namespace handgrad::selection
