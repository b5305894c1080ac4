# shellcheck shell=bash
# etcd, the API server, the controller manager and the scheduler, as processes of the machine.

# choose_ports: the control plane alone takes free ports, so that many can run side by side. In a cluster with a node the
# API server has its usual port on the cluster's own bridge, where nothing else can be.
choose_ports() {
  local ports
  mapfile -t ports < <(free_ports 3)
  ETCD_PORT=${ports[0]}
  ETCD_PEER_PORT=${ports[1]}
  if [[ $MODE == full ]]; then
    API_ADDRESS=$NODE_ADDRESS
    API_PORT=6443
  else
    API_ADDRESS=127.0.0.1
    API_PORT=${ports[2]}
  fi
}

start_etcd() {
  start_process etcd "$COMPANIONS_BIN/server" --name=test --data-dir="$DIRECTORY/etcd" --log-level=warn \
    --listen-client-urls="https://127.0.0.1:$ETCD_PORT" --advertise-client-urls="https://127.0.0.1:$ETCD_PORT" \
    --listen-peer-urls="http://127.0.0.1:$ETCD_PEER_PORT" --initial-advertise-peer-urls="http://127.0.0.1:$ETCD_PEER_PORT" \
    --initial-cluster="test=http://127.0.0.1:$ETCD_PEER_PORT" \
    --cert-file="$CERTIFICATES/etcd.crt" --key-file="$CERTIFICATES/etcd.key" \
    --trusted-ca-file="$CERTIFICATES/ca.crt" --client-cert-auth \
    --unsafe-no-fsync # what is written need not survive the machine
}

# The flags are kept in a file: restart-apiserver starts the very same command.
write_apiserver_command() {
  local arguments=(
    --etcd-servers="https://127.0.0.1:$ETCD_PORT" --etcd-cafile="$CERTIFICATES/ca.crt"
    --etcd-certfile="$CERTIFICATES/etcd-client.crt" --etcd-keyfile="$CERTIFICATES/etcd-client.key"
    --bind-address="$API_ADDRESS" --advertise-address="$API_ADDRESS" --secure-port="$API_PORT"
    --tls-cert-file="$CERTIFICATES/apiserver.crt" --tls-private-key-file="$CERTIFICATES/apiserver.key"
    --client-ca-file="$CERTIFICATES/ca.crt" "--authorization-mode=Node,RBAC" --enable-admission-plugins=NodeRestriction
    --service-account-issuer="https://kubernetes.default.svc.$CLUSTER_DOMAIN"
    --service-account-key-file="$CERTIFICATES/service-account.key" --service-account-signing-key-file="$CERTIFICATES/service-account.key"
    # Without the aggregation layer's authority, every component that authenticates through the API server complains.
    --requestheader-client-ca-file="$CERTIFICATES/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
    --requestheader-extra-headers-prefix=X-Remote-Extra-
    --proxy-client-cert-file="$CERTIFICATES/front-proxy.crt" --proxy-client-key-file="$CERTIFICATES/front-proxy.key"
    --service-cluster-ip-range="$SERVICE_RANGE" --allow-privileged=true --profiling=false
    # Tests open and end connections all the time; waiting for them would make every stop last a minute.
    --shutdown-delay-duration=0s
  )
  if [[ $MODE == full ]]; then
    arguments+=(
      --kubelet-client-certificate="$CERTIFICATES/apiserver-kubelet-client.crt"
      --kubelet-client-key="$CERTIFICATES/apiserver-kubelet-client.key"
      --kubelet-certificate-authority="$CERTIFICATES/ca.crt"
      # By the node's name, exec and logs would ask the machine's DNS for it.
      --kubelet-preferred-address-types=InternalIP
    )
  else
    # A loopback address is no valid endpoint of the service kubernetes, and nothing would use it.
    arguments+=(--endpoint-reconciler-type=none)
  fi
  printf '%s\n' "${arguments[@]}" >"$CONFIGURATION/apiserver.arguments"
}

start_apiserver() {
  local arguments
  mapfile -t arguments <"$CONFIGURATION/apiserver.arguments"
  start_process apiserver "$KUBERNETES_BIN/kube-apiserver" "${arguments[@]}"
}

api_ready() { kubectl get --raw /readyz --request-timeout=2s; }

start_control_plane() {
  start_etcd
  write_apiserver_command
  start_apiserver
  wait_for_process apiserver 60 api_ready
}

start_controllers() {
  # The rates of the clients are meant for clusters of thousands of nodes that share one API server; here they would
  # only make a test that creates much wait.
  local common=(--leader-elect=false --kube-api-qps=300 --kube-api-burst=600 --bind-address="$NODE_ADDRESS" --profiling=false)
  start_process controller-manager "$KUBERNETES_BIN/kube-controller-manager" "${common[@]}" \
    --kubeconfig="$CONFIGURATION/controller-manager.kubeconfig" \
    --authentication-kubeconfig="$CONFIGURATION/controller-manager.kubeconfig" \
    --authorization-kubeconfig="$CONFIGURATION/controller-manager.kubeconfig" \
    --tls-cert-file="$CERTIFICATES/controller-manager-server.crt" --tls-private-key-file="$CERTIFICATES/controller-manager-server.key" \
    --use-service-account-credentials --service-account-private-key-file="$CERTIFICATES/service-account.key" \
    --root-ca-file="$CERTIFICATES/ca.crt" --cluster-signing-cert-file="$CERTIFICATES/ca.crt" --cluster-signing-key-file="$CERTIFICATES/ca.key" \
    --pvclaimbinder-sync-period=1s
  start_process scheduler "$KUBERNETES_BIN/kube-scheduler" "${common[@]}" \
    --kubeconfig="$CONFIGURATION/scheduler.kubeconfig" \
    --authentication-kubeconfig="$CONFIGURATION/scheduler.kubeconfig" \
    --authorization-kubeconfig="$CONFIGURATION/scheduler.kubeconfig" \
    --tls-cert-file="$CERTIFICATES/scheduler-server.crt" --tls-private-key-file="$CERTIFICATES/scheduler-server.key"
}
