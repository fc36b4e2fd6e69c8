# usage: ./dev fmt [FILE...]
#
# Formats C++ files with clang-format 14: those given, or all tracked and new ones.

fmt_main() {
  help_if_asked "$ROOT/tools/dev/fmt.sh" "$@"
  has clang-format-14 || install_packages clang-format-14
  has clang-format-14 || die "clang-format-14 is needed"
  if [ $# -gt 0 ]; then
    clang-format-14 -i "$@"
  else
    git ls-files --cached --others --exclude-standard -z -- '*.h' '*.cc' |
      xargs -0 -r -n 20 -P "$(nproc)" clang-format-14 -i
  fi
}
