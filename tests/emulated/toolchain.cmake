# Compiles for aarch64 with Debian's cross compiler, and runs what it compiled by QEMU.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# Nothing of this machine's own libraries (aarch64-root fills the folder).
cmake_path(SET aarch64_root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/../../build/aarch64-root)
set(CMAKE_FIND_ROOT_PATH ${aarch64_root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${aarch64_root})
set(ENV{PKG_CONFIG_LIBDIR} ${aarch64_root}/usr/lib/aarch64-linux-gnu/pkgconfig)
