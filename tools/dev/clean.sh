# usage: ./dev clean [--deps]
#
# Removes build/. With --deps also what ./dev setup fetched and built; Debian packages stay.

clean_main() {
  help_if_asked "$ROOT/tools/dev/clean.sh" "$@"
  if [ -d build/kafka ]; then
    . "$ROOT/tools/dev/kafka.sh"
    kafka_main down --all
  fi
  rm -rf build
  if [ "${1:-}" = --deps ]; then
    local part
    for part in arrow arrow.new librdkafka librdkafka.new librdkafka-tsan librdkafka-tsan.new kafka kafka.new venv tests-venv .setup.lock; do
      rm -rf "${MILLRACE_DEPS:?}/$part"
    done
  fi
}
