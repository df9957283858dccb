// Sorting the cells of a column into numbers, texts and gaps.
#include "handgrad/data/column_builder.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "handgrad/base/error.hpp"
#include "handgrad/base/limits.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/feature_cells.hpp"

namespace handgrad {
MissingTexts::MissingTexts(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        texts_.push_back(lower_case(trimmed(text)));
        longest_ = std::max(longest_, texts_.back().size());
        if (const ParsedNumber number = parse_number(texts_.back()); number.problem == NumberProblem::none) {
            numbers_.push_back(number.value);
        }
    }
    std::ranges::sort(texts_);
    std::ranges::sort(numbers_);
}

bool MissingTexts::contains(std::string_view trimmed_cell) const {
    if (trimmed_cell.size() > longest_) {
        return false;
    }
    const std::string lower = lower_case(trimmed_cell);
    return std::ranges::binary_search(texts_, lower);
}

bool MissingTexts::means(double number) const { return std::ranges::binary_search(numbers_, number); }

bool MissingTexts::spells_number(char decimal) const {
    return std::any_of(texts_.begin(), texts_.end(), [&](const std::string& text) {
        return parse_number(text, decimal).problem != NumberProblem::not_a_number;
    });
}

namespace {

/// Slots that a search may look into. Among hashes that meet by chance runs of taken slots are some dozens long;
/// whoever chooses texts by their hashes gets a tree, which no text can slow down.
constexpr std::size_t longest_search = 512;

}  // namespace

std::uint32_t TextCodes::find(std::string_view text) {
    if (tree_) {
        const auto found = tree_->find(text);
        return found == tree_->end() ? none : found->second;
    }
    if (slots_.empty()) {
        return none;
    }
    const std::size_t hash = std::hash<std::string_view>{}(text);
    const std::size_t mask = slots_.size() - 1;
    std::size_t steps = 0;
    for (std::size_t i = hash & mask; slots_[i].code != none; i = (i + 1) & mask) {
        if (slots_[i].hash == hash && texts_[slots_[i].code] == text) {
            return slots_[i].code;
        }
        if (++steps == longest_search) {
            plant_tree();
            return find(text);
        }
    }
    return none;
}

std::uint32_t TextCodes::add(std::string_view text) {
    const auto code = static_cast<std::uint32_t>(texts_.size());
    texts_.emplace_back(text);
    if (tree_) {
        tree_->emplace(text, code);
        return code;
    }
    constexpr std::size_t fewest_slots = 16;
    if (2 * texts_.size() > slots_.size()) {
        const std::vector<Slot> old =
            std::exchange(slots_, std::vector<Slot>(std::max(fewest_slots, 2 * slots_.size())));
        for (const Slot& slot : old) {
            if (slot.code != none) {
                insert(slot);
            }
        }
    }
    insert({std::hash<std::string_view>{}(text), code});
    return code;
}

void TextCodes::insert(Slot slot) {
    if (tree_) {  // planted while slots were moved
        return;
    }
    std::size_t i = slot.hash & (slots_.size() - 1);
    for (std::size_t steps = 0; slots_[i].code != none; ++steps) {
        if (steps == longest_search) {
            plant_tree();
            return;
        }
        i = (i + 1) & (slots_.size() - 1);
    }
    slots_[i] = slot;
}

void TextCodes::plant_tree() {
    tree_ = std::make_unique<std::map<std::string, std::uint32_t, std::less<>>>();
    for (std::size_t code = 0; code < texts_.size(); ++code) {
        tree_->emplace(texts_[code], static_cast<std::uint32_t>(code));
    }
    slots_ = {};
}

std::vector<std::string> TextCodes::take() {
    slots_ = {};
    tree_.reset();
    return std::exchange(texts_, {});
}

ColumnBuilder::ColumnBuilder(std::string name, const NamedColumns& named, const MissingTexts& missing,
                             const NumberReader& reader, std::size_t expected_rows)
    : missing_(missing),
      reader_(reader),
      text_column_(named.texts.contains(name) || named.dates.contains(name)),
      spelled_(named.spelled.contains(name)),
      kept_(named.kept.contains(name)),
      plain_(!text_column_ && !spelled_ && !kept_),
      expected_rows_(expected_rows) {
    column_.name = std::move(name);
}

void ColumnBuilder::catch_up_numbers() { column_.numbers.resize(row_, std::numeric_limits<double>::quiet_NaN()); }

/// Before the first number, and before one behind cells of another kind.
void ColumnBuilder::prepare_numbers(std::string_view cell) {
    if (column_.numbers.empty()) {
        column_.numbers.reserve(expected_rows_);
        first_number_ = {row_, std::string(cell), 0};
    }
    catch_up_numbers();
}

