# ccache where there is one, unless the caller has chosen a launcher or none (-DCMAKE_CXX_COMPILER_LAUNCHER=). It must be
# told that precompiled headers may be trusted; and to name files from the root of the sources, so that another copy of
# them (an unpacked tarball, a fresh clone) or another build of them (a wheel) is not compiled again.
find_program(HANDGRAD_CCACHE ccache)
mark_as_advanced(HANDGRAD_CCACHE)
if(PROJECT_IS_TOP_LEVEL AND HANDGRAD_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH handgrad_root)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${handgrad_root} CCACHE_NOHASHDIR=1 ${HANDGRAD_CCACHE})
endif()
