# shellcheck shell=bash
# The certificate authorities of the cluster, a certificate for each program, and their kubeconfig files.

# certificate NAME SUBJECT USAGE [SUBJECT-ALTERNATIVE-NAMES [AUTHORITY]]
certificate() {
  local name=$1 subject=$2 usage=$3 names=${4-} authority=$CERTIFICATES/${5-ca}
  openssl ecparam -name prime256v1 -genkey -noout -out "$CERTIFICATES/$name.key" 2>/dev/null
  openssl req -new -key "$CERTIFICATES/$name.key" -subj "$subject" -out "$CERTIFICATES/$name.csr"
  {
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$usage"
    [[ -z $names ]] || printf 'subjectAltName=%s\n' "$names"
  } >"$CERTIFICATES/$name.extensions"
  openssl x509 -req -in "$CERTIFICATES/$name.csr" -CA "$authority.crt" -CAkey "$authority.key" -days 3650 \
    -set_serial "0x$(openssl rand -hex 16)" -extfile "$CERTIFICATES/$name.extensions" -out "$CERTIFICATES/$name.crt" 2>/dev/null
  rm "$CERTIFICATES/$name.csr" "$CERTIFICATES/$name.extensions"
}

# kubeconfig NAME FILE: for the client certificate of that name, with all of it in the one file.
kubeconfig() {
  cat >"$2" <<TEXT
apiVersion: v1
kind: Config
current-context: tairyo
contexts: [{name: tairyo, context: {cluster: tairyo, user: $1}}]
clusters:
- name: tairyo
  cluster:
    server: https://$API_ADDRESS:$API_PORT
    certificate-authority-data: $(base64 -w0 <"$CERTIFICATES/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w0 <"$CERTIFICATES/$1.crt")
    client-key-data: $(base64 -w0 <"$CERTIFICATES/$1.key")
TEXT
}

# certificate_authority NAME
certificate_authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$CERTIFICATES/$1.key"
  openssl req -x509 -new -key "$CERTIFICATES/$1.key" -subj "/CN=tairyo-test-cluster-$1" -days 3650 -out "$CERTIFICATES/$1.crt" \
    -addext keyUsage=critical,digitalSignature,keyCertSign,cRLSign
}

make_control_plane_certificates() {
  (umask 077 && mkdir -p "$CERTIFICATES")
  certificate_authority ca
  # Who holds one of this authority's may speak for any user, so the clients' authority must not be it.
  certificate_authority front-proxy-ca
  certificate front-proxy /CN=front-proxy clientAuth '' front-proxy-ca
  certificate etcd /CN=etcd serverAuth IP:127.0.0.1
  certificate etcd-client /CN=kube-apiserver clientAuth
  certificate apiserver /CN=kube-apiserver serverAuth \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.$CLUSTER_DOMAIN,IP:127.0.0.1,IP:$NODE_ADDRESS,IP:${SERVICE_RANGE%.*}.1"
  certificate admin /O=system:masters/CN=admin clientAuth
  openssl ecparam -name prime256v1 -genkey -noout -out "$CERTIFICATES/service-account.key"
  (umask 077 && kubeconfig admin "$KUBECONFIG_FILE")
}

make_node_certificates() {
  local name
  certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
  certificate kubelet-server "/O=system:nodes/CN=system:node:$NODE_NAME" serverAuth "DNS:$NODE_NAME,IP:$NODE_ADDRESS"
  certificate kubelet "/O=system:nodes/CN=system:node:$NODE_NAME" clientAuth
  certificate controller-manager /CN=system:kube-controller-manager clientAuth
  certificate controller-manager-server /CN=kube-controller-manager serverAuth "IP:$NODE_ADDRESS"
  certificate scheduler /CN=system:kube-scheduler clientAuth
  certificate scheduler-server /CN=kube-scheduler serverAuth "IP:$NODE_ADDRESS"
  certificate kube-proxy /CN=system:kube-proxy clientAuth
  certificate coredns /CN=cluster:coredns clientAuth
  certificate provisioner /CN=cluster:provisioner clientAuth
  for name in kubelet controller-manager scheduler kube-proxy coredns provisioner; do
    kubeconfig "$name" "$CONFIGURATION/$name.kubeconfig"
  done
}
