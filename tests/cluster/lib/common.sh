# shellcheck shell=bash
# What every part shares: where things are, how it speaks, and how processes are started and stopped.

DIRECTORY=$(realpath -m -- "${TAIRYO_CLUSTER_DIR:-$CHECKOUT/.cluster}")
CACHE=${TAIRYO_CACHE:-$HOME/.cache/tairyo}
LOGS=$DIRECTORY/logs
PIDS=$DIRECTORY/pids
KUBECONFIG_FILE=$DIRECTORY/kubeconfig
# shellcheck disable=SC2034 # these two are used by the files beside this one
{
  CERTIFICATES=$DIRECTORY/certificates
  CONFIGURATION=$DIRECTORY/configuration
}

# 198.18.0.0/15 is set aside for tests between machines of one bench (RFC 2544): no office network, VPN or container
# engine of a developer routes it, as they do route pieces of 10/8, 172.16/12 and 192.168/16.
# shellcheck disable=SC2034 # used by the files beside this one
{
  NODE_NAME=node
  NODE_ADDRESS=198.18.0.1
  POD_RANGE=198.18.0.0/16
  SERVICE_RANGE=198.19.0.0/16
  DNS_ADDRESS=198.19.0.10
  CLUSTER_DOMAIN=cluster.local
}

STARTED=$(date +%s)

say() { printf 'cluster: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
elapsed() { printf '%ds' $(($(date +%s) - ${1:-$STARTED})); }

# wait_until SECONDS COMMAND...: true as soon as the command is, false at the deadline.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# One command at a time changes one cluster. The lock is outside of the directory that `down` removes.
# The processes of the cluster must not inherit it: start_process closes it.
take_lock() {
  local name file
  name=$(printf '%s' "$DIRECTORY" | sha256sum | cut -c1-16)
  file=$CACHE/locks/$name
  mkdir -p "$CACHE/locks"
  exec {LOCK}>"$file"
  if ! flock --nonblock "$LOCK"; then
    say "waiting for another command that works on $DIRECTORY"
    flock --timeout 1500 "$LOCK" || die "another command still holds $file after 25 minutes; look for it with: fuser $file"
  fi
}

# A process id alone says nothing after a crash or a reboot, when it may be another program's. The time that the kernel
# started the process at, with the id, names one process for good.
process_start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the program's name in brackets and may hold blanks and brackets; the fields after it are plain.
  stat=${stat##*) }
  # A zombie has ended; only its parent has not looked yet.
  [[ ${stat%% *} != Z ]] || return 1
  cut -d' ' -f20 <<<"$stat"
}

process_matches() { [[ $(process_start_time "$1") == "$2" ]]; }

# process_of NAME: prints the id of the running process that was started under that name.
process_of() {
  local pid start
  read -r pid start 2>/dev/null <"$PIDS/$1" || return 1
  process_matches "$pid" "$start" || return 1
  printf '%s\n' "$pid"
}

process_runs() { process_of "$1" >/dev/null; }

# start_process NAME COMMAND...: in a session of its own, so that Ctrl-C at `up` or the end of the shell does not end it.
# The process writes its own pid file before it becomes the program: were it written by us, a kill between the two
# would leave a process that nothing knows of.
start_process() {
  local name=$1
  shift
  mkdir -p "$PIDS" "$LOGS"
  # shellcheck disable=SC2016 # expanded by the inner shell
  setsid bash -c '
    file=$1; shift
    stat=$(</proc/$$/stat); stat=${stat##*) }; set -f; fields=($stat); set +f
    printf "%s %s\n" $$ "${fields[19]}" >"$file.new" && mv "$file.new" "$file" && exec "$@"
  ' start-process "$PIDS/$name" "$@" </dev/null >>"$LOGS/$name.log" 2>&1 {LOCK}>&- &
  disown
  wait_until 10 test -s "$PIDS/$name" || die "$name did not start; its log: $LOGS/$name.log"
}

process_gone() { ! process_matches "$1" "$2"; }

# stop_process NAME [SECONDS]: asks it to end, waits, then kills it. Quiet when it does not run.
stop_process() {
  local pid start
  if read -r pid start 2>/dev/null <"$PIDS/$1" && process_matches "$pid" "$start"; then
    kill -TERM "$pid" 2>/dev/null || true
    if ! wait_until "${2:-10}" process_gone "$pid" "$start"; then
      kill -KILL "$pid" 2>/dev/null || true
      wait_until 10 process_gone "$pid" "$start" || say "process $pid ($1) does not end even when killed"
    fi
  fi
  rm -f "$PIDS/$1"
}

# wait_for_process NAME SECONDS COMMAND...: waits for the command, but gives up at once when the process has ended.
wait_for_process() {
  local name=$1 seconds=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    if ! process_runs "$name"; then
      tail -n 15 "$LOGS/$name.log" >&2
      die "$name ended; the end of its log is above, all of it in $LOGS/$name.log"
    fi
    if ((SECONDS >= deadline)); then
      tail -n 15 "$LOGS/$name.log" >&2
      die "$name was not ready within ${seconds}s; the end of its log is above, all of it in $LOGS/$name.log"
    fi
    sleep 0.1
  done
}

# free_ports COUNT: ports of the loopback address that nothing listens on, below the range that the kernel hands out to
# clients, so that no outgoing connection takes one before the server does.
free_ports() {
  local wanted=$1 port taken
  local -A chosen=()
  taken=" $(ss -Htan 2>/dev/null | awk '{n = split($4, part, ":"); printf "%s ", part[n]}')"
  while ((${#chosen[@]} < wanted)); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    [[ $taken == *" $port "* ]] || chosen[$port]=1
  done
  printf '%s\n' "${!chosen[@]}"
}

kubectl() { "$DIRECTORY/bin/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }
