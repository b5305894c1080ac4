# shellcheck shell=bash
# The commands.

CONTROL_PLANE_PROCESSES=(etcd apiserver)
NODE_PROCESSES=(controller-manager scheduler containerd kubelet kube-proxy coredns provisioner)

# The file that says which kind of cluster the directory holds is written first and removed last. It also tells a
# directory of ours from any other that TAIRYO_CLUSTER_DIR may name by mistake: only with it is anything removed.
MODE_FILE=$DIRECTORY/tairyo-cluster
# Written when all is up: without it, a start was cut off.
COMPLETE_FILE=$DIRECTORY/complete

read_mode() { MODE=$(cat "$MODE_FILE" 2>/dev/null) && [[ $MODE == full || $MODE == control-plane ]]; }

processes_of_mode() {
  printf '%s\n' "${CONTROL_PLANE_PROCESSES[@]}"
  [[ $MODE != full ]] || printf '%s\n' "${NODE_PROCESSES[@]}"
}

all_run() {
  local name
  while read -r name; do
    process_runs "$name" || return 1
  done < <(processes_of_mode)
}

cluster_build() {
  install_packages "$CONTROL_PLANE_PACKAGES$NODE_PACKAGES"
  build_programs
  pause_image >/dev/null
  say "everything is built, in $CACHE"
}

cluster_up() {
  local wanted=full
  case ${CONTROL_PLANE_ONLY-} in
  1) wanted=control-plane ;;
  '' | 0) ;;
  *) die "CONTROL_PLANE_ONLY is '$CONTROL_PLANE_ONLY'; allowed: 1, 0 or unset" ;;
  esac
  take_lock
  if [[ -d $DIRECTORY && ! -e $MODE_FILE && -n $(ls -A "$DIRECTORY") ]]; then
    die "$DIRECTORY holds files but no cluster; name an empty or new directory in TAIRYO_CLUSTER_DIR"
  fi
  if read_mode && [[ -e $COMPLETE_FILE ]] && all_run; then
    [[ $MODE == "$wanted" ]] || die "$DIRECTORY holds a running $MODE cluster, asked for is $wanted: stop it first with tests/cluster/cluster down, or name another directory in TAIRYO_CLUSTER_DIR"
    say "is up already: $KUBECONFIG_FILE"
    return
  fi
  if [[ -e $MODE_FILE ]]; then
    say "an earlier start was cut off, or a process has ended: starting afresh"
    read_mode || MODE=full
    remove_cluster
  fi

  MODE=$wanted
  install_packages "$CONTROL_PLANE_PACKAGES"
  if [[ $MODE == full ]]; then
    require_root
    require_short_directory
    install_packages "$NODE_PACKAGES"
  fi
  build_programs
  local began
  began=$(date +%s)
  [[ $MODE != full ]] || claim_machine
  mkdir -p "$DIRECTORY"
  printf '%s\n' "$MODE" >"$MODE_FILE"
  mkdir -p "$CONFIGURATION" "$PIDS" "$LOGS" "$DIRECTORY/bin"
  ln -s "$KUBERNETES_BIN/kubectl" "$DIRECTORY/bin/kubectl"
  choose_ports
  make_control_plane_certificates
  if [[ $MODE == full ]]; then
    start_node_cluster
  else
    start_control_plane
  fi
  touch "$COMPLETE_FILE"
  say "up in $(elapsed "$began"); KUBECONFIG=$KUBECONFIG_FILE"
}

start_node_cluster() {
  local archive
  archive=$(pause_image)
  remove_network # of a cluster whose directory was removed by hand
  make_network
  make_cgroups
  choose_snapshotter
  start_containerd
  make_node_certificates
  start_control_plane
  start_controllers
  load_archive "$archive" 2>/dev/null
  start_kubelet
  apply_addons
  start_kube_proxy
  start_coredns
  start_provisioner
  wait_for_process coredns 60 coredns_ready
  wait_for_process controller-manager 60 default_account_ready
  wait_for_process kube-proxy 60 services_reachable
  wait_for_process kubelet 120 node_ready
}

# remove_cluster: ends every process and removes everything. What a process would save on a gentle stop is removed right
# after, so all are killed.
remove_cluster() {
  local name
  while read -r name; do
    stop_process "$name" 0
  done < <(processes_of_mode | tac)
  if [[ $MODE == full ]]; then
    remove_containers
    # After a reboot nothing of it is left, and another cluster may have taken the machine since.
    if owns_machine; then
      remove_node
      rm -f "$OWNER_FILE"
    fi
  fi
  rm -rf "$DIRECTORY"
}

cluster_down() {
  take_lock
  [[ -e $MODE_FILE ]] || return 0
  read_mode || MODE=full
  [[ $MODE != full ]] || require_root
  remove_cluster
  say "down in $(elapsed)"
}

cluster_status() {
  local name pid failed=
  if ! read_mode; then
    say "no cluster in $DIRECTORY"
    exit 3
  fi
  while read -r name; do
    if pid=$(process_of "$name"); then
      printf '%-20s running  pid %-8s %s MiB\n' "$name" "$pid" "$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")"
    else
      printf '%-20s not running; log: %s\n' "$name" "$LOGS/$name.log"
      failed=1
    fi
  done < <(processes_of_mode)
  [[ -e $COMPLETE_FILE ]] || failed=1
  if [[ -z $failed ]] && ! api_ready >/dev/null 2>&1; then
    printf 'the API server runs but is not ready\n'
    failed=1
  fi
  [[ -z $failed ]] || exit 3
  printf 'KUBECONFIG=%s\n' "$KUBECONFIG_FILE"
}

require_up() {
  if read_mode && [[ -e $COMPLETE_FILE ]]; then return; fi
  die "no cluster is up in $DIRECTORY: start it with make cluster-up"
}

cluster_restart_apiserver() {
  take_lock
  require_up
  find_programs
  # Asked to end, it waits up to a minute for the watches of its clients, which do not end on their own.
  stop_process apiserver 3
  start_apiserver
  wait_for_process apiserver 60 api_ready
  say "the API server is ready again after $(elapsed)"
}

cluster_load() {
  local file
  for file in "$@"; do
    [[ -f $file && -r $file ]] || die "$file is not a readable file"
  done
  take_lock
  require_up
  [[ $MODE == full ]] || die "$DIRECTORY holds a control plane without a node: there is nothing to load images into"
  for file in "$@"; do
    load_archive "$file"
  done
}
