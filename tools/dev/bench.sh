# usage: ./dev bench [NAME] [-- ARGUMENTS]
#
# Builds the benchmarks (release) and runs those whose file name contains NAME, default all.
# ARGUMENTS go to the benchmark program, e.g. --benchmark_filter=Decode. One benchmark at a time.

bench_main() {
  help_if_asked "$ROOT/tools/dev/bench.sh" "$@"
  local name="" program found=0
  if [ $# -gt 0 ] && [ "$1" != -- ]; then
    name=$1
    shift
  fi
  [ "${1:-}" != -- ] || shift
  . "$ROOT/tools/dev/build.sh"
  build_preset release
  for program in build/release/bench/*"$name"*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    found=1
    step "$(basename "$program")"
    "$program" "$@"
  done
  [ $found = 1 ] || die "no benchmark matches '$name' in build/release/bench"
}
