// Blocks of document/ in the style of the report: a table of all files, then one section for each.
#include "handgrad/report/grading_page.hpp"

#include <cmath>
#include <vector>

#include "handgrad/base/wording.hpp"
#include "handgrad/document/document.hpp"
#include "handgrad/document/html.hpp"
#include "handgrad/document/render.hpp"
#include "handgrad/report/report_style.hpp"

namespace handgrad::report {
namespace {

using compare::GradedFile;
using compare::Mark;
using document::element;
using document::Prose;
using document::prose_of;

std::string percent(double share) { return std::to_string(static_cast<int>(std::lround(100.0 * share))) + "\u202F%"; }

std::string list_of(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& one : names) {
        add_item(list, ", ", one);
    }
    return list;
}

/// `entry 2`, `row 1, column 2`; from 1.
std::string place_of(const std::vector<std::size_t>& where) {
    if (where.empty()) {
        return {};
    }
    if (where.size() == 1) {
        return "entry " + std::to_string(where[0] + 1);
    }
    return "row " + std::to_string(where[0] + 1) + ", column " + std::to_string(where[1] + 1);
}

class Page {
public:
    explicit Page(const compare::Grading& grading) : grading_(grading) {}

    [[nodiscard]] std::string write() const {
        const std::string title = "Marks of " + grading_.folder;
        std::string cards;
        const auto card = [&](const std::string& value, const std::string& what) {
            cards += element("li", element("b", document::escape_html(value)) + element("span", what));
        };
        card(std::to_string(grading_.graded()) + " of " + std::to_string(grading_.files.size()), "files graded");
        card(percent(grading_.mean_score()), "mean score");
        std::string body = document::render_html(summary());
        for (const GradedFile& file : grading_.files) {
            if (file.graded()) {
                body +=
                    element("details",
                            "\n" + element("summary", document::escape_html(file.name) + ", " + percent(file.score())) +
                                "\n" + document::render_html(details(file))) +
                    "\n";
            }
        }
        return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n"
               "<link rel=\"icon\" href=\"data:,\">\n" +
               element("title", document::escape_html(title)) + "\n" + element("style", report_style) +
               "\n</head>\n<body>\n" +
               element("header",
                       element("h1", document::escape_html(title)) + "\n" + element("ul class=\"cards\"", cards)) +
               "\n" + element("main", "\n" + body) + "\n</body>\n</html>\n";
    }

private:
    [[nodiscard]] document::Document summary() const {
        document::TableOfProse table{
            .heading = {"file", "score", "right", "follows", "imprecise", "wrong", "unreadable", "blank", "remarks"},
            .rows = {}};
        document::Items problems;
        for (const GradedFile& file : grading_.files) {
            if (file.graded()) {
                table.rows.push_back(row_of(file));
            } else {
                problems.list.push_back(prose_of(file.name + ": " + file.problem));
            }
        }
        document::Document document{document::Paragraph{
            "Every quantity of a sheet counts as much as any other. What was worked out rightly from an earlier "
            "mistake "
            "follows and counts in full, what has too few digits counts half. Of gradients right are the tensors that "
            "pass. Entries count from 1."}};
        if (!table.rows.empty()) {
            document.emplace_back(std::move(table));
        }
        if (!problems.list.empty()) {
            document.emplace_back(document::Heading{"Not graded", true});
            document.emplace_back(std::move(problems));
        }
        document.emplace_back(document::Heading{"File by file", true});
        return document;
    }

    static std::vector<Prose> row_of(const GradedFile& file) {
        std::vector<Prose> row{prose_of(file.name)};
        row.push_back(percent(file.score()));
        std::string remarks = list_of(file.causes());
        if (file.marking) {
            for (const Mark mark :
                 {Mark::right, Mark::follows, Mark::imprecise, Mark::wrong, Mark::unreadable, Mark::blank}) {
                row.push_back(std::to_string(file.marking->count(mark)));
            }
            if (file.marking->unreadable() > 0) {
                add_item(remarks, "; ", plural(file.marking->unreadable(), "number") + " unreadable");
            }
        } else {
            const auto passed = static_cast<std::size_t>(
                std::lround(file.score() * static_cast<double>(file.comparison->tensors.size())));
            row.insert(row.end(), {std::to_string(passed), "", "",
                                   std::to_string(file.comparison->tensors.size() - passed), "", ""});
        }
        row.push_back(prose_of(remarks));
        return row;
    }

    static document::Document details(const GradedFile& file) {
        document::TableOfProse table;
        document::Items unreadable;
        if (file.marking) {
            table.heading = {"answer",
                             "mark",
                             "why",
                             "where it is furthest off",
                             "stands there",
                             "belongs there",
                             "the answers before it lead to"};
            for (const compare::MarkedAnswer& answer : file.marking->answers) {
                table.rows.push_back(row_of(answer));
                for (const compare::Unreadable& cell : answer.unreadable) {
                    unreadable.list.push_back(prose_of(answer.symbol + ", " + place_of(cell.where) +
                                                       when(!cell.where.empty(), ", ") +
                                                       "cannot be read: " + cell.told()));
                }
            }
            for (const std::string& stray : file.marking->remarks) {
                unreadable.list.push_back(prose_of(stray));
            }
        } else {
            table.heading = {"tensor", "verdict", "why"};
            for (const compare::ComparedTensor& tensor : file.comparison->tensors) {
                std::string causes;
                for (const compare::Cause cause : tensor.causes) {
                    add_item(causes, " + ", name(cause));
                }
                table.rows.push_back({prose_of(tensor.name), Prose(compare::verdict_of(tensor)), causes});
            }
        }
        document::Document document{std::move(table)};
        if (!unreadable.list.empty()) {
            document.emplace_back(std::move(unreadable));
        }
        return document;
    }

    static std::vector<Prose> row_of(const compare::MarkedAnswer& answer) {
        std::string why(answer.cause_name());
        if (answer.mark == Mark::follows) {
            why = "from the mistake in " + answer.follows_from;
        }
        std::vector<Prose> row{prose_of(answer.symbol), Prose(name(answer.mark)), prose_of(why)};
        if (answer.where.empty()) {
            row.insert(row.end(), 4, "");
        } else {
            row.insert(row.end(), {place_of(answer.where), document::six_digits(answer.answer),
                                   document::six_digits(answer.expected), document::six_digits(answer.from_own)});
        }
        return row;
    }

    const compare::Grading& grading_;
};

}  // namespace

std::string grading_page(const compare::Grading& grading) { return Page(grading).write(); }

}  // namespace handgrad::report
