// Dealing rows to folds; what cannot be dealt is refused before anything is trained.
#include "handgrad/select/folds.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <set>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/wording.hpp"
#include "handgrad/train/share_out.hpp"

namespace handgrad::selection {
namespace {

std::size_t labels_in(std::span<const std::uint32_t> labels) {
    return labels.empty() ? 0 : std::size_t{std::ranges::max(labels)} + 1;
}

void check_numbers(const FoldOptions& how, const FitOptions& options) {
    if (how.folds < 2) {
        throw Error(ErrorKind::usage, "folds: at least 2 are needed, one to judge what the other teaches")
            .about("folds", "5");
    }
    if (how.repeats < 1) {
        throw Error(ErrorKind::usage, "repeats: at least 1 is needed").about("repeats", "1");
    }
    if (how.ordered && how.repeats > 1) {
        throw Error(ErrorKind::usage, "repeats: rows in order of time can be cut in one way only; leave repeats out")
            .about("repeats")
            .about("ordered");
    }
    if (how.ordered && !options.group.empty()) {
        throw Error(ErrorKind::usage,
                    "group: rows in order of time are cut by their order, which would part groups; choose one of both")
            .about("group")
            .about("ordered");
    }
}

/// The part of `rows` in which fold `number` judges, and what it is learned from.
Fold fold_of(std::span<const std::size_t> rows, std::span<const std::uint32_t> dealt, std::size_t repeat,
             std::size_t number) {
    Fold fold{.repeat = repeat, .number = number, .training = {}, .test = {}};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        (dealt[i] == number ? fold.test : fold.training).push_back(rows[i]);
    }
    return fold;
}

/// Windows that grow: as scikit-learn's TimeSeriesSplit has them.
std::vector<Fold> ordered_folds(std::span<const std::size_t> rows, std::size_t folds) {
    const std::size_t size = rows.size() / (folds + 1);
    std::vector<Fold> all;
    for (std::size_t k = 0; k < folds; ++k) {
        const std::size_t first = rows.size() - (folds - k) * size;
        const auto before = rows.first(first), judged = rows.subspan(first, size);
        all.push_back({.repeat = 0,
                       .number = k,
                       .training = {before.begin(), before.end()},
                       .test = {judged.begin(), judged.end()}});
    }
    return all;
}

/// Raises Error(data) for a class of a fold's test that it has not learned from.
void check_classes(const Table& table, const Column& target, const Fold& fold, const FoldOptions& how) {
    const std::vector<std::uint32_t> learned = labels_of(target, fold.training), judged = labels_of(target, fold.test);
    std::vector<bool> known(std::max(labels_in(learned), labels_in(judged)));
    for (const std::uint32_t label : learned) {
        known[label] = true;
    }
    for (std::size_t i = 0; i < judged.size(); ++i) {
        if (known[judged[i]]) {
            continue;
        }
        const std::size_t row = fold.test[i];
        const std::string text =
            target.has_numbers ? format_number(target.numbers[row]) : target.texts[target.codes[row]];
        std::string why = "all rows of its class stand in this fold; join rare classes, or leave them out";
        if (how.ordered) {
            why = "no row before it is of its class; take fewer folds, so that more is learned from before the first";
        }
        throw Error(ErrorKind::data, table.place(row) + ": column '" + target.name + "': '" + text +
                                         "' is judged in fold " + std::to_string(fold.number + 1) +
                                         ", which has not learned it: " + why)
            .about("folds");
    }
}

/// Raises Error(data) where the target tells nothing apart.
void check_target(const Table& table, const Column& target, std::span<const std::uint32_t> classes) {
    if (std::ranges::adjacent_find(classes, std::ranges::not_equal_to()) == classes.end()) {
        throw Error(ErrorKind::data,
                    table.source + ": column '" + target.name +
                        "': all rows are of one class, so that any model is right; name another target")
            .about("target");
    }
}

void check_rows(const Table& table, std::size_t rows, const FoldOptions& how) {
    if (rows < how.folds + (how.ordered ? 1 : 0)) {
        throw Error(ErrorKind::data, table.source + ": " + plural(rows, "row") + " with a label cannot be dealt to " +
                                         std::to_string(how.folds) + " folds" +
                                         when(how.ordered, ", of which each is learned from rows before it") +
                                         "; take fewer folds, or give more rows")
            .about("folds");
    }
}

/// The group of each row; none without a column of them.
std::vector<std::uint32_t> groups_of(const Table& table, const FitOptions& options, std::span<const std::size_t> rows,
                                     std::size_t folds) {
    if (options.group.empty()) {
        return {};
    }
    std::vector<std::uint32_t> groups = labels_of(group_column(table, options, rows), rows);
    const std::size_t count = std::set<std::uint32_t>(groups.begin(), groups.end()).size();
    if (count < folds) {
        throw Error(ErrorKind::data, table.source + ": column '" + options.group + "': " + plural(count, "group") +
                                         " cannot be dealt to " + std::to_string(folds) +
                                         " folds, as none is parted; take fewer folds, or group by another column")
            .about("folds")
            .about("group");
    }
    return groups;
}

/// Where a group goes: the counts of each fold so far.
class Dealer {
public:
    Dealer(std::size_t folds, std::vector<std::size_t> totals)
        : totals_(std::move(totals)), has_(folds, std::vector<std::size_t>(totals_.size())), rows_(folds) {}

