// The Error that a call raises, as one value to compare: `data: t.csv:7: expected 5 fields, found 4`.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "handgrad/base/error.hpp"

namespace handgrad {

inline std::string name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage:
            return "usage";
        case ErrorKind::data:
            return "data";
        case ErrorKind::model:
            return "model";
        case ErrorKind::diverged:
            return "diverged";
        case ErrorKind::io:
            return "io";
    }
    return "another kind";
}

/// The kind and what it says, behind it the settings that it is about: `data: t.csv: …; choose one {impute=mean,
/// drop}`; "nothing" when the call returns.
template <class F>
std::string raised(F&& call) {
    try {
        call();
    } catch (const Error& error) {
        std::string settings;
        for (const SettingHint& setting : error.settings()) {
            settings += settings.empty() ? " {" : ", ";
            settings += setting.name;
            settings += setting.value.empty() ? "" : "=" + setting.value;
        }
        settings += settings.empty() ? "" : "}";
        return name(error.kind()) + ": " + error.what() + settings;
    }
    return "nothing";
}

/// What an Error of the kind that is expected says; "nothing" when the call returns.
template <class F>
std::string message_of(ErrorKind expected, F&& call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(name(error.kind()), name(expected)) << error.what();
        return error.what();
    }
    return "nothing";
}

}  // namespace handgrad
