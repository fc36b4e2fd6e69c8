# Messages, and a few words that every command uses. Sourced by ./dev.

say() { printf '%s\n' "$*"; }
step() { printf '== %s\n' "$*"; }
warn() { printf 'dev: %s\n' "$*" >&2; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
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

# Runs a command as root.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo. Run as root: $*"
  fi
}

# Installs the Debian packages that are missing. A name may be "first|second": the first one that exists.
install_packages() {
  local missing=() name wanted=()
  if ! has dpkg-query || ! has apt-get; then
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
  as_root apt-get update -qq
  for name in "${missing[@]}"; do
    local choice=${name%%|*}
    if [ "$choice" != "$name" ] && ! apt-cache show "$choice" >/dev/null 2>&1; then
      choice=${name#*|}
    fi
    wanted+=("$choice")
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" \
    >"${TMPDIR:-/tmp}/millrace-apt.$$.log" 2>&1 || {
    tail -n 20 "${TMPDIR:-/tmp}/millrace-apt.$$.log" >&2
    die "apt-get could not install: ${wanted[*]}"
  }
  rm -f "${TMPDIR:-/tmp}/millrace-apt.$$.log"
}

# lock_lines KIND: "sha256 name file" for each line of that kind in tools/deps.lock.
lock_lines() { awk -v kind="$1" '$1 == kind {print $2, $3, $4}' "$ROOT/tools/deps.lock"; }

# verify_file SHA256 FILE
verify_file() {
  local actual
  actual=$(sha256sum "$2" | cut -d' ' -f1)
  [ "$actual" = "$1" ] || die "$(basename "$2") has sha256 $actual, but tools/deps.lock says $1"
}
