# usage: ./dev setup
#
# Installs what Millrace needs, and only what is missing:
#   * Debian packages, with apt-get (sudo when you are not root);
#   * the Arrow C++ libraries, taken from the pinned pyarrow wheel;
#   * librdkafka, built as a static library from the pinned npm package with the patches of tools/librdkafka.
# Downloads are checked against tools/deps.lock. Results live in $MILLRACE_DEPS (default ~/.cache/millrace).
# A second run takes less than a second. Other commands run it first.
# Packages have the names of Debian 12. On another distribution install by hand what they hold; where apt-get does not know
# them, MILLRACE_PACKAGES=by-hand says that they are there.

SETUP_PACKAGES=(g++ cmake ninja-build make patch git ca-certificates python3 python3-venv
  ccache mold clang-format-14
  libssl-dev libcurl4-openssl-dev libsasl2-dev zlib1g-dev liblz4-dev libzstd-dev libsnappy-dev libxxhash-dev
  libjemalloc-dev librocksdb-dev libsimdjson-dev libyaml-cpp-dev libfmt-dev libspdlog-dev libcli11-dev "libboost1.81-dev|libboost-dev"
  libgtest-dev libgmock-dev libbenchmark-dev)

setup_main() {
  help_if_asked "$ROOT/tools/dev/setup.sh" "$@"
  [ $# -eq 0 ] || misuse setup "setup takes no arguments"
  setup_everything
  say "Everything is in place ($MILLRACE_DEPS)."
}

# Used by the other commands: silent when nothing is missing. Argument: the preset that will be built.
setup_everything() {
  setup_platform
  install_packages "${SETUP_PACKAGES[@]}"
  mkdir -p "$MILLRACE_DEPS"
  exec 9>"$MILLRACE_DEPS/.setup.lock"
  flock 9 2>/dev/null || true
  setup_arrow
  setup_librdkafka
  [ "${1:-}" != tsan ] || setup_librdkafka tsan
  exec 9>&-
}

setup_platform() {
  if ! has apt-get; then
    local tool missing=()
    for tool in g++ cmake ninja make git python3; do has $tool || missing+=("$tool"); done
    if [ ${#missing[@]} -gt 0 ]; then
      die "this is $(distribution), without apt-get; ${missing[*]} and perhaps more is missing." \
        "Install by hand what these packages of Debian 12 hold, then run this again: ${SETUP_PACKAGES[*]}"
    fi
  fi
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    die "the pinned Arrow libraries are for Linux on x86-64; elsewhere configure with -DMILLRACE_ARROW=system"
}

# up_to_date FOLDER KEY: true when FOLDER was completed with the same KEY.
up_to_date() { [ "$(cat "$1/.stamp" 2>/dev/null)" = "$2" ]; }

setup_key() { cat "$@" | sha256sum | cut -d' ' -f1; }

setup_arrow() {
  local sha name file key prefix=$MILLRACE_DEPS/arrow
  read -r sha name file <<<"$(lock_lines pip)"
  key="$sha $(setup_key "$ROOT/tools/hide_exports.py")"
  if up_to_date "$prefix" "$key"; then return 0; fi

  step "fetching $name (55 MB) for its Arrow C++ libraries"
  local work=$MILLRACE_DEPS/arrow.new
  rm -rf "$work"
  mkdir -p "$work/lib"
  local python=python3
  if ! python3 -m pip --version >/dev/null 2>&1; then
    [ -x "$MILLRACE_DEPS/venv/bin/python" ] || python3 -m venv "$MILLRACE_DEPS/venv"
    python=$MILLRACE_DEPS/venv/bin/python
  fi
  # Only downloaded: nothing of it is run or unpacked before its hash is known.
  "$python" -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --only-binary=:all: \
    --platform manylinux_2_28_x86_64 --implementation cp --python-version 3.11 --abi cp311 \
    --dest "$work" "$name" || fetch_failed pip "$name" "$work"
  verify_file "$sha" "$work/$file" "$work"
  python3 -m zipfile -e "$work/$file" "$work/wheel"
  mv "$work/wheel/pyarrow/include" "$work/include"
  local library
  for library in arrow arrow_compute arrow_acero arrow_dataset arrow_flight arrow_s3 arrow_substrait parquet; do
    mv "$work/wheel/pyarrow/lib$library".so.[0-9]* "$work/lib/"
  done
  for library in "$work"/lib/libparquet.so.* "$work"/lib/libarrow_compute.so.*; do
    mv "$library" "$library.whole"
    python3 "$ROOT/tools/hide_exports.py" "$library.whole" "$library"
    rm "$library.whole"
  done
  rm -rf "$work/wheel" "${work:?}/$file"
  printf '%s\n' "$key" >"$work/.stamp"
  rm -rf "$prefix"
  mv "$work" "$prefix"
}

# The tests in Python get an environment of their own; only ./dev test needs it.
setup_python_tests() {
  local key venv=$MILLRACE_DEPS/tests-venv
  key="$(setup_key "$ROOT/tools/python_tests.lock") $(python3 -V)"
  if up_to_date "$venv" "$key"; then return 0; fi
  step "making the environment of the Python tests"
  mkdir -p "$MILLRACE_DEPS"
  rm -rf "$venv"
  python3 -m venv "$venv" || die "python3 -m venv does not work; is python3-venv installed?"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --only-binary=:all: -r "$ROOT/tools/python_tests.lock" ||
    fetch_failed pip "what tools/python_tests.lock names" "$venv"
  printf '%s\n' "$key" >"$venv/.stamp"
}

# setup_librdkafka [tsan]: with "tsan" a second library, for ThreadSanitizer. It is instrumented, so that its locks and
# atomics are seen, and makes its threads by pthread: GCC 12's ThreadSanitizer crashes in threads of C11's thrd_create.
setup_librdkafka() {
  local sha name file key flags=-fPIC options=() prefix=$MILLRACE_DEPS/librdkafka
  read -r sha name file <<<"$(lock_lines npm)"
  if [ "${1:-}" = tsan ]; then
    prefix+=-tsan
    flags+=" -g1 -fno-omit-frame-pointer -fsanitize=thread"
    options=(--disable-c11threads)
  fi
  key="$sha 1 $(setup_key "$ROOT"/tools/librdkafka/*.patch)"
  if up_to_date "$prefix" "$key"; then return 0; fi

  has npm || install_packages npm
  has npm || die "npm is needed to fetch $name"
  step "fetching $name for its librdkafka, and building that${1:+ for $1} (about a minute)"
  local work=$prefix.new
  rm -rf "$work"
  mkdir -p "$work/lib" "$work/include/librdkafka"
  (cd "$work" && npm pack --loglevel=error --cache="$work/npm" "$name" >/dev/null) || fetch_failed npm "$name" "$work"
  verify_file "$sha" "$work/$file" "$work"
  tar -xzf "$work/$file" -C "$work" package/deps/librdkafka
  (
    cd "$work/package/deps/librdkafka"
    local change
    for change in "$ROOT"/tools/librdkafka/*.patch; do patch -p1 --batch --fuzz=0 <"$change" || exit; done
    CFLAGS=$flags CXXFLAGS=$flags LDFLAGS=$flags bash ./configure --prefix="$prefix" --no-download --disable-debug-symbols \
      --enable-ssl --enable-zstd --enable-lz4-ext --enable-curl --enable-gssapi "${options[@]}"
    make -s -C src -j"$(nproc)" librdkafka.a
  ) >"$work/build.log" 2>&1 || {
    tail -n 30 "$work/build.log" >&2
    die "librdkafka did not build; the whole log is $work/build.log"
  }
  mv "$work/package/deps/librdkafka/src/librdkafka.a" "$work/lib/"
  mv "$work/package/deps/librdkafka/src/"{rdkafka.h,rdkafka_mock.h} "$work/include/librdkafka/"
  rm -rf "$work/package" "${work:?}/$file" "$work/build.log" "$work/npm"
  printf '%s\n' "$key" >"$work/.stamp"
  rm -rf "$prefix"
  mv "$work" "$prefix"
}
