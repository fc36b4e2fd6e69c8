# usage: ./dev build [PRESET] [TARGET...]
#
# Compiles into build/PRESET. The command line program is build/PRESET/millrace.
#   release   -O3, what users run (default)
#   dev       fast to compile, with debug checks and test hooks
#   asan      AddressSanitizer and UndefinedBehaviorSanitizer
#   ubsan     UndefinedBehaviorSanitizer with the checks that asan leaves out to compile faster
#   tsan      ThreadSanitizer
# TARGET is a CMake target, e.g. millrace_base or base_test; default: everything.
# MILLRACE_JOBS limits the number of parallel compilers.

build_main() {
  help_if_asked "$ROOT/tools/dev/build.sh" "$@"
  local preset=release
  case ${1:-} in
    release | dev | asan | ubsan | tsan | headers)
      preset=$1
      shift
      ;;
    -*) misuse build "build knows no option $1" ;;
  esac
  build_preset "$preset" "$@"
  if [ $# -eq 0 ] && [ -x "build/$preset/millrace" ]; then
    say "built build/$preset/millrace"
  fi
}

# build_preset PRESET [TARGET...]: setup, configure when needed, compile. One build per folder at a time.
build_preset() {
  local preset=$1
  shift
  . "$ROOT/tools/dev/setup.sh"
  setup_everything "$preset"
  mkdir -p "build/$preset"
  (
    flock 8
    if [ ! -f "build/$preset/build.ninja" ]; then
      cmake --preset "$preset" -DMILLRACE_DEPS="$MILLRACE_DEPS" >"build/$preset/configure.log" 2>&1 || {
        cat "build/$preset/configure.log" >&2
        exit 1
      }
    fi
    local options=()
    [ -t 1 ] || options+=(--quiet)
    [ -z "${MILLRACE_JOBS:-}" ] || options+=(-j "$MILLRACE_JOBS")
    ninja -C "build/$preset" "${options[@]}" "$@"
  ) 8>"build/$preset/.lock"
}
