# usage: ./dev test [--quick | --long | --cold | --kafka [--long] | --faults [--long] | --fuzz [--long] | NAME]
#
#   (nothing)   what must pass before a change is merged: the checks; the unit and golden tests as release and under
#               AddressSanitizer and UndefinedBehaviorSanitizer; the threaded modules under ThreadSanitizer; the
#               integration tests against a real Apache Kafka; the kill and failure runs and 20 seconds of fuzzing
#   --quick     the checks, and the unit and golden tests as release
#   --long      everything at full size: also all checks of UndefinedBehaviorSanitizer, header self-containment,
#               clang-tidy, the planted mutations of the golden tests and the Python package; 2 M records on Kafka,
#               five kills per point, ten minutes of fuzzing
#   --cold      the seconds from nothing: a Debian 12 in a folder of its own (root, 20 GB), the demo's first window there,
#               this command cold and warm, and one changed file
#   --kafka     only the integration tests against a real Apache Kafka
#   --faults    only the kill and failure runs
#   --fuzz      only the fuzzing, with a new seed each time, which it prints
#   NAME        the release tests whose name matches the regular expression NAME
# Fetches and installs what it needs. A stage that cannot run says why. MILLRACE_JOBS limits parallelism.

# Modules with threads or locks, and the programs that test them: only these are built under ThreadSanitizer.
TEST_TSAN_LABELS='^(runtime|state|http|env|kafka|connectors/kafka|connectors/memory)$'
TEST_TSAN_TARGETS=(runtime_test state_test http_test env_test kafka_test connectors_kafka_test
  connectors_kafka_it_test connectors_memory_test)

test_main() {
  help_if_asked "$ROOT/tools/dev/test.sh" "$@"
  test_arguments "$@"
  if [ "${1:-}" = --cold ]; then
    . "$ROOT/tools/dev/cold.sh"
    cold_main
    return
  fi
  . "$ROOT/tools/dev/build.sh"
  . "$ROOT/tools/dev/check.sh"
  . "$ROOT/tools/dev/kafka.sh"
  TEST_ROWS=()
  TEST_FAILED=0
  local begin=$SECONDS
  # Larger inputs and more rounds, also in the Python tests.
  if [ "${!#}" = --long ]; then export MILLRACE_TEST_LONG=1; fi
  case ${1:-} in
    "")
      test_stages_quick
      test_stages_deep
      ;;
    --quick) test_stages_quick ;;
    --long)
      test_stages_quick
      test_stages_deep
      test_stage "ubsan: unit, golden" test_preset ubsan '^(unit|golden)$'
      test_stage "headers compile alone" check_main --headers
      test_stage "clang-tidy" check_main --tidy
      test_stage "golden: mutations" test_mutations
      test_stage "python" test_python
      ;;
    --kafka) test_stage "kafka: integration" test_kafka ;;
    --faults) test_stage "asan: kills, failures" test_faults ;;
    --fuzz) test_stage "asan: fuzzing" test_fuzz ;;
    *)
      build_preset release
      setup_python_tests
      test_in_memory
      ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(test_jobs)" -R "$1"
      return
      ;;
  esac
  printf '\n%-26s %-8s %7s\n' stage result seconds
  printf '%s\n' "${TEST_ROWS[@]}"
  printf '%-26s %-8s %7d\n' total "$([ $TEST_FAILED = 0 ] && echo ok || echo FAILED)" $((SECONDS - begin))
  return $TEST_FAILED
}

# Ends the program unless the words are as the usage says.
test_arguments() {
  case ${1:-} in
    "" | --quick | --long | --cold) ;;
    --kafka | --faults | --fuzz) if [ "${2:-}" = --long ]; then set -- "$1"; fi ;;
    -*) misuse test "test knows no option $1" ;;
  esac
  [ $# -le 1 ] || misuse test "test does not take ${*:2} after $1"
}

test_stages_quick() {
  test_stage "checks" check_main
  test_stage "release: unit, golden" test_preset release '^(unit|golden)$'
}

test_stages_deep() {
  test_stage "asan: unit, golden" test_preset asan '^(unit|golden)$'
  test_stage "tsan: threaded modules" test_tsan
  test_stage "kafka: integration" test_kafka
  test_stage "asan: kills, failures" test_faults
  test_stage "asan: fuzzing" test_fuzz
}

# test_stage TITLE COMMAND...: runs it in a process of its own; 77 means skipped, with the reason in TEST_REASON_FILE.
test_stage() {
  local title=$1 begin=$SECONDS code=0 verdict=ok note=""
  shift
  TEST_REASON_FILE=$(mktemp)
  printf '\n== %s\n' "$title"
  set +e
  (
    set -e
    "$@"
  )
  code=$?
  set -e
  case $code in
    0) ;;
    77)
      verdict=skipped
      note="  $(cat "$TEST_REASON_FILE")"
      ;;
    *)
      verdict=FAILED
      TEST_FAILED=1
      ;;
  esac
  rm -f "$TEST_REASON_FILE"
  TEST_ROWS+=("$(printf '%-26s %-8s %7d%s' "$title" "$verdict" $((SECONDS - begin)) "$note")")
}

