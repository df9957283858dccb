// The Error that a call raises, as one value to compare: `data: t.csv:7: expected 5 fields, found 4`.
#pragma once

#include <string>

#include "handgrad/base/error.hpp"

namespace handgrad {

template <class F>
std::string raised(F&& call) {
    try {
        call();
    } catch (const Error& error) {
        switch (error.kind()) {
            case ErrorKind::usage:
                return std::string("usage: ") + error.what();
            case ErrorKind::data:
                return std::string("data: ") + error.what();
            case ErrorKind::io:
                return std::string("io: ") + error.what();
            default:
                return std::string("another kind: ") + error.what();
        }
    }
    return "nothing";
}

}  // namespace handgrad
