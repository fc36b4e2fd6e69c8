# RdKafka::rdkafka, the static librdkafka that ./dev setup built: #include <librdkafka/rdkafka.h>
# Under ThreadSanitizer it is the instrumented one that ./dev build tsan made.
# MILLRACE_RDKAFKA=system takes the machine's own library instead (2.14 or newer). What it then lacks is said, unless
# MILLRACE_RDKAFKA_PATCHED=ON vouches for it.

option(MILLRACE_RDKAFKA_PATCHED "a librdkafka of one's own has the patches of tools/librdkafka" OFF)
set(MILLRACE_RDKAFKA "deps" CACHE STRING "deps: the static library of the deps prefix; system: the machine's own")
if(MILLRACE_RDKAFKA STREQUAL "system")
  find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h)
  find_library(RdKafka_LIBRARY rdkafka)
else()
  set(prefix "${MILLRACE_DEPS}/librdkafka")
  if(MILLRACE_SANITIZE MATCHES "thread")
    string(APPEND prefix "-tsan")
  endif()
  # A build folder that was configured for the other library remembers that one.
  cmake_path(IS_PREFIX prefix "${RdKafka_LIBRARY}" known)
  if(NOT known)
    unset(RdKafka_INCLUDE_DIR CACHE)
    unset(RdKafka_LIBRARY CACHE)
  endif()
  find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h PATHS "${prefix}/include" NO_DEFAULT_PATH)
  find_library(RdKafka_LIBRARY librdkafka.a PATHS "${prefix}/lib" NO_DEFAULT_PATH)
endif()
mark_as_advanced(RdKafka_INCLUDE_DIR RdKafka_LIBRARY)
if(RdKafka_INCLUDE_DIR)
  # #define RD_KAFKA_VERSION 0x020f01ff is major, minor, patch, release candidate.
  file(STRINGS "${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h" line REGEX "define RD_KAFKA_VERSION +0x")
  string(REGEX MATCH "0x(..)(..)(..)" _ "${line}")
  math(EXPR major "0x${CMAKE_MATCH_1}")
  math(EXPR minor "0x${CMAKE_MATCH_2}")
  math(EXPR patch "0x${CMAKE_MATCH_3}")
  set(RdKafka_VERSION "${major}.${minor}.${patch}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RdKafka REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR
  VERSION_VAR RdKafka_VERSION
  REASON_FAILURE_MESSAGE "librdkafka is not in ${prefix}. Run ./dev setup (./dev build tsan), or set MILLRACE_DEPS.")

if(RdKafka_FOUND AND NOT TARGET RdKafka::rdkafka)
  if(RdKafka_VERSION VERSION_LESS 2.14)
    message(FATAL_ERROR "librdkafka ${RdKafka_VERSION} is too old: Millrace needs 2.14 or newer")
  endif()
  # ./dev setup leaves its stamp beside the library that it patched.
  if(NOT MILLRACE_RDKAFKA_PATCHED AND (MILLRACE_RDKAFKA STREQUAL "system" OR NOT EXISTS "${prefix}/.stamp"))
    message(WARNING "librdkafka ${RdKafka_VERSION} (${RdKafka_LIBRARY}) was not built by ./dev setup. Without "
      "tools/librdkafka/coordinator-timeout.patch a worker waits for ever, instead of asking for the next one, when the "
      "broker that coordinates its group or its transactions dies. docs/operations.md, \"A librdkafka of your own\", says "
      "how to build the patched one; -DMILLRACE_RDKAFKA_PATCHED=ON says that this is one.")
  endif()
  find_library(RdKafka_SASL2 sasl2 REQUIRED)
  mark_as_advanced(RdKafka_SASL2)
  add_library(RdKafka::rdkafka UNKNOWN IMPORTED GLOBAL)
  set_target_properties(RdKafka::rdkafka PROPERTIES
    IMPORTED_LOCATION "${RdKafka_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${RdKafka_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES
    "CURL::libcurl;OpenSSL::SSL;OpenSSL::Crypto;ZLIB::ZLIB;${RdKafka_SASL2};zstd::zstd;lz4::lz4;m;dl;Threads::Threads;rt")
endif()
