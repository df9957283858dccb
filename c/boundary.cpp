// From exceptions to a status and a text that the thread keeps.
#include "c/boundary.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include "handgrad/base/version.hpp"

namespace handgrad::c {
namespace {

constexpr std::size_t longest_text = 2047;
thread_local std::array<char, longest_text + 1> text_of_thread{};

/// Cut between two characters where it is too long. Allocates nothing: it may be about memory.
void keep(std::initializer_list<std::string_view> parts) noexcept {
    std::size_t size = 0;
    for (std::string_view part : parts) {
        part = part.substr(0, std::min(part.find('\0'), longest_text - size));
        std::memcpy(text_of_thread.data() + size, part.data(), part.size());
        size += part.size();
    }
    const auto continues = [&](std::size_t at) {
        return (static_cast<unsigned char>(text_of_thread[at]) & 0xC0U) == 0x80U;
    };
    if (size == longest_text) {
        std::size_t begin = size - 1;  // of the last character
        while (begin > 0 && continues(begin)) {
            --begin;
        }
        size = begin;
    }
    text_of_thread[size] = '\0';
}

const char* name_of(HandleType type) {
    switch (type) {
        case HandleType::model:
            return "handgrad_model";
        case HandleType::network:
            return "handgrad_network";
        case HandleType::table:
            return "handgrad_table";
    }
    return "handle";
}

handgrad_status status_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage:
            return HANDGRAD_USAGE;
        case ErrorKind::data:
            return HANDGRAD_DATA;
        case ErrorKind::model:
            return HANDGRAD_MODEL;
        case ErrorKind::diverged:
            return HANDGRAD_DIVERGED;
        case ErrorKind::io:
            return HANDGRAD_IO;
    }
    return HANDGRAD_FAILED;
}

/// ` (impute=mean, drop)`: settings that would mend it, as handgrad_train() takes them.
std::string hints_of(const Error& error) {
    std::string list;
    for (const SettingHint& hint : error.settings()) {
        list += list.empty() ? " (" : ", ";
        list += hint.name + (hint.value.empty() ? "" : "=" + hint.value);
    }
    return list.empty() ? list : list + ")";
}

/// Begins with the function, as messages about arguments do already.
void keep_error(const char* function, const Error& error) {
    const std::string_view what = error.what();
    if (what.starts_with(function)) {
        keep({what, hints_of(error)});
    } else {
        keep({function, ": ", what, hints_of(error)});
    }
}

}  // namespace

void refuse(const char* function, const std::string& cause) {
    throw Error(ErrorKind::usage, std::string(function) + ": " + cause);
}

void refuse_handle(const char* function, const char* argument, HandleType type, HandleProblem problem,
                   const void* handle) {
    const std::string name = argument, wanted = name_of(type);
    if (problem == HandleProblem::null) {
        refuse(function, name + " is NULL");
    }
    std::string cause = name + " is no handle; it takes a " + wanted;
    if (problem == HandleProblem::freed) {
        cause = name + " was freed before";
    } else if (problem == HandleProblem::other_type) {
        cause = name + " is a " + name_of(static_cast<HandleType>(type_of_handle(handle))) + "; it takes a " + wanted;
    }
    throw Refused(HANDGRAD_BAD_HANDLE, std::string(function) + ": " + cause);
}

handgrad_status status_of_exception(const char* function) noexcept {
    try {
        throw;
    } catch (const Refused& refused) {
        keep({refused.what()});
        return refused.status();
    } catch (const Error& error) {
        try {
            keep_error(function, error);
        } catch (...) {  // no room for the hints
            keep({function, ": ", error.what()});
        }
        return status_of(error.kind());
    } catch (const std::bad_alloc& full) {
        keep({function, ": not enough memory: ", full.what()});
        return HANDGRAD_MEMORY;
    } catch (const std::exception& other) {
        keep({function, ": a mistake inside the library: ", other.what()});
        return HANDGRAD_FAILED;
    } catch (...) {
        keep({function, ": something that is no exception of the library was thrown"});
        return HANDGRAD_FAILED;
    }
}

const char* last_error_text() noexcept { return text_of_thread.data(); }

}  // namespace handgrad::c

extern "C" {

const char* handgrad_version(void) { return handgrad::version.data(); }

const char* handgrad_last_error(void) { return handgrad::c::last_error_text(); }

const char* handgrad_status_name(handgrad_status status) {
    switch (status) {
        case HANDGRAD_OK:
            return "HANDGRAD_OK";
        case HANDGRAD_FAILED:
            return "HANDGRAD_FAILED";
        case HANDGRAD_USAGE:
            return "HANDGRAD_USAGE";
        case HANDGRAD_DATA:
            return "HANDGRAD_DATA";
        case HANDGRAD_MODEL:
            return "HANDGRAD_MODEL";
        case HANDGRAD_DIVERGED:
            return "HANDGRAD_DIVERGED";
        case HANDGRAD_IO:
            return "HANDGRAD_IO";
        case HANDGRAD_MEMORY:
            return "HANDGRAD_MEMORY";
        case HANDGRAD_BAD_HANDLE:
            return "HANDGRAD_BAD_HANDLE";
        case HANDGRAD_STATUS_MAX:
            break;
    }
    return "unknown status";
}
}
