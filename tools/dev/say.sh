# Messages, and a few words that every command uses. Sourced by ./dev.

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
warn() { printf 'dev: %s\n' "$*" >&2; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}
# misuse COMMAND MESSAGE: the command line is wrong.
misuse() {
  printf 'dev: %s; see ./dev %s --help\n' "$2" "$1" >&2
  exit 2
}

has() { command -v "$1" >/dev/null 2>&1; }

# Prints the comment block at the top of a command's file and leaves when --help is among the arguments.
help_if_asked() {
  local file=$1 argument
  shift
  for argument in "$@"; do
    case $argument in
      -h | --help)
        sed -n '/^#/!q;s/^# \{0,1\}//p' "$file"
        exit 0
        ;;
    esac
  done
}

# Runs a command as root; need_root has been asked before.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# need_root COMMAND: ends the program, naming the command, when as_root cannot run it.
need_root() { [ "$(id -u)" = 0 ] || has sudo || die "this needs root, and there is no sudo. Run as root: $*"; }

# What this distribution calls itself.
distribution() { (. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME:-}"); }

# packages_failed APT_LOG PACKAGE...: what to do when apt-get could not install them.
packages_failed() {
  local log=$1
  shift
  tail -n 20 "$log" >&2
  rm -f "$log"
  case $(distribution) in
    "Debian GNU/Linux 12"*) die "apt-get could not install: $*. Its reason is above; when it could not fetch them, check the network" \
      "and /etc/apt/sources.list, then run this again" ;;
    *) die "apt-get could not install: $*. These names are Debian 12's, and this is $(distribution)." \
      "Install by hand what it calls them, then say so in each command: MILLRACE_PACKAGES=by-hand ./dev setup" ;;
  esac
}

# Installs the Debian packages that are missing. A name may be "first|second": the first one that exists.
install_packages() {
  local missing=() name wanted=() log
  if ! has dpkg-query || ! has apt-get || [ "${MILLRACE_PACKAGES:-}" = by-hand ]; then
    return 0
  fi
  local installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' 2>/dev/null | awk '$2 ~ /^i/ {print $1}')
  for name in "$@"; do
    if ! grep -qxE -- "${name//+/\\+}" <<<"$installed"; then
      missing+=("$name")
    fi
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  step "installing packages: ${missing[*]}"
  need_root "apt-get update && apt-get install ${missing[*]%%|*}"
  log=$(mktemp)
  as_root apt-get update -qq >"$log" 2>&1 || packages_failed "$log" "${missing[@]}"
  for name in "${missing[@]}"; do
    local choice=${name%%|*}
    if [ "$choice" != "$name" ] && ! apt-cache show "$choice" >/dev/null 2>&1; then
      choice=${name#*|}
    fi
    wanted+=("$choice")
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" \
    >>"$log" 2>&1 || packages_failed "$log" "${wanted[@]}"
  rm -f "$log"
}

# lock_lines KIND: "sha256 name file" for each line of that kind in tools/deps.lock.
lock_lines() { awk -v kind="$1" '$1 == kind {print $2, $3, $4}' "$ROOT/tools/deps.lock"; }

# verify_file SHA256 FILE WORK: the file is the one that tools/deps.lock names. Otherwise WORK, the folder that was being
# filled, goes: nothing of what came is kept or used.
verify_file() {
  local found=nothing
  [ ! -f "$2" ] || found=$(sha256sum "$2" | cut -d' ' -f1)
  [ "$found" != "$1" ] || return 0
  rm -rf "${3:?}"
  die "$(basename "$2") is not the file that tools/deps.lock names: expected sha256 $1, found $found." \
    "It was removed. Run this again; when it comes again, the registry or proxy that is configured here" \
    "serves another file: do not use it"
}

# fetch_failed TOOL WHAT WORK: TOOL has printed its reason.
fetch_failed() {
  rm -rf "${3:?}"
  die "$1 could not fetch $2; its reason is above. Check the network, and the proxy (HTTPS_PROXY) and registry" \
    "that $1 is configured with, then run this again: what is there already is kept. Without a network, copy" \
    "$MILLRACE_DEPS from a machine on which the same command has run"
}
