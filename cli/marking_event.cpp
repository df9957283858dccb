// The events of marked sheets: every quantity with its mark; and of a folder of them.
#include <string>
#include <utility>

#include "cli/event_line.hpp"
#include "cli/events.hpp"
#include "cli/wording.hpp"

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
        answers.push_back({{"symbol", answer.symbol},
                           {"mark", name(answer.mark)},
                           {"written", answer.written},
                           {"left_blank", answer.left_blank},
                           {"unreadable", std::move(unreadable)},
                           {"cause", or_null(std::string(answer.cause_name()))},
                           {"where", or_null(differs, answer.where)},
                           {"answer", or_null(differs, answer.answer)},
                           {"expected", or_null(differs, answer.expected)},
                           {"from_own", or_null(differs, answer.from_own)},
                           {"follows_from", or_null(answer.follows_from)}});
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
    json["remarks"] = marking.remarks;
    for (const compare::Mark mark : compare::all_marks) {
        json[std::string(name(mark))] = marking.count(mark);
    }
    return line(json);
}

std::string graded_event(const compare::GradedFile& file) {
    Json json = event("graded");
    json["file"] = file.name;
    json["kind"] = name_or_null(file.kind);
    json["row"] = Json();
    json["rows"] = Json();
    json["score"] = or_null(file.graded(), file.score());
    json["problem"] = or_null(file.problem);
    json["causes"] = file.causes();
    for (const compare::Mark mark : compare::all_marks) {
        json[std::string(name(mark))] = Json();
    }
    json["answers"] = Json::array();
    json["remarks"] = Json::array();
    json["tensors"] = Json::array();
    if (file.marking) {
        json["row"] = file.marking->row;
        json["answers"] = marked_answers(*file.marking);
        json["remarks"] = file.marking->remarks;
        for (const compare::Mark mark : compare::all_marks) {
            json[std::string(name(mark))] = file.marking->count(mark);
        }
    }
    if (file.comparison) {
        json["rows"] = file.comparison->rows;
        for (const compare::ComparedTensor& tensor : file.comparison->tensors) {
            std::string causes;
            for (const compare::Cause cause : tensor.causes) {
                add_item(causes, "+", name(cause));
            }
            json["tensors"].push_back(
                {{"name", tensor.name}, {"verdict", compare::verdict_of(tensor)}, {"cause", or_null(causes)}});
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
    json["mean_score"] = or_null(grading.graded() > 0, grading.mean_score());
    return line(json);
}

}  // namespace handgrad::cli