test_skip() {
  printf '%s\n' "$*" | tee "$TEST_REASON_FILE"
  exit 77
}

test_jobs() { printf '%s' "${MILLRACE_JOBS:-$(nproc)}"; }

# More would wait for the one broker.
test_python_jobs() { printf '%s' $(($(test_jobs) < 4 ? $(test_jobs) : 4)); }

# test_count FOLDER LABELS: how many tests carry one of the labels.
test_count() { ctest --test-dir "$1" -N -L "$2" | awk '/^Total Tests:/ {print $3}'; }

# test_preset PRESET LABELS [TARGET...]: builds the targets (default: all) and runs the tests that have one of the labels.
test_preset() {
  local preset=$1 labels=$2
  shift 2
  build_preset "$preset" "$@"
  test_in_memory
  test_run "$preset" "$labels" "$(test_jobs)"
}

# Thousands of small state stores are opened and closed; on a disk most of the time would be waiting for it.
test_in_memory() {
  local free_kb
  [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] || return 0
  free_kb=$(df --output=avail -k /dev/shm | tail -n 1)
  [ "$free_kb" -gt $((2 << 20)) ] || return 0
  TMPDIR=$(mktemp -d /dev/shm/millrace-test.XXXXXX)
  export TMPDIR TEST_TMPDIR=$TMPDIR/
  trap 'rm -rf "$TMPDIR"' EXIT
}

# test_run PRESET LABELS JOBS
test_run() {
  [ "$(test_count "build/$1" "$2")" != 0 ] || test_skip "no test has a label matching $2"
  ctest --test-dir "build/$1" --output-on-failure --progress -j "$3" -L "$2"
}

# test_with_broker PRESET LABELS [TARGET...]: the same, with a broker whose address is in MILLRACE_TEST_KAFKA. Programs
# that share it run one at a time; the tests in Python wait most of their time, so their files run beside each other.
test_with_broker() {
  local preset=$1 labels=$2 code=0
  shift 2
  build_preset "$preset" "$@"
  setup_python_tests
  kafka_main down --name test
  MILLRACE_TEST_KAFKA=$(kafka_main up --name test | tail -n 1)
  PYTEST_XDIST_AUTO_NUM_WORKERS=$(test_python_jobs)
  export MILLRACE_TEST_KAFKA PYTEST_XDIST_AUTO_NUM_WORKERS
  set +e
  (
    set -e
    test_run "$preset" "$labels" 1
  )
  code=$?
  set -e
  kafka_main down --name test
  return $code
}

test_tsan() { test_with_broker tsan "$TEST_TSAN_LABELS" "${TEST_TSAN_TARGETS[@]}"; }
test_kafka() { test_with_broker release '^kafka_broker$'; }
# The kill runs need the test hooks; of the builds that have them this one is made anyway, and it sees the most. What is
# said of memory is true of a release build alone.
test_faults() {
  build_preset release millrace_exe
  export MILLRACE_RELEASE_BINARY=$ROOT/build/release/millrace
  test_with_broker asan '^fault$'
}

test_long() { [ -n "${MILLRACE_TEST_LONG:-}" ]; }

# All targets at once, each with the same new seed.
test_fuzz() {
  local seconds=20 seed name pid code=0 pids=()
  ! test_long || seconds=600
  seed=$(date +%s)
  build_preset asan expr_fuzz_test json_fuzz_test
  # With an abort the program prints the failing input.
  export ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1:halt_on_error=1:print_stacktrace=1
  export LSAN_OPTIONS=suppressions=$ROOT/tools/sanitizers/lsan.supp:print_suppressions=0
  for name in expr json; do
    "build/asan/tests/${name}_fuzz_test" --seconds $seconds --seed "$seed" \
      "fuzz/corpus/$name" >"build/asan/fuzz_$name.log" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || code=1; done
  for name in expr json; do say "$name: $(tail -n 40 "build/asan/fuzz_$name.log")"; done
  return $code
}

# Each mutation breaks one rule in a copy of the tree; the golden tests of that rule must notice.
test_mutations() {
  . "$ROOT/tools/dev/setup.sh"
  setup_everything
  python3 tests/golden/mutate.py build
}

test_python() {
  [ -f python/pyproject.toml ] || test_skip "there is no python/pyproject.toml"
  build_preset release
  [ "$(test_count build/release '^python$')" != 0 ] || test_skip "no test has the label python"
  ctest --test-dir build/release --output-on-failure -j 1 -L '^python$'
}
