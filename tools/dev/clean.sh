# usage: ./dev clean [--deps]
#
# Removes build/. With --deps also what ./dev setup fetched and built; Debian packages stay.

clean_main() {
  help_if_asked "$ROOT/tools/dev/clean.sh" "$@"
  case $#:${1:-} in
    0: | 1:--deps) ;;
    *) misuse clean "clean takes --deps or nothing" ;;
  esac
  if [ -d build/kafka ]; then
    . "$ROOT/tools/dev/kafka.sh"
    kafka_main down --all
  fi
  rm -rf build
  say "removed $ROOT/build"
  [ "${1:-}" = --deps ] || return 0
  local part
  for part in arrow librdkafka librdkafka-tsan kafka; do
    rm -rf "${MILLRACE_DEPS:?}/$part" "$MILLRACE_DEPS/$part.new"
  done
  for part in venv tests-venv .setup.lock .kafka.lock; do
    rm -rf "${MILLRACE_DEPS:?}/$part"
  done
  say "removed what ./dev setup had put into $MILLRACE_DEPS"
}