    /// Takes the rows that a group has of each stratum, and returns its fold.
    std::uint32_t place(const std::vector<std::size_t>& members) {
        std::size_t best = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t fold = 0; fold < rows_.size(); ++fold) {
            const double here = crowding(fold, members);
            if (here < least || (here == least && rows_[fold] < rows_[best])) {
                best = fold;
                least = here;
            }
        }
        for (std::size_t s = 0; s < members.size(); ++s) {
            has_[best][s] += members[s];
            rows_[best] += members[s];
        }
        return static_cast<std::uint32_t>(best);
    }

private:
    [[nodiscard]] double crowding(std::size_t fold, const std::vector<std::size_t>& members) const {
        double sum = 0.0;
        for (std::size_t s = 0; s < members.size(); ++s) {
            if (totals_[s] > 0) {
                sum += static_cast<double>(has_[fold][s] * members[s]) / static_cast<double>(totals_[s]);
            }
        }
        return sum;
    }

    std::vector<std::size_t> totals_;            ///< rows of each stratum
    std::vector<std::vector<std::size_t>> has_;  ///< of each fold and stratum
    std::vector<std::size_t> rows_;              ///< of each fold
};

}  // namespace

std::vector<std::uint32_t> deal_rows(std::span<const std::uint32_t> strata, std::size_t folds,
                                     const RandomStream& stream) {
    std::vector<std::size_t> order = permutation(strata.size(), stream);
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return strata[i]; });
    std::vector<std::uint32_t> dealt(strata.size());
    for (std::size_t j = 0; j < order.size(); ++j) {
        dealt[order[j]] = static_cast<std::uint32_t>(j % folds);
    }
    return dealt;
}

std::vector<std::uint32_t> deal_groups(std::span<const std::uint32_t> groups, std::span<const std::uint32_t> strata,
                                       std::size_t folds, const RandomStream& stream) {
    assert(groups.size() == strata.size());
    const std::size_t group_count = labels_in(groups), strata_count = labels_in(strata);
    std::vector<std::size_t> sizes(group_count), totals(strata_count), order;
    std::vector<std::vector<std::size_t>> members(group_count, std::vector<std::size_t>(strata_count));
    for (std::size_t i = 0; i < groups.size(); ++i) {
        ++sizes[groups[i]];
        ++totals[strata[i]];
        ++members[groups[i]][strata[i]];
    }
    for (const std::size_t group : permutation(group_count, stream)) {
        if (sizes[group] > 0) {
            order.push_back(group);
        }
    }
    std::ranges::stable_sort(order, std::ranges::greater(), [&](std::size_t g) { return std::bit_width(sizes[g]); });

    Dealer dealer(folds, std::move(totals));
    std::vector<std::uint32_t> fold_of_group(group_count);
    for (const std::size_t group : order) {
        fold_of_group[group] = dealer.place(members[group]);
    }
    std::vector<std::uint32_t> dealt;
    for (const std::uint32_t group : groups) {
        dealt.push_back(fold_of_group[group]);
    }
    return dealt;
}

std::vector<Fold> make_folds(const Table& table, const FitOptions& options, Task task, const FoldOptions& how) {
    check_numbers(how, options);
    const std::vector<std::size_t> rows = labelled_rows(table, options.columns.targets, options.drop_missing_labels);
    check_rows(table, rows.size(), how);
    const bool one_class_each = task == Task::classification && options.columns.targets.size() == 1;
    const Column* const target = one_class_each ? &table.column(options.columns.targets.front()) : nullptr;
    std::vector<std::uint32_t> strata(rows.size());
    if (target != nullptr) {
        std::vector<std::uint32_t> classes = labels_of(*target, rows);
        check_target(table, *target, classes);
        if (how.stratified) {
            strata = std::move(classes);
        }
    }
    const std::vector<std::uint32_t> groups = groups_of(table, options, rows, how.folds);
    std::vector<Fold> folds;
    if (how.ordered) {
        folds = ordered_folds(rows, how.folds);
    }
    for (std::size_t repeat = 0; repeat < how.repeats && !how.ordered; ++repeat) {
        const RandomStream stream(options.training.seed, Purpose::folds, static_cast<std::uint32_t>(repeat));
        const std::vector<std::uint32_t> dealt =
            groups.empty() ? deal_rows(strata, how.folds, stream) : deal_groups(groups, strata, how.folds, stream);
        for (std::size_t k = 0; k < how.folds; ++k) {
            folds.push_back(fold_of(rows, dealt, repeat, k));
        }
    }
    if (target != nullptr) {
        for (const Fold& fold : folds) {
            check_classes(table, *target, fold, how);
        }
    }
    return folds;
}

std::string folds_csv(std::span<const Fold> folds, std::size_t rows) {
    std::size_t repeats = 0;
    for (const Fold& fold : folds) {
        repeats = std::max(repeats, fold.repeat + 1);
    }
    std::vector<std::vector<std::string>> cells(rows, std::vector<std::string>(repeats));
    for (const Fold& fold : folds) {
        for (const std::size_t row : fold.test) {
            cells[row][fold.repeat] = std::to_string(fold.number + 1);
        }
    }
    std::string text = "row";
    for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
        text += repeats == 1 ? ",fold" : ",repeat" + std::to_string(repeat + 1);
    }
    for (std::size_t row = 0; row < rows; ++row) {
        text += "\n" + std::to_string(row + 1);
        for (const std::string& cell : cells[row]) {
            text += "," + cell;
        }
    }
    return text + "\n";
}

}  // namespace handgrad::selection
