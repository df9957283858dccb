// What the standard library calls when one of its assertions fails (_GLIBCXX_ASSERTIONS). GCC 12's library has that
// function, GCC 11's has not, and the program needs nothing else that is so new: with one of its own it runs on systems
// of both.
#include <cstdio>
#include <cstdlib>

namespace std {

[[noreturn]] void __glibcxx_assert_fail(const char* file, int line, const char* function,
                                        const char* condition) noexcept;

void __glibcxx_assert_fail(const char* file, int line, const char* function, const char* condition) noexcept {
    std::fprintf(stderr, "%s:%d: %s: Assertion '%s' failed.\n", file, line, function, condition);
    std::abort();
}

}  // namespace std
