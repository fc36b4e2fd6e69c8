# Options, compiler flags and build tools. Included once, from the root.

option(BUILD_TESTING "Build the unit tests" ON)
option(MILLRACE_TEST_HOOKS "Compile fault-injection hooks in (never in a binary that is shipped)" OFF)
option(MILLRACE_WERROR "Treat warnings as errors" ON)
option(MILLRACE_PCH "Precompile the Arrow headers" ON)
option(MILLRACE_ALLOW_MISSING "Skip, with a warning, a module whose files or dependencies are missing" OFF)
set(MILLRACE_ARCH "x86-64-v2" CACHE STRING "-march= on x86-64; empty for the compiler's default")
set(MILLRACE_SANITIZE "" CACHE STRING "-fsanitize= list, e.g. address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
add_compile_options(-fPIC)  # not the property: executables would get -fPIE and could not share the precompiled header
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

if(MILLRACE_ARCH AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=${MILLRACE_ARCH})
endif()
if(MILLRACE_TEST_HOOKS)
  add_compile_definitions(MILLRACE_TEST_HOOKS=1)
endif()
if(MILLRACE_SANITIZE)
  # vptr needs the type information of every third-party class; the libraries hide some of it.
  add_compile_options(-fsanitize=${MILLRACE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(MILLRACE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize=vptr)
  endif()
  if(MILLRACE_SANITIZE MATCHES "address,undefined")
    # A third of the compile time, and AddressSanitizer sees most of it too. The preset ubsan has them.
    add_compile_options(-fno-sanitize=null,object-size,pointer-overflow,alignment)
  endif()
  if(MILLRACE_SANITIZE MATCHES "thread")
    # The warning is about fences, which ThreadSanitizer does not see: Boost.Asio's, which it uses only beside atomics.
    # Fences of our own are refused by tools/check_words.py.
    add_compile_options(-Wno-tsan)
  endif()
  add_link_options(-fsanitize=${MILLRACE_SANITIZE})
endif()

# Warnings go on Millrace's own targets only, through this interface library.
add_library(millrace_warnings INTERFACE)
target_compile_options(millrace_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor)
if(MILLRACE_WERROR)
  target_compile_options(millrace_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these falsely inside inlined standard library and Arrow code.
  target_compile_options(millrace_warnings INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                         -Wno-stringop-overread -Wno-maybe-uninitialized -Wno-free-nonheap-object)
endif()

find_program(MILLRACE_CCACHE ccache)
if(MILLRACE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness is what ccache asks for with precompiled headers; with GCC also -fpch-preprocess.
  set(launcher env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${MILLRACE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  if(MILLRACE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  endif()
endif()

find_program(MILLRACE_MOLD mold)
if(MILLRACE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
