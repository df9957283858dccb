# handgrad_target(TARGET): the language level, warnings and numerical flags that every target of this project shares.
# handgrad_hardening: calls of the C library whose buffers are known are checked, as the stack is by
# handgrad_stack_protector where code reads what strangers wrote, not in the loops over numbers. Without optimisation (the
# sanitizers' builds, which see more) they would do nothing but warn.
# handgrad_standard_headers: of the standard library what nearly every file reads, for target_precompile_headers: a
# quarter of the time that a file takes. `make tidy` compiles without them, and so finds a missing #include.
set(handgrad_standard_headers
    <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <limits> <map> <memory> <optional> <span> <string>
    <string_view> <utility> <variant> <vector>)

set(handgrad_hardening "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>")
set(handgrad_stack_protector "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-fstack-protector-strong>")

function(handgrad_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  # The bit contract: no value-changing optimisation and no contraction behind our back (docs/numerics.md).
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-fast-math)
  if(PROJECT_IS_TOP_LEVEL)
    # Designated initializers name what differs and leave the rest to its default: no warning of missing fields.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                             -Wno-missing-field-initializers -Werror=switch)
    # GCC 12 at -O3 sees sizes beyond 2^63 in std::string's own operator+ (GCC bug 105651), and vectors before they are
    # built.
    target_compile_options(
      ${target} PRIVATE "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-restrict;-Wno-maybe-uninitialized>")
  endif()
  if(HANDGRAD_SANITIZE)
    target_compile_options(
      ${target} PUBLIC -fsanitize=${HANDGRAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${HANDGRAD_SANITIZE})
  endif()
endfunction()
