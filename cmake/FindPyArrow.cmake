# Imported targets for the Arrow C++ libraries that ./dev setup took out of the pinned pyarrow wheel.
#   MILLRACE_DEPS/arrow/include, MILLRACE_DEPS/arrow/lib
# Targets: Arrow::arrow Arrow::compute Arrow::acero Arrow::dataset Arrow::parquet Arrow::flight Arrow::substrait
#          Arrow::s3
# The libraries carry no unversioned symlink: IMPORTED_LOCATION is the versioned file itself.

find_path(PyArrow_INCLUDE_DIR arrow/api.h PATHS "${MILLRACE_DEPS}/arrow/include" NO_DEFAULT_PATH)
mark_as_advanced(PyArrow_INCLUDE_DIR)
if(PyArrow_INCLUDE_DIR)
  file(STRINGS "${PyArrow_INCLUDE_DIR}/arrow/util/config.h" lines REGEX "define ARROW_(VERSION_STRING|SO_VERSION)")
  string(REGEX MATCH "VERSION_STRING \"([0-9.]+)" _ "${lines}")
  set(PyArrow_VERSION "${CMAKE_MATCH_1}")
  string(REGEX MATCH "SO_VERSION \"([0-9]+)" _ "${lines}")
  set(PyArrow_SOVERSION "${CMAKE_MATCH_1}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PyArrow REQUIRED_VARS PyArrow_INCLUDE_DIR PyArrow_SOVERSION
  VERSION_VAR PyArrow_VERSION
  REASON_FAILURE_MESSAGE "Arrow is not in ${MILLRACE_DEPS}. Run ./dev setup, or set MILLRACE_DEPS.")

function(millrace_arrow_library name file)
  set(library "${PyArrow_INCLUDE_DIR}/../lib/${file}.so.${PyArrow_SOVERSION}")
  cmake_path(NORMAL_PATH library)
  if(NOT EXISTS "${library}" OR TARGET Arrow::${name})
    return()
  endif()
  add_library(Arrow::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(Arrow::${name} PROPERTIES
    IMPORTED_LOCATION "${library}"
    IMPORTED_SONAME "${file}.so.${PyArrow_SOVERSION}"
    INTERFACE_INCLUDE_DIRECTORIES "${PyArrow_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${ARGN}")
endfunction()

if(PyArrow_FOUND)
  millrace_arrow_library(arrow     libarrow)
  millrace_arrow_library(compute   libarrow_compute   Arrow::arrow)
  millrace_arrow_library(acero     libarrow_acero     Arrow::compute)
  millrace_arrow_library(parquet   libparquet         Arrow::arrow)
  millrace_arrow_library(dataset   libarrow_dataset   Arrow::acero Arrow::parquet)
  millrace_arrow_library(flight    libarrow_flight    Arrow::arrow)
  millrace_arrow_library(substrait libarrow_substrait Arrow::dataset)
  millrace_arrow_library(s3        libarrow_s3        Arrow::arrow)
endif()
