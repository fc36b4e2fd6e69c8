# The time that a new user and a newcomer to the code wait: ./dev test --cold.
#
# Makes a Debian 12 with nothing of ours in a temporary folder (debootstrap; needs root and about 20 GB), clones the last
# commit into it and prints the seconds of each row against its bound. The packages come from where this machine's come.

COLD_PACKAGES=git,ca-certificates
export COLD_HOME=/srv  # of the newcomer
# What programs need to reach their registries from here.
COLD_ENVIRONMENT='^(https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY|PIP_.*|SSL_CERT_FILE)='

cold_main() {
  [ "$(id -u)" = 0 ] || die "--cold makes a root file system of its own: run it as root"
  has debootstrap || install_packages debootstrap
  local place code=0
  place=$(mktemp -d "${MILLRACE_COLD:-/var/tmp}/millrace-cold.XXXXXX")
  chmod 755 "$place"  # apt reads and writes as a user of its own
  step "making a Debian 12 in $place"
  cold_debian "$place"
  git clone -q "$ROOT" "$place$COLD_HOME/millrace"
  cp "$ROOT/tools/dev/cold.sh" "$ROOT/tools/dev/say.sh" "$place$COLD_HOME/"
  local environment=()
  mapfile -t environment < <(env | grep -E "$COLD_ENVIRONMENT" || true)
  # Its mounts end with the process, so that nothing but files is left to remove.
  unshare --mount --propagation private --pid --fork --kill-child bash -s "$place" "${environment[@]}" <<'INSIDE' || code=$?
    place=$1
    shift
    mount -t proc proc "$place/proc"
    mount --rbind /sys "$place/sys"
    mount --rbind /dev "$place/dev"
    mount -t tmpfs tmpfs "$place/dev/shm"
    exec chroot "$place" env -i HOME="$COLD_HOME" LANG=C.UTF-8 TERM=dumb \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" \
      bash -c 'cd ~/millrace && . ../say.sh && . ../cold.sh && cold_rows'
INSIDE
  rm -rf "$place"
  return $code
}

# cold_debian PLACE: with this machine's sources of packages and certificates, whatever they are.
cold_debian() {
  local mirror
  mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
  debootstrap --include="$COLD_PACKAGES" bookworm "$1" "${mirror:-http://deb.debian.org/debian}" >"$1.log" 2>&1 || {
    tail -n 20 "$1.log" >&2
    die "debootstrap failed"
  }
  rm -f "$1.log"
  [ -z "$mirror" ] || {
    rm -f "$1/etc/apt/sources.list"
    cp /etc/apt/sources.list.d/debian.sources "$1/etc/apt/sources.list.d/"
  }
  cp /etc/apt/apt.conf.d/99* "$1/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp -r /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/" 2>/dev/null || true
  cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
  chroot "$1" update-ca-certificates >/dev/null 2>&1
}

# Runs in the clean place, in the clone.
cold_rows() {
  COLD_TABLE=()
  COLD_FAILED=0
  cold_row "demo: first closed window" 720 cold_first_window
  cold_row "./dev test, cold" 2700 ./dev test
  cold_row "./dev test, warm" 900 ./dev test
  cold_row "one file of ops changed: its tests" 60 cold_one_file
  cold_row "./dev setup, nothing missing" 1 ./dev setup
  printf '\n%-36s %-8s %7s %7s\n' what result seconds bound
  printf '%s\n' "${COLD_TABLE[@]}"
  return $COLD_FAILED
}

# cold_row TITLE BOUND_S COMMAND...
cold_row() {
  local title=$1 bound_s=$2 begin=$SECONDS verdict=ok
  shift 2
  step "$title"
  "$@" || verdict=FAILED
  local took_s=$((SECONDS - begin))
  [ $took_s -le "$bound_s" ] || verdict=SLOW
  [ $verdict = ok ] || COLD_FAILED=1
  COLD_TABLE+=("$(printf '%-36s %-8s %7d %7d' "$title" $verdict $took_s "$bound_s")")
}

# Ends with the first window; what follows it is the demo's last page.
cold_first_window() {
  local line
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in closed*) return 0 ;; esac
  done < <(./dev demo --duration 20s 2>&1)
  return 1
}

cold_one_file() {
  # No comment: the compiler cache looks through those.
  printf '\nstatic_assert(true);\n' >>src/ops/window_aggregate.cc
  local code=0
  ./dev test '^ops' || code=$?
  git checkout -q src/ops/window_aggregate.cc
  return $code
}
