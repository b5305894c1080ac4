# shellcheck shell=bash
# Cluster DNS and volumes: their objects in the cluster, and their processes on the machine.

apply_addons() {
  local file
  for file in "$HARNESS"/addons/*.yaml; do
    sed -e "s/@NODE_ADDRESS@/$NODE_ADDRESS/g" -e "s/@DNS_ADDRESS@/$DNS_ADDRESS/g" "$file"
    printf '\n---\n'
  done | kubectl apply --server-side --filename - >"$LOGS/addons.log" 2>&1 || {
    tail -n 10 "$LOGS/addons.log" >&2
    die "the objects of DNS and storage could not be applied"
  }
}

start_coredns() {
  cat >"$CONFIGURATION/Corefile" <<TEXT
$CLUSTER_DOMAIN:53 in-addr.arpa:53 {
  bind $NODE_ADDRESS
  errors
  ready $NODE_ADDRESS:8181
  prometheus $NODE_ADDRESS:9153
  kubernetes $CLUSTER_DOMAIN in-addr.arpa {
    kubeconfig $CONFIGURATION/coredns.kubeconfig tairyo
    pods verified
    ttl 1
  }
}
# The endpoint of an emulated Aurora cluster leads to the Service that has its first label: see tests/emulator.
rds.amazonaws.com:53 {
  bind $NODE_ADDRESS
  errors
  template IN A {
    match "^(?P<cluster>[^.]+)[.].+[.]rds[.]amazonaws[.]com[.]\$"
    answer "{{ .Name }} 1 IN CNAME {{ .Group.cluster }}.aws-emulator.svc.$CLUSTER_DOMAIN."
    upstream
  }
  template IN AAAA {
    rcode NOERROR
  }
}
# Pods reach nothing outside of the machine, so no name outside of the cluster is known to them.
.:53 {
  bind $NODE_ADDRESS
  errors
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
TEXT
  start_process coredns "$COMPANIONS_BIN/coredns" -conf "$CONFIGURATION/Corefile"
}

start_provisioner() {
  mkdir -p "$DIRECTORY/volumes"
  start_process provisioner "$COMPANIONS_BIN/provisioner" --kubeconfig "$CONFIGURATION/provisioner.kubeconfig" --root "$DIRECTORY/volumes"
}

coredns_ready() { (exec 3<>"/dev/tcp/$NODE_ADDRESS/8181" && printf 'GET /ready HTTP/1.0\r\n\r\n' >&3 && grep -q ' 200 ' <&3) 2>/dev/null; }
default_account_ready() { kubectl get serviceaccount default --namespace default; }
# Looked for in kube-proxy's rules: a connection tried too early would wait seconds for a neighbour that does not exist.
services_reachable() {
  local rules
  rules=$(nft list map ip kube-proxy service-ips 2>/dev/null) &&
    [[ $rules == *" ${SERVICE_RANGE%.*}.1 . tcp . 443 : goto"* && $rules == *" $DNS_ADDRESS . udp . 53 : goto"* ]]
}
