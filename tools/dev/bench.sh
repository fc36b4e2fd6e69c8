# usage: ./dev bench [NAME] [-- ARGUMENTS]
#
#   job     the job of docs/performance.md: Millrace against the reference loop on Apache Kafka, about five minutes
#   NAME    the micro-benchmarks whose file name contains NAME
#           (without a name: the job)
# Builds what it needs (release). ARGUMENTS go to the benchmark, e.g. ./dev bench job -- --records 1000000 --rounds 5
# or ./dev bench codec_json -- --benchmark_filter=Decode. One benchmark at a time.

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
  if [ -z "$name" ] || [ "$name" = job ]; then
    exec python3 bench/run_job.py "$@"
  fi
  for program in build/release/bench/*"$name"*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    found=1
    step "$(basename "$program")"
    "$program" "$@"
  done
  [ $found = 1 ] || die "no benchmark matches '$name' in build/release/bench"
}
