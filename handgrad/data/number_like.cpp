// Taking the signs off a number one by one, and finding the settings that a column of such numbers needs.
#include "handgrad/data/number_like.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/data/cells.hpp"
#include "handgrad/data/dates.hpp"

namespace handgrad {
namespace {

using Words = std::vector<std::string>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Takes `prefix` off the front, or `suffix` off the end, when it is there.
bool take(std::string_view& text, std::string_view prefix) {
    const bool there = text.starts_with(prefix);
    text.remove_prefix(there ? prefix.size() : 0);
    return there;
}
bool take_last(std::string_view& text, std::string_view suffix) {
    const bool there = text.ends_with(suffix);
    text.remove_suffix(there ? suffix.size() : 0);
    return there;
}

/// Blanks of every width: no-break, figure, thin, narrow no-break.
constexpr std::string_view blanks[] = {" ", "\xC2\xA0", "\xE2\x80\x87", "\xE2\x80\x89", "\xE2\x80\xAF"};
constexpr std::string_view currency_signs[] = {"$", "€", "£", "¥", "₹", "₽", "₩", "₺",  "₪",
                                               "₫", "₴", "₦", "฿", "¢", "₿", "₱", "円", "元"};
constexpr std::string_view currency_codes[] = {"US$", "A$",  "C$",  "R$",  "HK$", "NZ$", "USD",  "EUR", "GBP", "CHF",
                                               "JPY", "CNY", "RMB", "INR", "AUD", "CAD", "SEK",  "NOK", "DKK", "PLN",
                                               "CZK", "HUF", "RUB", "BRL", "MXN", "ZAR", "KRW",  "TRY", "Fr.", "Rs.",
                                               "Rs",  "kr.", "kr",  "zł",  "Kč",  "Ft",  "руб.", "руб", "р."};

void skip_blanks(std::string_view& text) {
    while (std::ranges::any_of(blanks, [&](std::string_view blank) { return take(text, blank); })) {
    }
}
void skip_last_blanks(std::string_view& text) {
    while (std::ranges::any_of(blanks, [&](std::string_view blank) { return take_last(text, blank); })) {
    }
}

bool take_currency(std::string_view& text) {
    return std::ranges::any_of(currency_codes, [&](std::string_view code) { return take(text, code); }) ||
           std::ranges::any_of(currency_signs, [&](std::string_view sign) { return take(text, sign); });
}

/// A sign before the digits.
void take_sign(std::string_view& text, LooksLikeNumber& look) {
    if (take(text, "-")) {
        look.negative = true;
    } else if (take(text, "\xE2\x88\x92") || take(text, "\xE2\x80\x93")) {  // U+2212, and a dash written for it
        look.negative = look.minus_sign = true;
    } else {
        take(text, "+");
    }
}

/// Digits with what stands between them. What divides digits stays only where digits follow, but for a decimal sign.
void take_body(std::string_view& text, std::string& body) {
    const auto mark = [](std::string_view at) -> std::pair<char, std::size_t> {
        for (const std::string_view blank : blanks) {
            if (at.starts_with(blank)) {
                return {' ', blank.size()};
            }
        }
        if (at.starts_with("\xE2\x80\x99")) {
            return {'\'', 3};
        }
        const bool divides = !at.empty() && std::string_view(".,'_").find(at.front()) != std::string_view::npos;
        return {divides ? at.front() : '\0', divides ? 1 : 0};
    };
    while (!text.empty()) {
        if (is_digit(text.front())) {
            body += text.front();
            text.remove_prefix(1);
            continue;
        }
        const auto [sign, bytes] = mark(text);
        const bool digit_follows = bytes > 0 && text.size() > bytes && is_digit(text[bytes]);
        if (!digit_follows) {
            const bool ends_in_point = (sign == '.' || sign == ',') && !body.empty();
            body += ends_in_point ? std::string(1, sign) : "";
            text.remove_prefix(ends_in_point ? bytes : 0);
            return;
        }
        body += sign;
        text.remove_prefix(bytes);
    }
}

void take_exponent(std::string_view& text, LooksLikeNumber& look) {
    if (text.size() < 2 || std::string_view("eEdD").find(text.front()) == std::string_view::npos) {
        return;
    }
    std::size_t at = text[1] == '+' || text[1] == '-' ? 2 : 1;
    const std::size_t first = at;
    while (at < text.size() && is_digit(text[at])) {
        ++at;
    }
    if (at == first) {
        return;
    }
    look.fortran = text.front() == 'd' || text.front() == 'D';
    look.exponent = "e" + std::string(text.substr(text[1] == '+' ? 2 : 1, at - (text[1] == '+' ? 2 : 1)));
    text.remove_prefix(at);
}

/// A unit behind a number: one word of letters, with the powers and strokes of units; no ordinal (1st, 2nd).
bool is_unit(std::string_view text) {
    constexpr std::size_t longest = 16;
    constexpr std::string_view ordinals[] = {"st", "nd", "rd", "th"};
    constexpr std::string_view first[] = {"°", "µ", "μ", "Ω", "‰", "\"", "'"};
    constexpr std::string_view later[] = {"²", "³", "°", "Ω", "/", "^", "-", "·", ".", "2", "3"};
    if (text.empty() || text.size() > longest || std::ranges::find(ordinals, text) != std::end(ordinals)) {
        return false;
    }
    const auto take_one = [&](std::span<const std::string_view> others) {
        if (!text.empty() && is_letter(text.front())) {
            text.remove_prefix(1);
            return true;
        }
        return std::ranges::any_of(others, [&](std::string_view other) { return take(text, other); });
    };
    bool good = take_one(first);
    while (good && !text.empty()) {
        good = take_one(later);
    }
    return good;
}

/// What stands behind the digits; false when that is nothing for a number.
bool take_rest(std::string_view rest, LooksLikeNumber& look) {
    skip_blanks(rest);
    skip_last_blanks(rest);
    if (rest.empty()) {
        return true;
    }
    if (rest == "%") {
        look.percent = true;
        return true;
    }
    if (rest == "-" || rest == "\xE2\x80\x93") {  // 10,- as prices are written
        rest = {};
        return look.body.ends_with(',') || look.body.ends_with('.');
    }
    if (std::string_view currency = rest; take_currency(currency) && currency.empty()) {
        look.currency = true;
        look.unit = rest;
        return true;
    }
    look.unit = rest;
    return is_unit(rest);
}

constexpr NumberFormat all_formats[] = {{0, '.'}, {',', '.'}, {' ', '.'}, {'\'', '.'}, {'_', '.'},
                                        {0, ','}, {'.', ','}, {' ', ','}, {'\'', ','}, {'_', ','}};

std::size_t index_of(NumberFormat format) {
    const auto f = std::ranges::find_if(all_formats, [&](const NumberFormat& one) {
        return one.thousands == format.thousands && one.decimal == format.decimal;
    });
    return static_cast<std::size_t>(f - std::begin(all_formats));
}

/// The digits of a body in this format, with a point, for std::from_chars; nothing when the format is another.
std::string plain_digits(std::string_view body, NumberFormat format) {
    constexpr std::size_t first_group = 3;
    const std::size_t fraction = std::min(body.find(format.decimal), body.size());
    std::string_view whole = body.substr(0, fraction);
    std::string digits;
    if (format.thousands != 0 && whole.find(format.thousands) != std::string_view::npos) {
        std::size_t group = std::min(whole.find(format.thousands), whole.size());
        if (group == 0 || group > first_group || whole.front() == '0') {
            return {};
        }
        while (true) {  // groups of three, or of two before the last as in India
            digits += whole.substr(0, group);
            if (group == whole.size()) {
                break;
            }
            whole.remove_prefix(group + 1);
            group = std::min(whole.find(format.thousands), whole.size());
            const bool last = group == whole.size();
            if (group != 3 && (last || group != 2)) {
                return {};
            }
        }
    } else {
        digits = whole;
    }
    if (digits.find_first_not_of("0123456789") != std::string::npos) {
        return {};  // another sign between its digits
    }
    if (fraction < body.size()) {
        const std::string_view behind = body.substr(fraction + 1);
        digits += behind.empty() ? "" : "." + std::string(behind);
    }
    const bool plain = digits.find_first_not_of("0123456789.") == std::string::npos &&
                       std::ranges::count(digits, '.') <= 1 && !digits.empty();
    return plain ? digits : "";
}

std::string thousands_word(char thousands) {
    switch (thousands) {
        case ' ':
            return "space";
        case '\'':
            return "apostrophe";
        default:
            return std::string(1, thousands);
    }
}

std::string name_of_thousands(char thousands) {
    switch (thousands) {
        case ' ':
            return "blanks between thousands";
        case '\'':
            return "apostrophes between thousands";
        case ',':
            return "commas between thousands";
        case '.':
            return "points between thousands";
        default:
            return std::string("'") + thousands + "' between thousands";
    }
}

/// `a`, `a and b`, `a, b and c`.
std::string enumerated(const Words& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) {
            text += i + 1 == words.size() ? " and " : ", ";
        }
        text += words[i];
    }
    return text;
}

}  // namespace

