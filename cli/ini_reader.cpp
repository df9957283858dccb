// A small reader of INI, a character at a time.
#include "cli/ini_reader.hpp"

#include <set>
#include <string>
#include <utility>

namespace handgrad::cli {
namespace {

/// One pass over the text, a character at a time; knows the line for messages.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {
        if (text_.starts_with("\xEF\xBB\xBF")) {
            text_.remove_prefix(3);
        }
    }

    Config config() {
        Config result;
        std::set<std::pair<std::string, std::string>> seen;
        std::string section;
        while (skip_to_content()) {
            if (peek() == '[') {
                section = section_name();
                result.sections.push_back({section, line_});
            } else {
                result.entries.push_back(entry(section));
                const ConfigEntry& last = result.entries.back();
                if (!seen.emplace(section, last.key).second) {
                    fail("'" + last.key + "' is given twice");
                }
            }
            end_line();
        }
        return result;
    }

private:
    [[noreturn]] void fail(const std::string& cause) const { throw ConfigProblem{line_, cause}; }
    [[noreturn]] void fail_unless_toml(const std::string& cause) const { throw ConfigProblem{line_, cause, true}; }
    [[nodiscard]] bool done() const { return at_ == text_.size(); }
    [[nodiscard]] char peek() const { return done() ? '\n' : text_[at_]; }
    char next() {
        const char c = text_[at_++];
        if (c == '\n') {
            ++line_;
        }
        return c;
    }
    void skip_blanks() {
        while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) {
            next();
        }
    }
    void skip_comment() {
        if (peek() == '#' || peek() == ';') {
            while (!done() && peek() != '\n') {
                next();
            }
        }
    }
    /// To the next character that is neither blank, line end nor comment; false at the end of the text.
    bool skip_to_content() {
        while (true) {
            skip_blanks();
            skip_comment();
            if (done()) {
                return false;
            }
            if (peek() != '\n') {
                return true;
            }
            next();
        }
    }
    void end_line() {
        skip_blanks();
        skip_comment();
        if (!done() && peek() != '\n') {
            fail("unexpected '" + rest_of_line() + "' behind the value; put a text with blanks in quotes");
        }
    }
    std::string rest_of_line() {
        const std::size_t end = text_.find('\n', at_);
        return trimmed(text_.substr(at_, end - at_));
    }
    static std::string trimmed(std::string_view text) {
        const std::size_t first = text.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) {
            return {};
        }
        return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
    }

    std::string section_name() {
        next();
        const std::size_t close = text_.find_first_of("]\n", at_);
        if (close == std::string_view::npos || text_[close] == '\n') {
            fail("a section begins with '[' and must end with ']'");
        }
        std::string name = trimmed(text_.substr(at_, close - at_));
        if (name.empty() || name.find_first_of("[.\"'") != std::string::npos) {
            fail_unless_toml("'[" + name + "]' is not the name of a verb, as in [train]");
        }
        at_ = close + 1;
        return name;
    }

    ConfigEntry entry(const std::string& section) {
        ConfigEntry result{.section = section, .key = {}, .values = {}, .line = line_};
        const std::size_t equals = text_.find_first_of("=\n", at_);
        if (equals == std::string_view::npos || text_[equals] == '\n') {
            fail("'" + rest_of_line() + "' is not of the form key = value");
        }
        result.key = trimmed(text_.substr(at_, equals - at_));
        if (result.key.empty() || result.key.find_first_of(" \t.\"'") != std::string::npos) {
            fail_unless_toml("'" + result.key + "' is not the name of an option");
        }
        at_ = equals + 1;
        skip_blanks();
        if (peek() == '[') {
            result.array = true;
            result.values = array();
        } else if (peek() == '{') {
            fail_unless_toml("'" + result.key + "': there are no tables in braces in INI");
        } else {
            result.values.push_back(value(false));
        }
        return result;
    }

    std::vector<std::string> array() {
        std::vector<std::string> result;
        next();
        while (true) {
            if (!skip_to_content()) {
                fail("an array begins with '[' and must end with ']'");
            }
            if (peek() == ']') {
                next();
                return result;
            }
            result.push_back(value(true));
            if (!skip_to_content() || (peek() != ',' && peek() != ']')) {
                fail("elements of an array are separated by ',' and it ends with ']'");
            }
            if (peek() == ',') {
                next();
            }
        }
    }

    std::string value(bool in_array) {
        if (peek() == '"') {
            return basic_text();
        }
        if (peek() == '\'') {
            return literal_text();
        }
        return bare(in_array);
    }

    /// Without quotes: to the end of the line or a comment (in an array to the next ',' or ']').
    std::string bare(bool in_array) {
        const std::size_t first = at_;
        while (!done() && peek() != '\n' && !(in_array && (peek() == ',' || peek() == ']'))) {
            if ((peek() == '#' || peek() == ';') && (at_ == first || text_[at_ - 1] == ' ' || text_[at_ - 1] == '\t')) {
                break;
            }
            next();
        }
        std::string text = trimmed(text_.substr(first, at_ - first));
        if (text.empty()) {
            fail("a value is missing; write \"\" for an empty text");
        }
        return text;
    }

    std::string literal_text() {
        next();
        std::string text;
        while (peek() != '\'') {
            if (peek() == '\n') {
                fail("a text begins with ' and must end with ' on the same line");
            }
            text += next();
        }
        next();
        return text;
    }

    std::string basic_text() {
        next();
        std::string text;
        while (peek() != '"') {
            if (peek() == '\n') {
                fail("a text begins with \" and must end with \" on the same line");
            }
            const char c = next();
            text += c == '\\' ? escaped() : c;
        }
        next();
        return text;
    }

    char escaped() {
        static constexpr std::string_view written = "\"\\tn", meant = "\"\\\t\n";
        const std::size_t which = written.find(peek());
        if (which == std::string_view::npos) {
            fail_unless_toml(R"(in "…" a backslash may stand before " \ t n only; '…' takes every character as it is)");
        }
        next();
        return meant[which];
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

}  // namespace

Config read_ini(std::string_view text) { return Reader(text).config(); }

}  // namespace handgrad::cli
