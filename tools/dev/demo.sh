# usage: ./dev demo [ARGUMENTS of millrace demo]
#
# Builds the release binary and runs its demo: an embedded broker, generated bids, windows. No Kafka needed.

demo_main() {
  help_if_asked "$ROOT/tools/dev/demo.sh" "$@"
  . "$ROOT/tools/dev/build.sh"
  build_preset release millrace_exe
  exec build/release/millrace demo "$@"
}
