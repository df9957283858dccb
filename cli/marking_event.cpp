// The event of compare --answers: every quantity of a sheet with its mark.
#include <string>
#include <utility>

#include "cli/event_line.hpp"
#include "cli/events.hpp"

namespace handgrad::cli {

std::string marking_event(const compare::Marking& marking) {
    Json json = event("marking");
    json["row"] = marking.row;
    json["answers"] = Json::array();
    for (const compare::MarkedAnswer& answer : marking.answers) {
        const bool differs = !answer.where.empty();
        json["answers"].push_back({{"symbol", answer.symbol},
                                   {"mark", name(answer.mark)},
                                   {"written", answer.written},
                                   {"left_blank", answer.left_blank},
                                   {"cause", name_or_null(answer.cause)},
                                   {"where", or_null(differs, answer.where)},
                                   {"answer", or_null(differs, answer.answer)},
                                   {"expected", or_null(differs, answer.expected)},
                                   {"from_own", or_null(differs, answer.from_own)},
                                   {"follows_from", or_null(answer.follows_from)}});
    }
    for (const compare::Mark mark :
         {compare::Mark::right, compare::Mark::follows, compare::Mark::wrong, compare::Mark::blank}) {
        json[std::string(name(mark))] = marking.count(mark);
    }
    return line(json);
}

}  // namespace handgrad::cli
