# handgrad_fortran_library(SOURCE): the target handgrad::fortran, the module `handgrad` by this build's own Fortran compiler,
# with the library for C behind it. Fortran is enabled by the caller. In an installation it is part of the package.
function(handgrad_fortran_library source)
  if(TARGET handgrad::fortran)
    return()
  endif()
  add_library(handgrad_fortran STATIC EXCLUDE_FROM_ALL ${source})
  set(modules ${CMAKE_CURRENT_BINARY_DIR}/handgrad_fortran_modules)
  set_target_properties(handgrad_fortran PROPERTIES Fortran_MODULE_DIRECTORY ${modules} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(handgrad_fortran PUBLIC ${modules})
  target_link_libraries(handgrad_fortran PUBLIC handgrad::c)
  add_library(handgrad::fortran ALIAS handgrad_fortran)
endfunction()
