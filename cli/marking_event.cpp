// The events of marked sheets: every quantity with its mark; and of a folder of them.
#include <string>
#include <utility>

#include "cli/event_line.hpp"
#include "cli/events.hpp"

namespace handgrad::cli {
namespace {

Json marked_answers(const compare::Marking& marking) {
    Json answers = Json::array();
    for (const compare::MarkedAnswer& answer : marking.answers) {
        const bool differs = !answer.where.empty();
        Json unreadable = Json::array();
        for (const compare::Unreadable& cell : answer.unreadable) {
            unreadable.push_back(
                {{"where", cell.where}, {"numbers", cell.numbers}, {"text", cell.text}, {"reason", cell.reason}});
        }
        const auto number = [&](double value) { return differs ? Json(value) : Json(); };
        answers.push_back({{"symbol", answer.symbol},
                           {"mark", name(answer.mark)},
                           {"written", answer.written},
                           {"left_blank", answer.left_blank},
                           {"unreadable", std::move(unreadable)},
                           {"cause", answer.cause_name().empty() ? Json() : Json(answer.cause_name())},
                           {"where", differs ? Json(answer.where) : Json()},
                           {"answer", number(answer.answer)},
                           {"expected", number(answer.expected)},
                           {"from_own", number(answer.from_own)},
                           {"follows_from", answer.follows_from.empty() ? Json() : Json(answer.follows_from)}});
    }
    return answers;
}

}  // namespace

std::string marking_event(const compare::Marking& marking) {
    Json json = event("marking");
    json["row"] = marking.row;
    json["digits"] = marking.how.digits;
    json["tolerance"] = marking.how.share_of_value();
    json["score"] = marking.score();
    json["answers"] = marked_answers(marking);
    for (const compare::Mark mark : compare::all_marks) {
        json[std::string(name(mark))] = marking.count(mark);
    }
    return line(json);
}

std::string graded_event(const compare::GradedFile& file) {
    Json json = event("graded");
    json["file"] = file.name;
    json["kind"] = file.kind ? Json(name(*file.kind)) : Json();
    json["row"] = file.marking ? Json(file.marking->row) : Json();
    json["rows"] = file.comparison ? Json(file.comparison->rows) : Json();
    json["score"] = file.graded() ? Json(file.score()) : Json();
    json["problem"] = file.problem.empty() ? Json() : Json(file.problem);
    json["causes"] = file.causes();
    for (const compare::Mark mark : compare::all_marks) {
        json[std::string(name(mark))] = file.marking ? Json(file.marking->count(mark)) : Json();
    }
    json["answers"] = file.marking ? marked_answers(*file.marking) : Json::array();
    json["tensors"] = Json::array();
    if (file.comparison) {
        for (const compare::ComparedTensor& tensor : file.comparison->tensors) {
            std::string causes;
            for (const compare::Cause cause : tensor.causes) {
                causes += (causes.empty() ? "" : "+") + std::string(name(cause));
            }
            json["tensors"].push_back({{"name", tensor.name},
                                       {"verdict", tensor.pass ? "PASS" : "FAIL"},
                                       {"cause", causes.empty() ? Json() : Json(causes)}});
        }
    }
    return line(json);
}

std::string grading_event(const compare::Grading& grading) {
    Json json = event("grading");
    json["folder"] = grading.folder;
    json["files"] = grading.files.size();
    json["graded"] = grading.graded();
    json["failed"] = grading.files.size() - grading.graded();
    json["mean_score"] = grading.graded() == 0 ? Json() : Json(grading.mean_score());
    return line(json);
}

}  // namespace handgrad::cli
