// What options and choices are called in other programs: the same thing here, or why it is another one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handgrad::cli {

/// An option as it is called here; no name: it says what holds anyway.
struct NativeOption {
    std::string name;                       ///< `--batch`
    std::optional<std::string> value = {};  ///< converted, where it is written otherwise; none for a flag
    bool takes_word = true;                 ///< whether the value that was given belonged to it
};

/// What an option of another program (`--batch-size`, whatever its dashes and underscores) means here; nothing when
/// nobody knows it. `value` is what stands behind it, `batch` the rows of a batch, for what is scaled by them. Raises
/// Error(usage), beginning with `place`, for one that scales differently, with the converted value, or that is not
/// here, with the reason.
std::optional<NativeOption> native_option(const std::string& place, std::string_view name, const std::string& value,
                                          double batch);

/// The words of a command line with the options of other programs replaced by those of `known`, and `--batch_size` or
/// `--Batch` by the option meant; words behind `--` are left alone.
std::vector<std::string> with_native_options(std::vector<std::string> words, const std::vector<std::string>& known);

/// What a choice of another program (`logistic`, `adam_w`) is called here; the text itself when nobody knows it. Raises
/// Error(usage), beginning with `place`, for one that scales differently.
std::string native_choice(const std::string& place, const std::string& text);

}  // namespace handgrad::cli
