# shellcheck shell=bash
# containerd, the kubelet and kube-proxy, and what they leave on the machine.

CONTAINERD_SOCKET=$DIRECTORY/containerd/containerd.sock
PAUSE_IMAGE=localhost/tairyo-pause:1
CGROUP=tairyo-cluster

# A socket's path holds at most 107 bytes, and the longest that is made below the directory has 31.
require_short_directory() {
  ((${#DIRECTORY} <= 70)) || die "the path of the cluster's directory is ${#DIRECTORY} bytes long; allowed: 70, since sockets are made in it: $DIRECTORY"
}

# An overlay cannot lie on an overlay, as in a checkout inside a container.
choose_snapshotter() {
  local probe=$DIRECTORY/probe
  mkdir -p "$probe"/{lower,upper,work,merged}
  SNAPSHOTTER=native
  if mount -t overlay overlay -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
    umount "$probe/merged"
    SNAPSHOTTER=overlayfs
  fi
  rm -rf "$probe"
  printf '%s\n' "$SNAPSHOTTER" >"$DIRECTORY/snapshotter"
}

start_containerd() {
  mkdir -p "$CONFIGURATION/cni" "$DIRECTORY/containerd"
  cat >"$CONFIGURATION/containerd.toml" <<TEXT
version = 2
root = "$DIRECTORY/containerd/root"
state = "$DIRECTORY/containerd/state"
oom_score = 0
[grpc]
  address = "$CONTAINERD_SOCKET"
[plugins."io.containerd.internal.v1.opt"]
  path = "$DIRECTORY/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  # The kubelet asks for a score of -998 for the sandbox. Root without CAP_SYS_RESOURCE may not go below its own score,
  # and runc then dies with: can't get final child's PID from pipe: EOF.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$CONFIGURATION/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$SNAPSHOTTER"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "$DIRECTORY/containerd/runc"
        SystemdCgroup = false
TEXT
  cat >"$CONFIGURATION/cni/10-tairyo.conflist" <<TEXT
{
  "cniVersion": "0.4.0",
  "name": "tairyo",
  "plugins": [{
    "type": "bridge", "bridge": "$BRIDGE", "isGateway": true, "hairpinMode": true,
    "ipam": {
      "type": "host-local", "dataDir": "$DIRECTORY/cni",
      "ranges": [[{"subnet": "$POD_RANGE", "rangeStart": "198.18.1.1", "gateway": "$NODE_ADDRESS"}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }]
}
TEXT
  start_process containerd containerd --config "$CONFIGURATION/containerd.toml" --log-level warn
  wait_for_process containerd 30 images_ctr version
}

images_ctr() { ctr --address "$CONTAINERD_SOCKET" --namespace k8s.io "$@"; }

# All pods run below one control group of ours, so that `down` finds every process of theirs.
cgroup_roots() {
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    printf '/sys/fs/cgroup/\n'
  else
    printf '%s\n' /sys/fs/cgroup/*/
  fi
}

make_cgroups() {
  local root file
  [[ ! -e /sys/fs/cgroup/cgroup.controllers ]] ||
    sed 's/[a-z_]\+/+&/g' /sys/fs/cgroup/cgroup.controllers | tr ' ' '\n' | while read -r file; do
      printf '%s\n' "$file" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
    done
  while read -r root; do
    mkdir -p "$root$CGROUP"
    # The first version of cpuset starts a group with no processor and no memory, where nothing can run.
    for file in cpuset.cpus cpuset.mems; do
      [[ ! -e $root$file || ! -e $root$CGROUP/$file ]] || cat "$root$file" >"$root$CGROUP/$file" 2>/dev/null || true
    done
  done < <(cgroup_roots)
}

cgroup_processes() {
  local root
  while read -r root; do
    [[ ! -d $root$CGROUP ]] || find "$root$CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null
  done < <(cgroup_roots) | sort -un
}

# Kills until none is left: a process may fork between the look and the kill.
cgroups_empty() {
  local pids
  mapfile -t pids < <(cgroup_processes)
  ((${#pids[@]})) || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || true
  return 1
}

remove_cgroups() {
  local root
  wait_until 15 cgroups_empty || say "processes of pods do not end even when killed: $(cgroup_processes | tr '\n' ' ')"
  while read -r root; do
    [[ ! -d $root$CGROUP ]] || find "$root$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done < <(cgroup_roots)
}

start_kubelet() {
  printf 'nameserver %s\n' "$NODE_ADDRESS" >"$CONFIGURATION/resolv.conf"
  cat >"$CONFIGURATION/kubelet.yaml" <<TEXT
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_ADDRESS
healthzPort: 0
tlsCertFile: $CERTIFICATES/kubelet-server.crt
tlsPrivateKeyFile: $CERTIFICATES/kubelet-server.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $CERTIFICATES/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$CONTAINERD_SOCKET
clusterDomain: $CLUSTER_DOMAIN
clusterDNS: [$DNS_ADDRESS]
resolvConf: $CONFIGURATION/resolv.conf
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
podLogsDir: $DIRECTORY/pod-logs
volumePluginDir: $DIRECTORY/kubelet-plugins
makeIPTablesUtilChains: false
oomScoreAdj: 0
maxPods: 200
# A full disk of a developer must not evict the pods of a test, nor delete images that nothing can pull again.
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
imageMinimumGCAge: 1000h
# Short periods and no rate limits: a test waits for each of these.
syncFrequency: 5s
nodeStatusUpdateFrequency: 4s
kubeAPIQPS: 300
kubeAPIBurst: 600
eventRecordQPS: 0
registryPullQPS: 0
serializeImagePulls: false
shutdownGracePeriod: 0s
# A container that fails a few times is otherwise left alone for up to five minutes.
crashLoopBackOff: {maxContainerRestartPeriod: 20s}
TEXT
  [[ -e /var/lib/kubelet ]] || touch "$DIRECTORY/made-var-lib-kubelet"
  [[ -e /var/log/containers ]] || touch "$DIRECTORY/made-var-log-containers"
  start_process kubelet "$KUBERNETES_BIN/kubelet" --config="$CONFIGURATION/kubelet.yaml" --kubeconfig="$CONFIGURATION/kubelet.kubeconfig" \
    --root-dir="$DIRECTORY/kubelet" --hostname-override="$NODE_NAME" --node-ip="$NODE_ADDRESS" \
    --cert-dir="$CERTIFICATES"
}

start_kube_proxy() {
  cat >"$CONFIGURATION/kube-proxy.yaml" <<TEXT
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: $CONFIGURATION/kube-proxy.kubeconfig}
hostnameOverride: $NODE_NAME
clusterCIDR: $POD_RANGE
bindAddress: $NODE_ADDRESS
healthzBindAddress: $NODE_ADDRESS:10256
metricsBindAddress: $NODE_ADDRESS:10249
oomScoreAdj: 0
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
nftables: {minSyncPeriod: 100ms}
TEXT
  start_process kube-proxy "$KUBERNETES_BIN/kube-proxy" --config="$CONFIGURATION/kube-proxy.yaml"
}

node_ready() { [[ $(kubectl get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}') == True ]]; }

# Each running container has a shim, which outlives containerd on purpose.
shim_processes() {
  local process arguments
  for process in /proc/[0-9]*; do
    mapfile -d '' -t arguments 2>/dev/null <"$process/cmdline" || continue
    if [[ ${arguments[0]-} == *containerd-shim* && " ${arguments[*]} " == *" $CONTAINERD_SOCKET "* ]]; then
      printf '%s\n' "${process#/proc/}"
    fi
  done
}

shims_gone() {
  local pids
  mapfile -t pids < <(shim_processes)
  ((${#pids[@]})) || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || true
  return 1
}

mounts_below() {
  local target
  awk -v prefix="$DIRECTORY/" 'index($5, prefix) == 1 {print $5}' /proc/self/mountinfo | tac | sed 's/\\\([0-7]\{3\}\)/\\0\1/g' |
    while read -r target; do printf '%b\n' "$target"; done
}

unmount_all() {
  local target
  while read -r target; do
    umount "$target" 2>/dev/null || umount --lazy "$target" 2>/dev/null || true
  done < <(mounts_below)
  # Removing the files comes next, and through a mount it would remove what is not ours.
  [[ -z $(mounts_below) ]] || die "these mounts could not be undone, so nothing is removed: $(mounts_below | tr '\n' ' ')"
}

# What containerd, the kubelet and the CNI plugins keep at fixed places, whatever their configuration says.
remove_fixed_places() {
  local link socket
  for link in /var/log/containers/*.log; do
    [[ $(readlink "$link" 2>/dev/null) != "$DIRECTORY"/* ]] || rm -f "$link"
  done
  [[ ! -e $DIRECTORY/made-var-log-containers ]] || rmdir /var/log/containers 2>/dev/null || true
  # Each names the network namespace it is about; ours lie below our directory.
  grep -lsF "\"$DIRECTORY/" /var/lib/cni/results/* /var/lib/cni/cache/results/* | xargs -r -d '\n' rm -f || true
  rmdir /var/lib/cni/cache/results /var/lib/cni/cache /var/lib/cni/results /var/lib/cni 2>/dev/null || true
  if [[ -e $DIRECTORY/made-var-lib-kubelet ]]; then
    rm -f /var/lib/kubelet/device-plugins/{kubelet.sock,DEPRECATION,kubelet_internal_checkpoint}
    rmdir /var/lib/kubelet/device-plugins /var/lib/kubelet 2>/dev/null || true
  fi
  # The sockets of killed shims. One that a process still listens on is another containerd's.
  for socket in /run/containerd/s/*; do
    [[ -S $socket ]] || continue
    ss -Hxl | awk -v path="$socket" '$5 == path {found = 1} END {exit !found}' || rm -f "$socket"
  done
  rmdir /run/containerd/s /run/containerd/io.containerd.* /run/containerd 2>/dev/null || true
}

# Of this directory alone: what was started and mounted below it.
remove_containers() {
  wait_until 15 shims_gone || say "shims of containerd do not end even when killed: $(shim_processes | tr '\n' ' ')"
  ! owns_machine || remove_cgroups
  unmount_all
}

# What there is once on a machine, whichever cluster has it.
remove_node() {
  remove_network
  remove_fixed_places
}
