# usage: ./dev fmt [FILE... | --all]
#
# Formats C++ files with clang-format 14: those that differ from the last commit (new ones too), FILE..., or all.

fmt_main() {
  help_if_asked "$ROOT/tools/dev/fmt.sh" "$@"
  local file files=()
  case ${1:-} in
    "") mapfile -d '' files < <(fmt_changed) ;;
    --all) mapfile -d '' files < <(git ls-files --cached --others --exclude-standard -z -- '*.h' '*.cc') ;;
    *) files=("$@") ;;
  esac
  [ "${1:-}" != --all ] || [ $# -eq 1 ] || misuse fmt "fmt takes files or --all, not both"
  for file in "$@"; do
    case $file in
      --all) ;;
      -*) misuse fmt "fmt knows no option $file" ;;
      *.h | *.cc) [ -f "$file" ] || misuse fmt "there is no file $file" ;;
      *) misuse fmt "$file is no C++ file (.h or .cc)" ;;
    esac
  done
  if [ ${#files[@]} = 0 ]; then
    say "no C++ file has changed since the last commit"
    return
  fi
  has clang-format-14 || install_packages clang-format-14
  has clang-format-14 || die "clang-format-14 is needed"
  # A file that was deleted and not committed is still listed.
  for file in "${files[@]}"; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
    xargs -0 -r -n 20 -P "$(nproc)" clang-format-14 -i
  say "formatted (${#files[@]}): ${files[*]:0:5}$([ ${#files[@]} -le 5 ] || echo " ...")"
}

fmt_changed() {
  git diff --name-only --relative --diff-filter=d -z HEAD -- '*.h' '*.cc'
  git ls-files --others --exclude-standard -z -- '*.h' '*.cc'
}