std::optional<double> LooksLikeNumber::value(NumberFormat format) const {
    std::string digits = plain_digits(body, format);
    if (digits.empty()) {
        return std::nullopt;
    }
    if (digits.front() == '.') {
        digits.insert(0, "0");
    }
    const ParsedNumber parsed = parse_number(digits + exponent, '.');
    if (parsed.problem != NumberProblem::none && parsed.problem != NumberProblem::underflow) {
        return std::nullopt;
    }
    return negative ? -parsed.value : parsed.value;
}

std::optional<LooksLikeNumber> looks_like_number(std::string_view cell) {
    constexpr std::size_t longest = 64;
    LooksLikeNumber look;
    skip_blanks(cell);
    skip_last_blanks(cell);
    if (cell.empty() || cell.size() > longest || cell.find_first_of("0123456789") == std::string_view::npos) {
        return std::nullopt;
    }
    if (cell.front() == '(' && cell.back() == ')') {
        look.parentheses = look.negative = true;
        cell = cell.substr(1, cell.size() - 2);
        skip_blanks(cell);
        skip_last_blanks(cell);
    } else {
        take_sign(cell, look);
    }
    const std::string_view before = cell;
    if (take_currency(cell)) {
        look.currency = true;
        look.unit = before.substr(0, before.size() - cell.size());
        skip_blanks(cell);
        if (!look.negative) {
            take_sign(cell, look);
        }
    }
    take_body(cell, look.body);
    if (look.body.find_first_of("0123456789") == std::string::npos) {
        return std::nullopt;
    }
    take_exponent(cell, look);
    const std::string_view currency = look.unit;
    if (!take_rest(cell, look)) {
        return std::nullopt;
    }
    if (!currency.empty()) {  // $5 may be one of `$5 each`, but is not
        if (look.unit != currency) {
            return std::nullopt;
        }
    }
    return look;
}

