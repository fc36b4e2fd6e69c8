# usage: ./dev kafka up|down|stop|kill|status|lock [--name NAME] [--port PORT] [--set KEY=VALUE]... [--heap SIZE] [--all]
#
# A real Apache Kafka (KRaft, one node) on a free loopback port, for tests and for trying things.
#   up       start it and print its bootstrap address; the first time it fetches Kafka (44 MB, Maven Central).
#            A broker that was killed or stopped continues with its data and its port.
#   down     stop it and remove its data; --all: every broker started from this repository
#   stop     stop it, keep its data
#   kill     SIGKILL, keep its data
#   status   name, address and process of each broker
#   lock     print the lines for tools/deps.lock after a change of tools/kafka/pom.xml
# NAME is "default" unless given; data and log are in build/kafka/NAME. --set adds a broker property;
# its value may hold @PORT@ and @CONTROLLER_PORT@. --set process.roles=broker makes a node that joins another's controller
# (controller.quorum.bootstrap.servers); tests/fault builds clusters of several brokers that way.
# Java 17 and Maven are installed when they are missing. A broker takes about 250 MB of memory.

KAFKA_LIBRARIES=$MILLRACE_DEPS/kafka

kafka_main() {
  help_if_asked "$ROOT/tools/dev/kafka.sh" "$@"
  local action=${1:-status} name=default port="" heap=512m all=0 settings=()
  [ $# -eq 0 ] || shift
  while [ $# -gt 0 ]; do
    case $1 in
      --name | --port | --set | --heap)
        [ -n "${2:-}" ] || misuse kafka "$1 needs a value"
        case $1 in
          --name) name=$2 ;;
          --port) port=$2 ;;
          --set) settings+=("$2") ;;
          --heap) heap=$2 ;;
        esac
        shift 2
        ;;
      --all) all=1 && shift ;;
      *) misuse kafka "kafka knows no option $1" ;;
    esac
  done
  # It becomes a folder, which `down` removes.
  [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || misuse kafka "'$name' is no name: letters, digits, '.', '_' and '-'"
  local home=$ROOT/build/kafka/$name folder
  case $action in
    up) kafka_up "$home" "$port" "$heap" "${settings[@]}" ;;
    stop) kafka_end "$home" TERM ;;
    kill) kafka_end "$home" KILL ;;
    down)
      if [ $all = 1 ]; then
        for folder in "$ROOT"/build/kafka/*/; do [ ! -d "$folder" ] || kafka_down "${folder%/}"; done
      else
        kafka_down "$home"
      fi
      ;;
    status) kafka_status ;;
    lock) kafka_lock ;;
    *) misuse kafka "kafka knows no action '$action'" ;;
  esac
}

kafka_down() {
  kafka_end "$1" TERM
  rm -rf "$1"
}

# kafka_process HOME: the id of the broker's process; nothing when it does not run.
kafka_process() {
  local id
  id=$(cat "$1/pid" 2>/dev/null) || return 0
  if { tr '\0' ' ' <"/proc/$id/cmdline"; } 2>/dev/null | grep -qF -- "$1/server.properties"; then printf '%s' "$id"; fi
}

kafka_status() {
  local folder id found=0
  for folder in "$ROOT"/build/kafka/*/; do
    [ -f "$folder/bootstrap" ] || continue
    found=1
    id=$(kafka_process "${folder%/}")
    say "$(basename "$folder")  $(cat "$folder/bootstrap")  $([ -n "$id" ] && echo "process $id" || echo "not running")"
  done
  [ $found = 1 ] || say "no broker; start one with ./dev kafka up"
}

# kafka_end HOME SIGNAL: returns when the process is gone.
kafka_end() {
  local id deadline=$((SECONDS + 20))
  id=$(kafka_process "$1")
  [ -n "$id" ] || return 0
  kill -"$2" "$id" 2>/dev/null || true
  while [ -n "$(kafka_process "$1")" ]; do
    if [ $SECONDS -ge $deadline ]; then kill -KILL "$id" 2>/dev/null || true; fi
    sleep 0.05
  done
  rm -f "$1/pid"
}

kafka_up() {
  local home=$1 port=$2 heap=$3
  shift 3
  kafka_libraries
  if [ -n "$(kafka_process "$home")" ]; then
    cat "$home/bootstrap"
    return 0
  fi
  if [ ! -f "$home/server.properties" ]; then
    rm -rf "$home"
    mkdir -p "$home"
    local controller
    controller=$(kafka_free_port)
    [ -n "$port" ] || port=$(kafka_free_port)
    {
      cat "$ROOT/tools/kafka/server.properties.in"
      printf '%s\n' "$@"
    } | sed -e "s|@PORT@|$port|g" -e "s|@CONTROLLER_PORT@|$controller|g" -e "s|@DATA@|$home/data|g" \
      >"$home/server.properties"
    local voters=--standalone
    ! grep -qx 'process.roles=broker' "$home/server.properties" || voters=--no-initial-controllers
    kafka_java kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ "$voters" \
      -c "$home/server.properties" >"$home/format.log" 2>&1 || {
      cat "$home/format.log" >&2
      rm -rf "$home"
      die "Kafka could not format its storage"
    }
    printf '127.0.0.1:%s\n' "$port" >"$home/bootstrap"
    printf '%s\n' "$heap" >"$home/heap"
  fi
  kafka_start "$home" "-Xmx$(cat "$home/heap" 2>/dev/null || echo 512m)"
  cat "$home/bootstrap"
}

