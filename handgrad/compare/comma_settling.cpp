// What stands around each comma decides; else the count of cells, where it leaves one way alone.
#include "handgrad/compare/comma_settling.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "handgrad/compare/plain_text.hpp"

namespace handgrad::compare {
namespace {

class CommaSettler {
public:
    CommaSettler(std::string& text, std::size_t count) : text_(text), count_(count) {}

    CommaUse settle() {
        look_at_commas();
        if (doubtful_lead_ && !leading_) {
            return CommaUse::ambiguous;  // `1 ,2 ,3`
        }
        if (tight_.empty() && !leading_) {
            return CommaUse::open;
        }
        if (leading_ || cells_led_ || parted_by_blanks()) {
            return CommaUse::before_decimals;
        }
        const std::size_t apart = all_ + 1;  // cells, if every comma parts two
        if (apart <= count_) {
            return CommaUse::open;
        }
        return choose(apart - count_);
    }

private:
    [[nodiscard]] char at(std::size_t k) const {
        if (k < text_.size()) {
            return text_[k];
        }
        return '\0';
    }

    void look_at_commas() {
        const std::size_t begin = std::min(text_.find_first_not_of(" \r\n\x1E"), text_.size());
        for (std::size_t k = begin; k < text_.size(); ++k) {
            if (text_[k] != ',') {
                continue;
            }
            char before = ' ';
            if (k > begin) {
                before = text_[k - 1];
            }
            const std::size_t word = text_.find_last_not_of(" \x1E", k - std::min<std::size_t>(k, 1));
            const bool behind_sign =
                k > begin && word != std::string::npos && (text_[word] == '-' || text_[word] == '+');
            if (!is_digit(at(k + 1))) {
                separate(k, is_blank(before) && !is_blank(at(k + 1)));
            } else if (is_digit(before) && only_digits_around(k)) {
                tight_.push_back({k, all_++});
            } else if (k == begin || behind_sign || before == '(') {
                text_[k] = sure_comma;
                leading_ = true;
            } else if (is_blank(before) && only_digits_around(k)) {
                leads_.push_back(k);
            } else {
                separate(k, is_blank(before));
            }
        }
        doubtful_lead_ = !leads_.empty() && !cells_led_;
        for (const std::size_t k : leads_) {
            if (leading_ && !cells_led_) {
                text_[k] = sure_comma;
            }
        }
    }

    void separate(std::size_t k, bool leads_cell) {
        ++all_;
        separators_.push_back(k);
        cells_led_ = cells_led_ || leads_cell;
    }

    /// Whole digits before the comma, and no other mark of decimals or thousands behind it.
    [[nodiscard]] bool only_digits_around(std::size_t k) const {
        std::size_t first = k;
        while (first > 0 && (is_digit(text_[first - 1]) || text_[first - 1] == thin)) {
            --first;
        }
        std::size_t end = k + 1;
        while (is_digit(at(end))) {
            ++end;
        }
        char before = ' ';
        if (first > 0) {
            before = text_[first - 1];
        }
        const bool begins_number = is_blank(before) || std::string_view(",-+(_").find(before) != std::string_view::npos;
        // Behind `,0` of `1 ,0,5` another comma stands before the decimals.
        const bool more = first == k && at(end) == ',' && is_digit(at(end + 1));
        return begins_number && at(end) != '.' && !more;
    }

    /// A narrow blank before three digits may part thousands; any other is a blank.
    [[nodiscard]] bool is_gap(std::size_t k) const {
        const bool three = is_digit(at(k + 1)) && is_digit(at(k + 2)) && is_digit(at(k + 3)) && !is_digit(at(k + 4));
        return is_blank(text_[k]) || (text_[k] == thin && !three);
    }

    /// Whether a blank stands behind a comma, or between two numbers.
    [[nodiscard]] bool parted_by_blanks() const {
        std::size_t last = std::string::npos;  // what is no blank
        for (std::size_t k = 0; k < text_.size(); ++k) {
            if (is_gap(k)) {
                continue;
            }
            const bool gap = last != std::string::npos && k > last + 1;
            const bool begins =
                is_digit(text_[k]) || std::string_view("-+._(").find(text_[k]) != std::string_view::npos;
            const bool ended =
                last != std::string::npos &&
                (is_digit(text_[last]) || std::string_view(",_)").find(text_[last]) != std::string_view::npos);
            if (gap && begins && ended) {
                return true;
            }
            last = k;
        }
        return false;
    }

    /// Of runs of commas with whole digits between, no two neighbours can both stand before decimals.
    CommaUse choose(std::size_t decimals) {
        std::size_t most = 0;
        bool even = false;
        std::vector<bool> odd_place(tight_.size(), false);
        for (std::size_t first = 0; first < tight_.size();) {
            std::size_t end = first + 1;
            while (end < tight_.size() && tight_[end].number == tight_[end - 1].number + 1) {
                ++end;
            }
            even = even || (end - first) % 2 == 0;
            most += (end - first + 1) / 2;
            for (std::size_t k = first; k < end; ++k) {
                odd_place[k] = (k - first) % 2 == 0;
            }
            first = end;
        }
        if (decimals > most) {
            return CommaUse::open;
        }
        if (decimals < most || even) {
            return CommaUse::ambiguous;
        }
        for (const std::size_t k : separators_) {
            text_[k] = ' ';
        }
        for (std::size_t k = 0; k < tight_.size(); ++k) {
            if (!odd_place[k]) {
                text_[tight_[k].place] = ' ';
            }
        }
        return CommaUse::before_decimals;
    }

    struct Tight {
        std::size_t place, number;  ///< in the text; among all commas that may part cells
    };
    std::string& text_;
    std::size_t count_;
    std::size_t all_ = 0;  ///< commas that may part cells
    std::vector<Tight> tight_;
    std::vector<std::size_t> leads_;       ///< behind a blank, before a digit
    std::vector<std::size_t> separators_;  ///< that can be nothing else
    bool cells_led_ = false;               ///< one of these stands right before a cell: `0,5 ,-1,5`
    bool leading_ = false;                 ///< a comma before decimals that has no digit before it
    bool doubtful_lead_ = false;           ///< one behind a blank
};

}  // namespace

CommaUse settle_commas(std::string& text, std::size_t count) { return CommaSettler(text, count).settle(); }

}  // namespace handgrad::compare
