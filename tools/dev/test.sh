# usage: ./dev test [--quick | --long | --faults [--long] | --kafka [--long] | NAME]
#
#   (nothing)   what must pass before a change is merged: the checks, the unit and golden tests as release and under
#               AddressSanitizer and UndefinedBehaviorSanitizer, the threaded modules under ThreadSanitizer, and the
#               integration tests against a real Apache Kafka
#   --quick     the checks, and the unit and golden tests as release
#   --long      everything: also header self-containment, clang-tidy, the Python package and the kill and failure runs
#   --faults    only the kill and failure runs; with --long after it, more of them
#   --kafka     only the integration tests against a real Apache Kafka; with --long after it, at full size (2 M records)
#   NAME        the release tests whose name matches the regular expression NAME
# Fetches and installs what it needs. A stage that cannot run says why. MILLRACE_JOBS limits parallelism.

# Modules with threads or locks, and the programs that test them: only these are built under ThreadSanitizer.
TEST_TSAN_LABELS='^(runtime|state|http|env|connectors/memory)$'
TEST_TSAN_TARGETS=(runtime_test state_test http_test env_test connectors_memory_test)

test_tsan() {
  say "Left out: kafka and connectors/kafka. librdkafka makes its threads by thrd_create, which ThreadSanitizer of"
  say "GCC 12 does not know; the first allocation in such a thread ends the process."
  test_preset tsan "$TEST_TSAN_LABELS" "${TEST_TSAN_TARGETS[@]}"
}

test_main() {
  help_if_asked "$ROOT/tools/dev/test.sh" "$@"
  . "$ROOT/tools/dev/build.sh"
  . "$ROOT/tools/dev/check.sh"
  . "$ROOT/tools/dev/kafka.sh"
  TEST_ROWS=()
  TEST_FAILED=0
  local begin=$SECONDS
  # Larger inputs and more rounds in the Python tests.
  if [ "${1:-}" = --long ] || [ "${2:-}" = --long ]; then export MILLRACE_TEST_LONG=1; fi
  case ${1:-} in
    "")
      test_stage "checks" check_main
      test_stage "release: unit, golden" test_preset release '^(unit|golden)$'
      test_stage "asan: unit, golden" test_preset asan '^(unit|golden)$'
      test_stage "tsan: threaded modules" test_tsan
      test_stage "kafka: integration" test_with_kafka
      ;;
    --quick)
      test_stage "checks" check_main
      test_stage "release: unit, golden" test_preset release '^(unit|golden)$'
      ;;
    --long)
      test_stage "checks" check_main
      test_stage "headers compile alone" check_main --headers
      test_stage "release: unit, golden" test_preset release '^(unit|golden)$'
      test_stage "asan: unit, golden" test_preset asan '^(unit|golden)$'
      test_stage "tsan: threaded modules" test_tsan
      test_stage "kafka: integration" test_with_kafka
      test_stage "dev: kills and failures" test_faults
      test_stage "python" test_python
      test_stage "clang-tidy" check_main --tidy
      ;;
    --faults) test_stage "dev: kills and failures" test_faults ;;
    --kafka) test_stage "kafka: integration" test_with_kafka ;;
    -*) die "test knows no option $1; see ./dev test --help" ;;
    *)
      [ $# -eq 1 ] || die "test takes one NAME"
      build_preset release
      setup_python_tests
      ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(test_jobs)" -R "$1"
      return
      ;;
  esac
  printf '\n%-26s %-8s %7s\n' stage result seconds
  printf '%s\n' "${TEST_ROWS[@]}"
  printf '%-26s %-8s %7d\n' total "$([ $TEST_FAILED = 0 ] && echo ok || echo FAILED)" $((SECONDS - begin))
  return $TEST_FAILED
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

# test_count FOLDER LABELS: how many tests carry one of the labels.
test_count() { ctest --test-dir "$1" -N -L "$2" | awk '/^Total Tests:/ {print $3}'; }

test_preset() {
  local preset=$1 labels=$2
  shift 2
  build_preset "$preset" "$@"
  [ "$(test_count "build/$preset" "$labels")" != 0 ] || test_skip "no test has a label matching $labels"
  ctest --test-dir "build/$preset" --output-on-failure --progress -j "$(test_jobs)" -L "$labels"
}

# Integration tests find the broker in MILLRACE_TEST_KAFKA.
test_with_kafka() {
  build_preset release
  setup_python_tests
  [ "$(test_count build/release '^kafka_broker$')" != 0 ] || test_skip "no test has the label kafka_broker"
  kafka_main down --name test
  MILLRACE_TEST_KAFKA=$(kafka_main up --name test | tail -n 1)
  export MILLRACE_TEST_KAFKA
  local code=0
  ctest --test-dir build/release --output-on-failure -j 1 -L '^kafka_broker$' || code=$?
  kafka_main down --name test
  return $code
}

# Failure runs need the test hooks, so they use the dev build; they start and kill brokers themselves.
test_faults() {
  build_preset dev
  setup_python_tests
  [ "$(test_count build/dev '^fault$')" != 0 ] || test_skip "no test has the label fault"
  kafka_libraries
  MILLRACE_TEST_KAFKA=$(kafka_main up --name fault | tail -n 1)
  export MILLRACE_TEST_KAFKA
  local code=0
  ctest --test-dir build/dev --output-on-failure -j 1 -L '^fault$' || code=$?
  kafka_main down --name fault
  return $code
}

test_python() {
  [ -f python/pyproject.toml ] || test_skip "there is no python/pyproject.toml"
  build_preset release
  [ "$(test_count build/release '^python$')" != 0 ] || test_skip "no test has the label python"
  ctest --test-dir build/release --output-on-failure -j 1 -L '^python$'
}