# kafka_start HOME [JVM OPTION...]: returns when the broker answers.
kafka_start() {
  local home=$1 id deadline=$((SECONDS + 60))
  shift
  : >"$home/broker.log"
  (
    exec 8>&- 9>&- </dev/null >>"$home/broker.log" 2>&1
    kafka_java_command "$@"
    exec setsid "${KAFKA_COMMAND[@]}" kafka.Kafka "$home/server.properties"
  ) &
  id=$!
  printf '%s\n' "$id" >"$home/pid"
  disown "$id" 2>/dev/null || true
  until grep -q 'Kafka Server started' "$home/broker.log"; do
    if ! kill -0 "$id" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
      tail -n 30 "$home/broker.log" >&2
      kill -KILL "$id" 2>/dev/null || true
      rm -f "$home/pid"
      die "the broker did not start; its log is $home/broker.log"
    fi
    sleep 0.1
  done
}

kafka_free_port() {
  python3 "$ROOT/tools/dev/free_port.py" "$ROOT/build/last-port"
}

# Sets KAFKA_COMMAND to java with classpath and options, and the shared class archive when there is one.
kafka_java_command() {
  local jars=("$KAFKA_LIBRARIES"/*.jar) archive=$KAFKA_LIBRARIES/classes.jsa
  KAFKA_COMMAND=(java -Xms128m -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
    -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off
    -Dlog4j2.configurationFile="$ROOT/tools/kafka/log4j2.properties" "$@")
  [ ! -f "$archive" ] || KAFKA_COMMAND+=(-XX:SharedArchiveFile="$archive")
  KAFKA_COMMAND+=(-cp "$(IFS=: && printf '%s' "${jars[*]}")")
}

kafka_java() {
  kafka_java_command
  "${KAFKA_COMMAND[@]}" "$@"
}

kafka_tools() {
  has java || install_packages "openjdk-17-jre-headless|default-jre-headless"
  has java || die "Java 17 or newer is needed for Kafka"
}

kafka_copy_jars() {
  has mvn || install_packages maven
  has mvn || die "Maven is needed to fetch Kafka"
  # With a repository of its own: in the user's a wrong file would be found again.
  mvn -q -B -Dstyle.color=never -Dmaven.repo.local="$1/repository" -f "$ROOT/tools/kafka/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$1" >&2 || fetch_failed Maven "Apache Kafka" "$1"
  rm -rf "$1/repository"
}

kafka_lock() {
  local work file
  work=$(mktemp -d)
  kafka_copy_jars "$work"
  for file in "$work"/*.jar; do
    printf 'jar %s kafka %s\n' "$(sha256sum "$file" | cut -d' ' -f1)" "$(basename "$file")"
  done
  rm -rf "$work"
}

kafka_libraries() {
  local key
  kafka_tools
  key=$(lock_lines jar | sha256sum | cut -d' ' -f1)
  [ "$(cat "$KAFKA_LIBRARIES/.stamp" 2>/dev/null)" != "$key" ] || return 0
  mkdir -p "$MILLRACE_DEPS"
  exec 9>"$MILLRACE_DEPS/.kafka.lock"
  flock 9
  if [ "$(cat "$KAFKA_LIBRARIES/.stamp" 2>/dev/null)" = "$key" ]; then
    exec 9>&-
    return 0
  fi
  step "fetching Apache Kafka for tests (44 MB)" >&2
  local sha name file expected work=$KAFKA_LIBRARIES.new
  rm -rf "$work"
  kafka_copy_jars "$work"
  expected=$(lock_lines jar | wc -l)
  while read -r sha name file; do
    verify_file "$sha" "$work/$file" "$work"
  done < <(lock_lines jar)
  [ "$(find "$work" -name '*.jar' | wc -l)" = "$expected" ] || {
    rm -rf "$work"
    die "Maven brought jars that tools/deps.lock does not name; compare with ./dev kafka lock"
  }
  rm -rf "$KAFKA_LIBRARIES"
  mv "$work" "$KAFKA_LIBRARIES"
  kafka_archive_classes
  printf '%s\n' "$key" >"$KAFKA_LIBRARIES/.stamp"
  exec 9>&-
}

# Runs a broker once to keep its loaded classes in an archive: later starts take half the time.
kafka_archive_classes() {
  local home=$KAFKA_LIBRARIES/first-run
  rm -rf "$home"
  mkdir -p "$home"
  sed -e "s|@PORT@|$(kafka_free_port)|g" -e "s|@CONTROLLER_PORT@|$(kafka_free_port)|g" -e "s|@DATA@|$home/data|g" \
    "$ROOT/tools/kafka/server.properties.in" >"$home/server.properties"
  kafka_java kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ --standalone -c "$home/server.properties" \
    >"$home/format.log" 2>&1
  kafka_start "$home" -XX:ArchiveClassesAtExit="$KAFKA_LIBRARIES/classes.jsa"
  kafka_end "$home" TERM
  rm -rf "$home"
}
