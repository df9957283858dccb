// What every function of the border does: arguments checked, exceptions made a status and a text, handles asked.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "c/handgrad.h"
#include "c/handles.hpp"
#include "handgrad/base/error.hpp"
#include "handgrad/base/matrix.hpp"

namespace handgrad::c {

/// A refusal that the library has no kind for.
class Refused : public Error {
public:
    Refused(handgrad_status status, const std::string& message) : Error(ErrorKind::usage, message), status_(status) {}
    [[nodiscard]] handgrad_status status() const { return status_; }

private:
    handgrad_status status_;
};

/// Raises Error(usage) `FUNCTION: CAUSE`.
[[noreturn, gnu::cold]] void refuse(const char* function, const std::string& cause);
/// Keeps the text of what is being caught, and says its status. Never throws.
[[gnu::cold]] handgrad_status status_of_exception(const char* function) noexcept;
const char* last_error_text() noexcept;
/// An engineer's guess which argument it was, and what stands there.
[[noreturn, gnu::cold]] void refuse_handle(const char* function, const char* argument, HandleType type,
                                           HandleProblem problem, const void* handle);

/// Runs `body`, and lets nothing out of it.
template <class Body>
handgrad_status guarded(const char* function, Body&& body) noexcept {
    try {
        std::forward<Body>(body)();
        return HANDGRAD_OK;
    } catch (...) {
        return status_of_exception(function);
    }
}

inline void require(const char* function, const char* argument, const void* pointer) {
    if (pointer == nullptr) {
        refuse(function, std::string(argument) + " is NULL");
    }
}

/// The numbers of an array of `rows` rows, each of `columns`; NULL only for none.
template <class T>
std::span<T> array(const char* function, const char* argument, T* data, std::size_t rows, std::size_t columns) {
    if (columns != 0 && rows > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T) / columns) {
        refuse(function, std::string(argument) + ": " + std::to_string(rows) + " rows of " + std::to_string(columns) +
                             " numbers are more than any memory holds");
    }
    if (rows != 0 && columns != 0) {
        require(function, argument, data);
    }
    return {data, rows * columns};
}

/// `columns is 3, the model has 4`.
inline void require_size(const char* function, const char* argument, std::size_t given, const char* whose,
                         std::size_t needed) {
    if (given != needed) {
        refuse(function,
               std::string(argument) + " is " + std::to_string(given) + ", " + whose + " " + std::to_string(needed));
    }
}

/// What stands behind a handle, for as long as this lives. Raises Refused.
template <std::derived_from<Object> Behind>
class Held {
public:
    Held(const char* function, const char* argument, const void* handle) : pin_(Behind::type, handle) {
        if (pin_.problem() != HandleProblem::none) {
            refuse_handle(function, argument, Behind::type, pin_.problem(), handle);
        }
    }
    [[nodiscard]] Behind& operator*() const { return static_cast<Behind&>(pin_.object()); }
    [[nodiscard]] Behind* operator->() const { return &**this; }

private:
    Pin pin_;
};

/// Makes an object and its handle; `*out` is NULL until then.
template <class Handle, class Make>
handgrad_status create(const char* function, const char* argument, Handle** out, Make&& make) noexcept {
    return guarded(function, [&] {
        require(function, argument, out);
        *out = nullptr;
        auto made = std::forward<Make>(make)();
        constexpr HandleType type = decltype(made)::element_type::type;
        *out = static_cast<Handle*>(register_object(type, std::move(made)));
    });
}

/// Frees; NULL is no mistake.
template <class Behind>
handgrad_status release(const char* function, const char* argument, const void* handle) noexcept {
    return guarded(function, [&] {
        const HandleProblem problem = release_handle(Behind::type, handle);
        if (problem != HandleProblem::none && problem != HandleProblem::null) {
            refuse_handle(function, argument, Behind::type, problem, handle);
        }
    });
}

/// Where a caller wants to know a number, or does not.
template <class To, class From>
void tell(To* out, From value) {
    if (out != nullptr) {
        *out = static_cast<To>(value);
    }
}

}  // namespace handgrad::c