NumberReader::NumberReader(const ReadOptions& options)
    : format_{options.thousands, options.decimal == 0 ? '.' : options.decimal},
      percent_(options.percent),
      currency_(options.currency),
      marks_(options.decimal != 0),
      signs_(options.thousands != 0 || percent_ || currency_ || marks_) {}

ParsedNumber NumberReader::read(std::string_view bare) const {
    const ParsedNumber plain = parse_number(bare, format_.decimal);
    if (plain.problem != NumberProblem::not_a_number || !signs_) {
        return plain;
    }
    const std::optional<LooksLikeNumber> look = looks_like_number(bare);
    if (!look || (look->percent && !percent_) || ((look->minus_sign || look->fortran) && !marks_ && !currency_)) {
        return plain;
    }
    const bool account = look->currency || look->parentheses || !look->unit.empty();
    const std::optional<double> value = account && !currency_ ? std::nullopt : look->value(format_);
    return value ? ParsedNumber{*value, NumberProblem::none} : plain;
}

std::string NumberReader::unit_of(std::string_view bare) const {
    const std::optional<LooksLikeNumber> look = looks_like_number(bare);
    return look ? std::string(look->unit) : "";
}

void NumberLikeColumn::add(std::string_view text, std::size_t count, std::size_t row) {
    texts_ += count;
    const auto note = [&](std::size_t& cells, First& first) {
        if (cells == 0 || row < first.row) {
            first = {row, std::string(text)};
        }
        cells += count;
    };
    if (is_date_or_time(text)) {
        note(dates_, first_date_);
        return;
    }
    const std::optional<LooksLikeNumber> look = looks_like_number(text);
    bool fits = false;
    for (std::size_t f = 0; f < formats && look; ++f) {
        if (look->value(all_formats[f])) {
            fits_[f] += count;
            fractions_[f] = fractions_[f] || look->body.find(all_formats[f].decimal) != std::string::npos;
            fits = true;
        }
    }
    if (!fits) {
        if (is_other_date(text)) {
            note(other_dates_, first_other_date_);
        }
        return;
    }
    note(signed_, first_signed_);
    percent_ += look->percent ? count : 0;
    currency_ += look->currency ? count : 0;
    parentheses_ += look->parentheses ? count : 0;
    minus_signs_ += look->minus_sign ? count : 0;
    fortran_ += look->fortran ? count : 0;
    if (!look->unit.empty()) {
        units_[std::string(look->unit)] += count;
        with_unit_ += look->currency ? 0 : count;
    }
}

std::size_t NumberLikeColumn::most_in_one_unit() const {
    std::size_t most = 0, all = 0;
    for (const auto& [unit, count] : units_) {
        most = std::max(most, count);
        all += count;
    }
    return signed_ - all + most;
}

