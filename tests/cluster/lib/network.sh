# shellcheck shell=bash
# The bridge that the node and its pods live on, and the machine's settings that it needs.

BRIDGE=tairyo0
# There is one such bridge and one set of service rules on a machine, so only one cluster with a node can be up on it.
OWNER_FILE=/run/tairyo-cluster

# settings NAME=VALUE: of the kernel, that the node needs or that the kubelet and the API machinery change on their own.
KERNEL_SETTINGS=(net/ipv4/ip_forward=1 net/bridge/bridge-nf-call-iptables=1)
KUBELET_CHANGES=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes)

claim_machine() {
  local owner=
  [[ ! -e $OWNER_FILE ]] || owner=$(<"$OWNER_FILE")
  if [[ -n $owner && $owner != "$DIRECTORY" && -d $owner/pids ]]; then
    die "a cluster with a node is already on this machine, in $owner: use it, or stop it with TAIRYO_CLUSTER_DIR=$owner tests/cluster/cluster down"
  fi
  printf '%s\n' "$DIRECTORY" >"$OWNER_FILE"
}

owns_machine() { [[ -e $OWNER_FILE && $(<"$OWNER_FILE") == "$DIRECTORY" ]]; }

save_kernel_settings() {
  local name
  for name in "${KERNEL_SETTINGS[@]%%=*}" "${KUBELET_CHANGES[@]}"; do
    [[ ! -r /proc/sys/$name ]] || printf '%s %s\n' "$name" "$(<"/proc/sys/$name")"
  done >"$DIRECTORY/kernel-settings"
}

restore_kernel_settings() {
  local name value
  [[ -e $DIRECTORY/kernel-settings ]] || return 0
  while read -r name value; do
    [[ $(<"/proc/sys/$name") == "$value" ]] || printf '%s\n' "$value" >"/proc/sys/$name" 2>/dev/null || say "could not set $name back to $value"
  done <"$DIRECTORY/kernel-settings"
}

make_network() {
  local setting
  # Without it, the answer of a pod to another pod that came through a service skips the way back through the service.
  [[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]] || modprobe br_netfilter 2>/dev/null ||
    die "the kernel's module br_netfilter is needed for services between pods, and could not be loaded"
  save_kernel_settings
  for setting in "${KERNEL_SETTINGS[@]}"; do
    printf '%s\n' "${setting#*=}" >"/proc/sys/${setting%%=*}"
  done
  ip link add name "$BRIDGE" type bridge
  ip address add "$NODE_ADDRESS/${POD_RANGE#*/}" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  # kube-proxy turns a service's address into a pod's. Where it has no such service, this route keeps the packet on the
  # bridge, where nobody answers; without it the packet would leave the machine by the default route.
  ip route add "$SERVICE_RANGE" dev "$BRIDGE" src "$NODE_ADDRESS"
  # What a test needs is on this machine. A pod that tries to reach anything else is told so at once, rather than
  # left waiting, or let out where the machine happens to have a network.
  nft -f - <<TEXT
table inet tairyo {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "$BRIDGE" oifname != "$BRIDGE" reject with icmpx type admin-prohibited
    oifname "$BRIDGE" iifname != "$BRIDGE" drop
  }
}
TEXT
}

remove_network() {
  local table
  for table in 'inet tairyo' 'ip kube-proxy' 'ip6 kube-proxy'; do
    # shellcheck disable=SC2086 # a family and a name
    nft delete table $table 2>/dev/null || true
  done
  # The pods' ends of the links go with their network namespaces; a link whose namespace was lost is still on the bridge.
  local link
  for link in $(ip -oneline link show master "$BRIDGE" 2>/dev/null | awk -F': ' '{sub(/@.*/, "", $2); print $2}' || true); do
    ip link delete "$link" 2>/dev/null || true
  done
  ip link delete "$BRIDGE" 2>/dev/null || true
  restore_kernel_settings
}
