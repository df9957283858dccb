// Handles that can be asked whether they are still good: tickets into a register, never addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace handgrad::c {

enum class HandleType : std::uint8_t { model = 1, network = 2, table = 3 };

/// Whatever stands behind a handle.
class Object {
public:
    Object() = default;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    virtual ~Object() = default;
};

/// Why a handle is no good.
enum class HandleProblem { none, null, no_handle, other_type, freed };

/// A ticket for this object, which the register now owns. Raises std::bad_alloc, also where there are a million.
void* register_object(HandleType type, std::unique_ptr<Object> object);

/// The object is gone once the last call that uses it has ended. HandleProblem::null for NULL.
HandleProblem release_handle(HandleType type, const void* handle);

/// The type that a ticket says it is of; 0 for what is no ticket.
std::uint8_t type_of_handle(const void* handle);

/// Keeps an object while a call uses it: one atomic count up, and one down. Never waits, allocates nothing.
class Pin {
public:
    Pin(HandleType type, const void* handle);
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin();

    [[nodiscard]] HandleProblem problem() const { return problem_; }
    [[nodiscard]] Object& object() const { return *object_; }

private:
    HandleProblem problem_ = HandleProblem::none;
    Object* object_ = nullptr;
    std::uint64_t slot_ = 0;
};

}  // namespace handgrad::c
