// What libFuzzer calls: one program for all readers, `handgrad_fuzz --reader=csv …`; an exception that escapes is a
// finding.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "tests/fuzz/readers.hpp"

namespace {

const handgrad::fuzz::Reader* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
    constexpr std::string_view option = "--reader=";
    for (int i = 1; i < *count; ++i) {
        const std::string_view word = (*words)[i];
        if (word.starts_with(option)) {
            chosen = handgrad::fuzz::find_reader(word.substr(option.size()));
        }
    }
    if (chosen == nullptr) {
        std::cerr << "say which reader:";
        for (const handgrad::fuzz::Reader& reader : handgrad::fuzz::readers()) {
            std::cerr << " --reader=" << reader.name;
        }
        std::cerr << '\n';
        std::exit(2);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    handgrad::fuzz::feed(*chosen, {reinterpret_cast<const char*>(data), size});
    return 0;
}
