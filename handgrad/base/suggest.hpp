// Guessing which known name a mistyped one was meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace handgrad {

/// ` (did you mean 'age'?)` for the known name nearest to `wanted`, ready to stand behind a name in a message; empty
/// when none is near. Near means: without regard to ASCII case, at most a third of the bytes (at least one, of two or
/// more) inserted, deleted, replaced or swapped with their neighbour. Among equally near names the first one wins. None
/// is sought for a word of more than 256 bytes; of hundreds of thousands of names the first ones are looked at.
std::string did_you_mean(std::string_view wanted, std::span<const std::string> known);

}  // namespace handgrad
