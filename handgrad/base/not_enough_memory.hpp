// The std::bad_alloc of whoever knows how much was asked for.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace handgrad {

/// Raised where numbers find no room; what() says `needs 2.4 GB more at once`. Making and copying it allocates nothing.
class NotEnoughMemory : public std::bad_alloc {
public:
    explicit NotEnoughMemory(std::size_t bytes) noexcept;
    [[nodiscard]] const char* what() const noexcept override { return text_.data(); }

private:
    std::array<char, 48> text_{};
};

}  // namespace handgrad
