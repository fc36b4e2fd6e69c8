# How targets are declared.
#
#   millrace_module(NAME base                     folder below src/; "codec/json" becomes target millrace_codec_json
#                   SOURCES status.cc             sources; none for a header-only module
#                   HEADERS status.h              every header of the folder
#                   PUBLIC_HEADERS app.h          headers in include/millrace/
#                   DEPS columnar env             modules, linked PUBLIC
#                   THIRD_PARTY Arrow::compute    third-party targets, linked PUBLIC
#                   THIRD_PARTY_PRIVATE X::y      third-party targets that no header of the module includes
#                   PCH                           use the precompiled Arrow headers
#                   TESTS status_test.cc          one executable <name>_test, one ctest entry, labels unit;<name>
#                   TEST_SUPPORT fake.cc fake.h   compiled into the test executable only
#                   TEST_DEPS memory              further modules or third-party targets (X::y) of the tests
#                   TEST_SHARDS 2                 run as so many ctest entries <name>_1, <name>_2, ... beside each other
#                   TEST_TIMEOUT 60)              seconds
#   millrace_test(NAME golden SOURCES a.cc DEPS engine LABELS golden [SHARDS n] [TIMEOUT n] [PCH] [ARGS ...] [NO_MAIN])
#   millrace_executable(NAME millrace SOURCES main.cc DEPS engine THIRD_PARTY CLI11::CLI11 [PCH] [OUTPUT dir])
#
# Every .h and .cc of a module must be named (./dev check). Tests run with the folder of their CMakeLists as working
# directory. Targets are linked against module targets only through these functions.

set(MILLRACE_TEST_ENVIRONMENT
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/sanitizers/lsan.supp:print_suppressions=0"
    "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/sanitizers/tsan.supp:second_deadlock_stack=1")
if(MILLRACE_SANITIZE)
  list(APPEND MILLRACE_TEST_ENVIRONMENT "ARROW_DEFAULT_MEMORY_POOL=system")
  set(MILLRACE_TEST_TIMEOUT 600)
else()
  set(MILLRACE_TEST_TIMEOUT 180)
endif()

# For the tests in Python: a file of them runs in one process, whose fixtures it shares, and files beside each other. Those
# against a quiet Kafka mostly wait; those with faults, whose times to recover are judged, get a core each.
set(MILLRACE_PYTEST_PARALLEL -n auto --dist loadscope --no-loadscope-reorder)
include(ProcessorCount)
ProcessorCount(MILLRACE_CORES)
math(EXPR MILLRACE_WAITING_PYTESTS "(${MILLRACE_CORES} * 3 + 1) / 2")

# One precompiled header for all targets that ask for it: CMake needs a target that owns it.
if(MILLRACE_PCH)
  add_library(millrace_pch STATIC EXCLUDE_FROM_ALL "${CMAKE_SOURCE_DIR}/cmake/millrace_pch.cc")
  target_link_libraries(millrace_pch PUBLIC Arrow::compute PRIVATE millrace_warnings Threads::Threads)
  target_precompile_headers(millrace_pch PRIVATE <arrow/api.h> <arrow/compute/api.h>)
endif()

function(millrace_use_pch target)
  if(MILLRACE_PCH)
    target_link_libraries(${target} PRIVATE Arrow::compute)
    target_precompile_headers(${target} REUSE_FROM millrace_pch)
  endif()
endfunction()

# Sets `out` to target names: modules become millrace_<name>, names with :: stay.
function(millrace_targets out)
  set(result "")
  foreach(name IN LISTS ARGN)
    if(NOT name MATCHES "::")
      string(REPLACE "/" "_" name "millrace_${name}")
    endif()
    list(APPEND result ${name})
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()

# Sets `out` to what is missing among files (relative to this folder) and targets; fails unless that is allowed.
function(millrace_missing out what files targets)
  set(missing "")
  foreach(file IN LISTS files)
    if(NOT IS_ABSOLUTE "${file}")
      set(file "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    endif()
    if(NOT EXISTS "${file}")
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${CMAKE_SOURCE_DIR}")
      list(APPEND missing ${file})
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${file}")
    endif()
  endforeach()
  foreach(target IN LISTS targets)
    if(NOT TARGET ${target})
      list(APPEND missing ${target})
    endif()
  endforeach()
  if(missing)
    list(JOIN missing ", " text)
    if(MILLRACE_ALLOW_MISSING)
      message(WARNING "${what} is left out: missing ${text}")
    else()
      message(FATAL_ERROR "${what}: missing ${text}")
    endif()
  endif()
  set(${out} "${missing}" PARENT_SCOPE)
endfunction()

function(millrace_module)
  cmake_parse_arguments(PARSE_ARGV 0 M "PCH" "NAME;TEST_SHARDS;TEST_TIMEOUT"
    "SOURCES;HEADERS;PUBLIC_HEADERS;DEPS;THIRD_PARTY;THIRD_PARTY_PRIVATE;TESTS;TEST_SUPPORT;TEST_DEPS")
  if(M_UNPARSED_ARGUMENTS OR NOT M_NAME)
    message(FATAL_ERROR "millrace_module(${M_NAME}): do not understand: ${M_UNPARSED_ARGUMENTS}")
  endif()
  string(REPLACE "/" "_" id "${M_NAME}")
  set(target millrace_${id})
  millrace_targets(deps ${M_DEPS})
  list(TRANSFORM M_PUBLIC_HEADERS PREPEND "${CMAKE_SOURCE_DIR}/include/millrace/")
  millrace_missing(missing "module ${M_NAME}" "${M_SOURCES};${M_HEADERS};${M_PUBLIC_HEADERS}"
                   "${deps};${M_THIRD_PARTY};${M_THIRD_PARTY_PRIVATE}")
  if(missing)
    return()
  endif()

  if(M_SOURCES)
    set(scope PUBLIC)
    add_library(${target} STATIC ${M_SOURCES})
    target_link_libraries(${target} PRIVATE millrace_warnings ${M_THIRD_PARTY_PRIVATE})
    if(M_PCH)
      millrace_use_pch(${target})
    endif()
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(millrace::${id} ALIAS ${target})
  target_include_directories(${target} ${scope} "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/include")
  target_link_libraries(${target} ${scope} ${deps} ${M_THIRD_PARTY} Threads::Threads)
  if(M_HEADERS)
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}/src" FILES ${M_HEADERS})
  endif()
  if(M_PUBLIC_HEADERS)
    target_sources(${target} ${scope} FILE_SET public TYPE HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}/include"
                   FILES ${M_PUBLIC_HEADERS})
  endif()

  if(BUILD_TESTING AND M_TESTS)
    set(pch "")
    if(M_PCH)
      set(pch PCH)
    endif()
    millrace_test(NAME ${id} SOURCES ${M_TESTS} ${M_TEST_SUPPORT} DEPS ${M_NAME} ${M_TEST_DEPS}
                  THIRD_PARTY ${M_THIRD_PARTY_PRIVATE} LABELS unit ${M_NAME} SHARDS ${M_TEST_SHARDS} TIMEOUT ${M_TEST_TIMEOUT}
                  ${pch})
  endif()
