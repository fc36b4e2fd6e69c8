# usage: ./dev bench [NAME] [-- ARGUMENTS]
#
#   exactly_once  the job of docs/performance.md: Millrace against the reference loop on Apache Kafka, about five minutes
#   memory        peak memory of that job with 2 and with 20 million records, about five minutes
#   windows       the CPU of that job with hopping and session windows and with a million keys, two minutes
#   many_keys     the rate of that job with 20 million keys of which few fit into memory, about fifteen minutes
#   partials      the rate of that job behind a repartition topic, with rows and with partial aggregates in it, two minutes
#   restore       the rate at which that job rebuilds the state of three million keys from Kafka, a minute
#   checkpoint    how long the checkpoints of that job take, and how much of it is waiting for Kafka; half a minute
#   NAME          the micro-benchmarks whose file name contains NAME
#                 (without a name: exactly_once)
# Builds what it needs (release). ARGUMENTS go to the benchmark, e.g. ./dev bench exactly_once -- --records 1000000
# or ./dev bench codec_json -- --benchmark_filter=Decode. One benchmark at a time.

bench_main() {
  help_if_asked "$ROOT/tools/dev/bench.sh" "$@"
  local name="" program
  if [ $# -gt 0 ] && [ "$1" != -- ]; then
    name=$1
    shift
  fi
  case "$name:${1:-}" in
    -*) misuse bench "bench knows no option $name; what is for the benchmark comes after --" ;;
    *:-- | *:) ;;
    *) misuse bench "bench takes one NAME; what is for the benchmark comes after --" ;;
  esac
  [ "${1:-}" != -- ] || shift
  . "$ROOT/tools/dev/build.sh"
  case "$name" in
    "" | exactly_once | memory | windows | many_keys | partials | restore | checkpoint)
      build_preset release millrace bench/job/reference_loop bench/job/job_topic
      [ "$name" = "" ] || [ "$name" = exactly_once ] || set -- "--${name//_/-}" "$@"
      exec python3 bench/run_job.py "$@"
      ;;
  esac
  # Micro-benchmarks are not part of a plain build.
  build_preset release build.ninja
  local programs
  mapfile -t programs < <(ninja -C build/release -t targets all | sed -n "s#^\(bench/[^/]*_bench\): .*#\1#p" | grep -F "$name")
  [ ${#programs[@]} -gt 0 ] || die "no benchmark matches '$name'; there are those of src/**/*_bench.cc"
  build_preset release "${programs[@]}"
  for program in "${programs[@]}"; do
    step "$(basename "$program")"
    "build/release/$program" "$@"
  done
}