void ColumnBuilder::sort_cell(std::string_view cell, bool quoted) {
    const std::string_view bare = trimmed(cell);
    const std::string_view as_text = quoted ? cell : bare;
    if (texts_ > 0 && !spelled_ && beyond_numbers_ == 0) {  // every known code is then that of a plain text
        const std::uint32_t code = codes_.find(as_text);
        if (code != TextCodes::none) {
            ++texts_;
            add_code(code);
            ++row_;
            return;
        }
    }
    if (missing_.contains(bare)) {
        add_missing();
        return;
    }
    if (text_column_) {
        add_text(as_text, false);
        return;
    }
    const auto [value, problem] = reader_.read(bare);
    if (problem == NumberProblem::none && missing_.means(value)) {
        add_missing();
        return;
    }
    if (problem == NumberProblem::not_a_number || problem == NumberProblem::out_of_range) {
        add_text(as_text, problem == NumberProblem::out_of_range || spells_infinity(bare));
        return;
    }
    if (problem == NumberProblem::underflow && underflows_++ == 0) {
        first_underflow_ = {row_, std::string(cell), 0};
    }
    if (reader_.takes_signs()) {
        check_unit(cell, bare);
    }
    if (spelled_) {
        add_spelling(bare);
    }
    add_number(value, bare);
}

void ColumnBuilder::add_missing() {
    if (column_.missing++ == 0) {
        column_.first_missing = row_;
    }
    ++row_;
}

/// A column of kilograms in which one cell has grams is no column of numbers.
void ColumnBuilder::check_unit(std::string_view cell, std::string_view bare) {
    constexpr std::string_view of_numbers = "0123456789+-.";
    const bool plain = of_numbers.find(bare.front()) != std::string_view::npos &&
                       of_numbers.find(bare.back()) != std::string_view::npos;
    if (plain) {
        return;
    }
    std::string unit = reader_.unit_of(bare);
    if (unit.empty()) {
        return;
    }
    if (column_.unit.empty()) {
        column_.unit = std::move(unit);
    } else if (!same_unit(column_.unit, unit) && !column_.other_unit) {
        column_.other_unit = OddCell{row_, std::string(cell), 1};
    }
}

void ColumnBuilder::add_text(std::string_view cell, bool beyond_numbers) {
    if (texts_++ == 0) {
        first_text_ = {row_, std::string(cell), 0};
    }
    if (beyond_numbers) {
        ++beyond_numbers_;
    }
    add_spelling(cell);
    ++row_;
}

void ColumnBuilder::add_spelling(std::string_view cell) {
    std::uint32_t code = codes_.find(cell);
    if (code == TextCodes::none) {
        if (codes_.size() == TextCodes::none) {
            throw Error(ErrorKind::data,
                        "column " + in_quotes(column_.name) + ": more than 4294967295 different texts");
        }
        code = codes_.add(cell);
    }
    add_code(code);
    if (spelled_ && texts_ == 0 && codes_.size() > limits::classes) {  // no classes, then: forget the spellings
        spelled_ = false;
        plain_ = !text_column_ && !kept_;
        codes_ = {};
        column_.codes = {};
    }
}

void ColumnBuilder::add_code(std::uint32_t code) {
    if (column_.codes.empty()) {
        column_.codes.reserve(expected_rows_);
    }
    column_.codes.resize(row_, Column::missing_code);
    column_.codes.push_back(code);
}

/// Of the texts, each looked at once.
std::optional<NumberLike> ColumnBuilder::number_like(std::size_t numbers) const {
    struct Seen {
        std::size_t count = 0;
        std::size_t first = 0;
    };
    std::vector<Seen> seen(codes_.size());
    for (std::size_t row = 0; row < column_.codes.size(); ++row) {
        const std::uint32_t code = column_.codes[row];
        if (code != Column::missing_code && seen[code].count++ == 0) {
            seen[code].first = row;
        }
    }
    NumberLikeColumn like(reader_.decimal());
    for (std::size_t code = 0; code < seen.size(); ++code) {
        const std::string& text = codes_.text(static_cast<std::uint32_t>(code));
        const bool number = spelled_ && reader_.read(trimmed(text)).problem == NumberProblem::none;
        if (!number) {
            like.add(text, seen[code].count, seen[code].first);
        }
    }
    const bool fractions = std::ranges::any_of(column_.numbers, [](double x) { return std::trunc(x) != x && x == x; });
    return like.decide(numbers, fractions);
}

Column ColumnBuilder::finish(Table& table) {
    const std::size_t numbers = row_ - column_.missing - texts_;
    column_.has_numbers =
        !text_column_ && (texts_ == 0 || (numbers >= texts_ && numbers > 0) || beyond_numbers_ == texts_);
    column_.has_texts = text_column_ || spelled_ || !column_.has_numbers;
    if (!text_column_ && texts_ > 0 && (numbers > 0 || column_.has_numbers)) {
        if (column_.has_numbers) {
            column_.odd = first_text_;
            column_.odd->count = texts_;
        } else {
            column_.odd = first_number_;
            column_.odd->count = numbers;
        }
    }
    if (!text_column_ && texts_ > 0) {
        column_.number_like = number_like(numbers);
    }
    if (column_.has_numbers) {
        catch_up_numbers();
    } else {
        column_.numbers = {};
    }
    if (column_.has_texts) {
        column_.codes.resize(row_, Column::missing_code);
        column_.texts = codes_.take();
    } else {
        column_.codes = {};
    }
    if (kept_) {
        table.kept.push_back({column_.name, std::move(cells_)});
    }
    if (underflows_ > 0) {
        table.warnings.push_back(table.place(first_underflow_.row) + ": column " + in_quotes(column_.name) + ": " +
                                 in_quotes(first_underflow_.text) + " is too small for a double and became 0 (" +
                                 counted(underflows_, "such cell") + " in the column)");
    }
    return std::move(column_);
}

}  // namespace handgrad