endfunction()

function(millrace_test)
  cmake_parse_arguments(PARSE_ARGV 0 T "PCH;NO_MAIN" "NAME;SHARDS;TIMEOUT" "SOURCES;DEPS;THIRD_PARTY;LABELS;ARGS")
  if(T_UNPARSED_ARGUMENTS OR NOT T_NAME)
    message(FATAL_ERROR "millrace_test(${T_NAME}): do not understand: ${T_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT BUILD_TESTING)
    return()
  endif()
  millrace_targets(deps ${T_DEPS})
  millrace_missing(missing "test ${T_NAME}_test" "${T_SOURCES}" "${deps};${T_THIRD_PARTY}")
  if(missing)
    return()
  endif()
  set(target ${T_NAME}_test)
  add_executable(${target} ${T_SOURCES})
  set(main GTest::gtest_main)
  if(T_NO_MAIN)
    set(main "")
  endif()
  target_link_libraries(${target} PRIVATE millrace_warnings ${deps} ${T_THIRD_PARTY} GTest::gmock ${main})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  if(T_PCH)
    millrace_use_pch(${target})
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT ${MILLRACE_TEST_TIMEOUT})
  endif()
  if(NOT T_SHARDS)
    millrace_test_entry(${T_NAME} "")
    return()
  endif()
  math(EXPR last "${T_SHARDS} - 1")
  foreach(shard RANGE ${last})
    math(EXPR number "${shard} + 1")
    millrace_test_entry(${T_NAME}_${number} "GTEST_TOTAL_SHARDS=${T_SHARDS};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

# Part of millrace_test: the ctest entry `name`, with `environment` beside that of all tests.
macro(millrace_test_entry name environment)
  add_test(NAME ${name} COMMAND ${target} ${T_ARGS} WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
                       ENVIRONMENT "${MILLRACE_TEST_ENVIRONMENT};${environment}")
endmacro()

# Gives an executable jemalloc with our settings: librdkafka allocates per message and RocksDB fragments. The sanitizers
# bring an allocator of their own. no-as-needed: nothing names a symbol of it.
function(millrace_use_allocator target)
  if(MILLRACE_SANITIZE OR NOT TARGET ${target})
    return()
  endif()
  target_sources(${target} PRIVATE "${CMAKE_SOURCE_DIR}/cmake/millrace_allocator.cc")
  target_link_options(${target} PRIVATE "LINKER:--push-state,--no-as-needed" "$<TARGET_FILE:jemalloc::jemalloc>"
                      "LINKER:--pop-state")
endfunction()

function(millrace_executable)
  cmake_parse_arguments(PARSE_ARGV 0 E "PCH" "NAME;OUTPUT" "SOURCES;DEPS;THIRD_PARTY")
  if(E_UNPARSED_ARGUMENTS OR NOT E_NAME)
    message(FATAL_ERROR "millrace_executable(${E_NAME}): do not understand: ${E_UNPARSED_ARGUMENTS}")
  endif()
  millrace_targets(deps ${E_DEPS})
  millrace_missing(missing "executable ${E_NAME}" "${E_SOURCES}" "${deps};${E_THIRD_PARTY}")
  if(missing)
    return()
  endif()
  # A target of the same name as a module's would clash, hence the suffix; the file keeps its name.
  set(target ${E_NAME}_exe)
  add_executable(${target} ${E_SOURCES})
  target_link_libraries(${target} PRIVATE millrace_warnings ${deps} ${E_THIRD_PARTY})
  if(NOT E_OUTPUT)
    set(E_OUTPUT "${CMAKE_BINARY_DIR}")
  endif()
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${E_NAME} RUNTIME_OUTPUT_DIRECTORY "${E_OUTPUT}")
  if(E_PCH)
    millrace_use_pch(${target})
  endif()
endfunction()
