# The border to C and Fortran: the suite c_test asks whether C gets what C++ gets; programs in C99 and Fortran 2003 stand
# where users stand; and what is published of the border stays.
set_source_files_properties(c/bits_test.cpp PROPERTIES
                            COMPILE_DEFINITIONS HANDGRAD_FIXTURES="${CMAKE_CURRENT_SOURCE_DIR}/fixtures")
# A sanitizer's run time takes the same names in a program and in a shared library for a mistake.
if(HANDGRAD_SANITIZE)
  target_link_libraries(c_test PRIVATE handgrad::c_static)
else()
  target_link_libraries(c_test PRIVATE handgrad::c)
endif()
if(HANDGRAD_SANITIZE OR CMAKE_CROSSCOMPILING)
  return()
endif()

set(scratch ${CMAKE_CURRENT_BINARY_DIR}/c-scratch)
file(MAKE_DIRECTORY ${scratch}/shared ${scratch}/static ${scratch}/sanitized ${scratch}/fortran)

function(add_c99 name)
  add_executable(${name} EXCLUDE_FROM_ALL ${ARGN})
  add_dependencies(tests ${name})
  set_target_properties(${name} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:C>:-pedantic;-Wall;-Wextra;-Wconversion>)
endfunction()

add_c99(c_contract c/contract.c)
target_link_libraries(c_contract PRIVATE handgrad::c m)
add_test(NAME c.Contract COMMAND c_contract ${CMAKE_CURRENT_SOURCE_DIR}/fixtures ${scratch}/shared)
add_c99(c_contract_static c/contract.c)
target_link_libraries(c_contract_static PRIVATE handgrad::c_static m)
add_test(NAME c.ContractOfTheArchive COMMAND c_contract_static ${CMAKE_CURRENT_SOURCE_DIR}/fixtures ${scratch}/static)
# The border itself under the sanitizers; the library behind it is as users get it (`make test-long` has all of it).
file(GLOB border CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/c/*.cpp)
add_c99(c_contract_sanitized c/contract.c ${border})
target_compile_features(c_contract_sanitized PRIVATE cxx_std_20)
target_compile_options(c_contract_sanitized PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all -g1 -O1)
target_link_options(c_contract_sanitized PRIVATE -fsanitize=address,undefined)
target_link_libraries(c_contract_sanitized PRIVATE handgrad::handgrad m)
add_test(NAME c.ContractSanitized COMMAND c_contract_sanitized ${CMAKE_CURRENT_SOURCE_DIR}/fixtures ${scratch}/sanitized)

add_c99(c_layout c/layout.c)
target_link_libraries(c_layout PRIVATE handgrad::c)
add_test(NAME c.Abi COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/c/abi $<TARGET_FILE:c_layout> $<TARGET_FILE:handgrad_c>
                            ${CMAKE_CURRENT_SOURCE_DIR}/c/abi.txt)

if(TARGET handgrad::fortran)
  add_executable(fortran_contract EXCLUDE_FROM_ALL fortran/contract.f90)
  add_dependencies(tests fortran_contract)
  set_target_properties(fortran_contract PROPERTIES Fortran_MODULE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fortran_modules)
  target_compile_options(fortran_contract PRIVATE -std=f2003 -Wall -Wextra -Wno-function-elimination -fcheck=bounds,do,mem,pointer)
  target_link_libraries(fortran_contract PRIVATE handgrad::fortran)
  # The module is Fortran 2003, and compiles without a warning.
  target_compile_options(handgrad_fortran PRIVATE -std=f2003 -Wall -Wextra)
  add_test(NAME fortran.Contract COMMAND fortran_contract ${CMAKE_CURRENT_SOURCE_DIR}/fixtures ${scratch}/fortran)
else()
  add_test(NAME fortran.Contract COMMAND printf "Skipped\\nno Fortran compiler\\n")
  set_tests_properties(fortran.Contract PROPERTIES SKIP_REGULAR_EXPRESSION "no Fortran compiler")
endif()