std::optional<NumberLike> NumberLikeColumn::decide(std::size_t numbers, bool fractions) const {
    const std::size_t all = numbers + texts_;
    if (dates_ > 0 && 2 * dates_ >= all) {
        NumberLike like{.row = first_date_.row, .text = first_date_.text, .count = dates_, .what = "a date or a time"};
        like.settings = {{"date"}};
        return like;
    }
    if (other_dates_ > 0 && 2 * (dates_ + other_dates_) >= all) {
        return NumberLike{.row = first_other_date_.row,
                          .text = first_other_date_.text,
                          .count = other_dates_,
                          .what = "a date or a time, but not like 2024-03-31 or 12:30 as they are read"};
    }
    std::size_t as_numbers = std::min(most_in_one_unit(), *std::ranges::max_element(fits_));
    if (2 * with_unit_ < all) {  // 12 abc among numbers is a slip
        as_numbers -= std::min(as_numbers, with_unit_);
    }
    if (as_numbers == 0 || 2 * (numbers + as_numbers) < all) {
        return std::nullopt;
    }
    return numbers_like(as_numbers, fractions);
}

NumberLike NumberLikeColumn::numbers_like(std::size_t count, bool fractions) const {
    NumberLike like{.row = first_signed_.row, .text = first_signed_.text, .count = count, .what = {}};
    const std::size_t best = *std::ranges::max_element(fits_);
    std::vector<NumberFormat> candidates;
    for (const char decimal : {decimal_, decimal_ == '.' ? ',' : '.'}) {
        if (fractions && decimal != decimal_ && !candidates.empty()) {
            break;
        }
        std::vector<NumberFormat> own;
        for (std::size_t f = 0; f < formats; ++f) {
            if (fits_[f] == best && all_formats[f].decimal == decimal) {
                own.push_back(all_formats[f]);
            }
        }
        const bool without = !own.empty() && own.front().thousands == 0;  // then no text has groups
        own.resize(std::min(own.size(), without ? std::size_t{1} : own.size()));
        candidates.insert(candidates.end(), own.begin(), own.end());
        if (without && decimal == decimal_) {
            const NumberFormat groups{decimal, decimal == '.' ? ',' : '.'};  // 1.200 beside 950
            const bool either = fractions_[index_of(own.front())] && !fractions && fits_[index_of(groups)] == best;
            if (either) {
                candidates.push_back(groups);
            }
            break;
        }
    }
    // Decimal signs of numbers that have no fraction are all the same.
    const auto read_alike = [&](const NumberFormat& a, const NumberFormat& b) {
        return a.thousands == b.thousands && !fractions_[index_of(a)] && !fractions_[index_of(b)];
    };
    candidates.erase(std::unique(candidates.begin(), candidates.end(), read_alike), candidates.end());
    Words parts;
    const auto settings_of = [&](NumberFormat format, Words& words) {
        if (format.thousands != 0) {
            like.settings.push_back({"thousands", thousands_word(format.thousands)});
            words.push_back(name_of_thousands(format.thousands));
        }
        const bool one_of_two = candidates.size() > 1 && format.thousands == 0;
        if (fractions_[index_of(format)] && (format.decimal != decimal_ || one_of_two)) {
            like.settings.push_back({"decimal", std::string(1, format.decimal)});
            words.emplace_back(format.decimal == ',' ? "a decimal comma" : "a decimal point");
        }
    };
    if (candidates.size() == 1) {
        settings_of(candidates.front(), parts);
    } else {
        Words ways;
        for (const NumberFormat& format : candidates) {
            Words words;
            settings_of(format, words);
            ways.push_back(enumerated(words));
        }
        std::string either;
        for (const std::string& way : ways) {
            add_item(either, " or else ", way);
        }
        parts.push_back("either " + either + " (its cells do not tell)");
    }
    const auto part = [&](bool there, std::string_view words) {
        if (there) {
            parts.emplace_back(words);
        }
    };
    part(percent_ > 0, "a percent sign");
    part(currency_ > 0, "a sign of a currency");
    const auto unit = std::ranges::max_element(units_, {}, [](const auto& one) { return one.second; });
    part(with_unit_ > 0 && currency_ == 0, "the unit '" + (unit == units_.end() ? "" : unit->first) + "'");
    part(parentheses_ > 0, "parentheses for a minus");
    part(minus_signs_ > 0, "the minus sign U+2212");
    part(fortran_ > 0, "an exponent behind D");
    if (percent_ > 0) {
        like.settings.push_back({"percent"});
    }
    if (currency_ + parentheses_ > 0 || !units_.empty()) {
        like.settings.push_back({"currency"});
    }
    const bool decimal_named = std::ranges::any_of(like.settings, [](const auto& s) { return s.name == "decimal"; });
    if (minus_signs_ + fortran_ > 0 && !decimal_named) {
        like.settings.push_back({"decimal", std::string(1, decimal_)});
    }
    like.what = "a number" + when(!parts.empty(), " with ") + enumerated(parts);
    return like;
}

}  // namespace handgrad
