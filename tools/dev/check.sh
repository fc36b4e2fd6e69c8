# usage: ./dev check [NAME...] [--headers] [--tidy [PATH...]]
#
# The rules of STYLE.md that a program can check: layers, cmake_lists, sizes, words, public_docs, paths, format.
# NAME picks some of them. Each check first has to report violations planted for it.
#   --headers   every header compiles alone (minutes the first time)
#   --tidy      clang-tidy with the short list of .clang-tidy, on all sources and headers but those of tests
#               (minutes), or on PATH... only: ./dev check --tidy src/expr src/ops/project.cc src/state/table.h

check_main() {
  help_if_asked "$ROOT/tools/dev/check.sh" "$@"
  local headers=0 tidy=0 words=()
  while [ $# -gt 0 ]; do
    case $1 in
      --headers) headers=1 ;;
      --tidy) tidy=1 ;;
      -*) misuse check "check knows no option $1" ;;
      *) words+=("$1") ;;
    esac
    shift
  done
  if [ $headers = 0 ] && [ $tidy = 0 ]; then
    has python3 || install_packages python3
    has clang-format-14 || install_packages clang-format-14
    python3 tools/check.py "${words[@]}"
    return
  fi
  . "$ROOT/tools/dev/build.sh"
  if [ $headers = 1 ]; then
    build_preset headers all_verify_interface_header_sets
    say "headers       ok"
  fi
  if [ $tidy = 1 ]; then
    has clang-tidy-14 || install_packages clang-tidy-14
    has clang-tidy-14 || die "clang-tidy-14 is needed"
    . "$ROOT/tools/dev/setup.sh"
    setup_everything
    cmake --preset headers -DMILLRACE_DEPS="$MILLRACE_DEPS" >/dev/null
    python3 tools/check_tidy.py build/headers "${words[@]}"
  fi
}
