// Folds: every row judged once, classes in their shares, groups whole, time in its order, and what cannot be dealt.
#include "handgrad/select/folds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "handgrad/base/error.hpp"
#include "tests/support/draw.hpp"
#include "tests/support/tables.hpp"

namespace handgrad::selection {
namespace {

using testing::HasSubstr;

Table csv(const std::string& text) { return read_csv(text, "t.csv", ReadOptions{.delimiter = ','}); }

/// x, a class of three in uneven shares, and a group of some rows.
Table uneven_table(std::size_t rows) {
    Draw draw(7, 70);
    const auto line = [&](std::size_t i) {
        const double u = draw.uniform(0.0, 1.0);
        const std::string kind = u < 0.6 ? "a" : u < 0.9 ? "b" : "c";
        return format_number(draw.uniform(-1.0, 1.0)) + "," + kind + ",g" + std::to_string(i * i % 37);
    };
    return csv(csv_lines("x,kind,place", rows, line));
}

FitOptions for_target(const std::string& target) {
    FitOptions options;
    options.columns.targets = {target};
    return options;
}

std::vector<std::size_t> sorted(std::vector<std::size_t> rows) {
    std::ranges::sort(rows);
    return rows;
}

TEST(Folds, JudgeEachRowOnceInEveryRepeatAndLearnFromAllOthers) {
    const Table table = uneven_table(103);
    const std::vector<Fold> folds =
        make_folds(table, for_target("kind"), Task::classification, {.folds = 4, .repeats = 3});
    ASSERT_EQ(folds.size(), 12U);
    for (std::size_t repeat = 0; repeat < 3; ++repeat) {
        std::vector<std::size_t> judged;
        for (std::size_t k = 0; k < 4; ++k) {
            const Fold& fold = folds[repeat * 4 + k];
            EXPECT_EQ(fold.repeat, repeat);
            EXPECT_EQ(fold.number, k);
            EXPECT_TRUE(std::ranges::is_sorted(fold.test) && std::ranges::is_sorted(fold.training));
            std::vector<std::size_t> both = fold.training;
            both.insert(both.end(), fold.test.begin(), fold.test.end());
            EXPECT_EQ(sorted(both), all_rows(103));
            judged.insert(judged.end(), fold.test.begin(), fold.test.end());
        }
        EXPECT_EQ(sorted(judged), all_rows(103));
    }
    EXPECT_NE(folds[0].test, folds[4].test);  // dealt anew
    FitOptions another = for_target("kind");
    another.training.seed = 1;
    EXPECT_NE(make_folds(table, another, Task::classification, {.folds = 4})[0].test, folds[0].test);
}

TEST(Folds, HaveOfEachClassItsShareToWithinOneRow) {
    const Table table = uneven_table(211);
    const Column& kind = table.column("kind");
    std::map<std::uint32_t, std::size_t> all;
    for (const std::uint32_t code : kind.codes) {
        ++all[code];
    }
    for (const Fold& fold : make_folds(table, for_target("kind"), Task::classification, {.folds = 7})) {
        EXPECT_NEAR(static_cast<double>(fold.test.size()), 211.0 / 7.0, 1.0);
        for (const auto& [code, count] : all) {
            const auto here =
                std::ranges::count_if(fold.test, [&](std::size_t row) { return kind.codes[row] == code; });
            EXPECT_LT(std::abs(static_cast<double>(here) - static_cast<double>(count) / 7.0), 1.0);
        }
    }
}

TEST(Folds, KeepGroupsWhole) {
    const Table table = uneven_table(240);
    FitOptions options = for_target("kind");
    options.group = "place";
    const Column& place = table.column("place");
    for (const bool stratified : {true, false}) {
        std::map<std::uint32_t, std::set<std::size_t>> where;
        std::size_t largest = 0;
        std::map<std::uint32_t, std::size_t> sizes;
        for (const std::uint32_t code : place.codes) {
            largest = std::max(largest, ++sizes[code]);
        }
        for (const Fold& fold :
             make_folds(table, options, Task::classification, {.folds = 5, .stratified = stratified})) {
            EXPECT_FALSE(fold.test.empty());
            if (!stratified) {  // the greedy rule: no fold is ahead of another by more than a group
                EXPECT_NEAR(static_cast<double>(fold.test.size()), 48.0, static_cast<double>(largest));
            }
            for (const std::size_t row : fold.test) {
                where[place.codes[row]].insert(fold.number);
            }
        }
        for (const auto& [code, folds] : where) {
            EXPECT_EQ(folds.size(), 1U);
        }
    }
}

TEST(Folds, OfAsManyGroupsAsFoldsHaveOneEach) {
    std::vector<std::uint32_t> groups, strata;
    for (std::uint32_t g = 0; g < 6; ++g) {
        groups.insert(groups.end(), 1U + 7U * g, g);
    }
    strata.resize(groups.size());
    for (std::size_t i = 0; i < strata.size(); ++i) {
        strata[i] = i % 2;
    }
    const std::vector<std::uint32_t> dealt = deal_groups(groups, strata, 6, RandomStream(3, Purpose::folds));
    EXPECT_EQ(std::set<std::uint32_t>(dealt.begin(), dealt.end()).size(), 6U);
}

TEST(Folds, InOrderOfTimeLearnFromAllRowsBefore) {
    const Table table = csv(csv_lines("t,y", 23, [](std::size_t i) {
        return std::to_string(i) + "," + format_number(0.5 * static_cast<double>(i));
    }));
    const std::vector<Fold> folds = make_folds(table, for_target("y"), Task::regression, {.folds = 4, .ordered = true});
    // scikit-learn 1.9: TimeSeriesSplit(4).split(range(23))
    const std::vector<std::size_t> first{7, 11, 15, 19};
    ASSERT_EQ(folds.size(), 4U);
    for (std::size_t k = 0; k < 4; ++k) {
        EXPECT_EQ(folds[k].training, all_rows(first[k]));
        EXPECT_EQ(folds[k].test, (std::vector<std::size_t>{first[k], first[k] + 1, first[k] + 2, first[k] + 3}));
    }
}

TEST(Folds, LeaveOutRowsWithoutALabel) {
    const Table table = csv("x,y\n1,0.5\n2,\n3,0.7\n4,0.9\n5,\n6,1.5\n");
    FitOptions options = for_target("y");
    options.drop_missing_labels = true;
    const std::vector<Fold> folds = make_folds(table, options, Task::regression, {.folds = 2});
    std::vector<std::size_t> judged = folds[0].test;
    judged.insert(judged.end(), folds[1].test.begin(), folds[1].test.end());
    EXPECT_EQ(sorted(judged), (std::vector<std::size_t>{0, 2, 3, 5}));
    EXPECT_EQ(folds_csv(folds, 6).substr(0, 9), "row,fold\n");
    EXPECT_THAT(folds_csv(folds, 6), HasSubstr("\n2,\n"));
}

struct Refused {
    ErrorKind kind;
    std::string what;
};
Refused refused(const std::string& text, const FitOptions& options, const FoldOptions& how,
                Task task = Task::classification) {
    try {
        make_folds(csv(text), options, task, how);
    } catch (const Error& error) {
        return {error.kind(), error.what()};
    }
    return {ErrorKind::io, "accepted"};
}

TEST(Folds, SayWhatCannotBeDealt) {
    const FitOptions plain = for_target("y");
    FitOptions grouped = plain;
    grouped.group = "g";
    FitOptions dropping = plain;
    dropping.drop_missing_labels = true;
    const auto expect = [](const Refused& refusal, ErrorKind kind, const std::string& what) {
        EXPECT_EQ(refusal.kind, kind) << refusal.what;
        EXPECT_THAT(refusal.what, HasSubstr(what));
    };
    const std::string four = "x,y\n1,a\n2,b\n3,a\n4,b\n";
    expect(refused(four, plain, {.folds = 1}), ErrorKind::usage, "folds: at least 2");
    expect(refused(four, plain, {.folds = 2, .repeats = 0}), ErrorKind::usage, "repeats: at least 1");
    expect(refused(four, plain, {.folds = 2, .repeats = 2, .ordered = true}), ErrorKind::usage, "one way only");
    expect(refused(four, plain, {.folds = 5}), ErrorKind::data,
           "t.csv: 4 rows with a label cannot be dealt to 5 folds; take fewer folds, or give more rows");
    expect(refused("x,y\n1,a\n2,\n3,\n4,b\n", dropping, {.folds = 3}), ErrorKind::data, "2 rows with a label");
    expect(refused("x,y\n1,0.5\n2,1.5\n", plain, {.folds = 2, .ordered = true}, Task::regression), ErrorKind::data,
           "of which each is learned from rows before it");
    expect(refused("x,y\n1,a\n2,a\n3,a\n", plain, {.folds = 2}), ErrorKind::data,
           "t.csv: column 'y': all rows are of one class");
    expect(refused("x,y\n1,a\n2,a\n3,c\n4,b\n5,b\n", plain, {.folds = 2}), ErrorKind::data,
           "t.csv:4: column 'y': 'c' is judged in fold");
    expect(refused("x,y\n1,a\n2,a\n3,b\n4,b\n", plain, {.folds = 2, .ordered = true}), ErrorKind::data,
           "no row before it is of its class");
    const std::string two_groups = "x,g,y\n1,p,a\n2,p,b\n3,q,a\n4,q,b\n";
    expect(refused(two_groups, grouped, {.folds = 3}), ErrorKind::data,
           "t.csv: column 'g': 2 groups cannot be dealt to 3 folds");
    expect(refused(two_groups, grouped, {.folds = 2, .ordered = true}), ErrorKind::usage, "would part groups");
    expect(refused("x,g,y\n1,p,a\n2,,b\n3,q,a\n4,q,b\n", grouped, {.folds = 2}), ErrorKind::data,
           "t.csv:3: column 'g': the group is missing");
}

}  // namespace
}  // namespace handgrad::selection
