# shellcheck shell=bash
# Builds Kubernetes, etcd, CoreDNS and the volume provisioner from their Go modules, once for all checkouts.

KUBERNETES_PACKAGES=(k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy,kubectl})
COMPANION_PACKAGES=(go.etcd.io/etcd/server/v3 github.com/coredns/coredns ./provisioner ./testpod)

kubernetes_version() { awk '$2 == "k8s.io/kubernetes" {print $3} $1 == "k8s.io/kubernetes" {print $2}' "$HARNESS/kubernetes/go.mod" | head -1; }

# Without these a Kubernetes program calls itself v0.0.0-master+$Format:%H$, which clients refuse to parse.
kubernetes_linker_flags() {
  local version package minor
  version=$(kubernetes_version)
  minor=${version#v*.}
  minor=${minor%%.*}
  printf -- '-s -w'
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- ' -X %s.gitVersion=%s -X %s.gitMajor=1 -X %s.gitMinor=%s -X %s.gitTreeState=clean' \
      "$package" "$version" "$package" "$package" "$minor" "$package"
  done
}

# built_directory MODULE: where its programs are, or will be. Named by all that decides what comes out.
built_directory() {
  local key
  key=$({ cd "$HARNESS/$1" && cat go.mod go.sum && find . -name '*.go' -print0 | sort -z | xargs -0r cat; uname -m; } | sha256sum | cut -c1-16)
  printf '%s/%s-%s\n' "$CACHE" "$1" "$key"
}

# require_go MODULE
require_go() {
  command -v go >/dev/null 2>&1 || die "Go is needed to build $1: install Go 1.26 or newer (Debian's golang-go is too old) and put it on PATH"
  local version
  version=$(cd "$HARNESS/$1" && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)
  version=${version#go}
  [[ $(printf '%s\n' 1.26 "$version" | sort -V | head -1) == 1.26 ]] || die "Go ${version:-of an unknown version} is too old to build $1; allowed: 1.26 or newer"
}

# build_module MODULE LINKER-FLAGS PACKAGE...
build_module() {
  local module=$1 flags=$2 target lock began log
  shift 2
  target=$(built_directory "$module")
  [[ ! -e $target/complete ]] || return 0
  require_go "$module"
  mkdir -p "$CACHE/locks"
  exec {lock}>"$CACHE/locks/build-$module"
  if ! flock --nonblock "$lock"; then
    say "another checkout builds $module already: waiting for it"
    flock "$lock"
  fi
  if [[ ! -e $target/complete ]]; then
    began=$(date +%s)
    log=$target.log
    rm -rf "$target" "$target.new"
    mkdir -p "$target.new"
    say "building $module (${*##*/}): once, about $([[ $module == companions ]] && echo 3 || echo 8) minutes on two cores; the log: $log"
    (cd "$HARNESS/$module" && CGO_ENABLED=0 GOFLAGS='' exec nice go build -v -buildvcs=false -mod=readonly -trimpath -ldflags "$flags" -o "$target.new/" "$@") \
      </dev/null >"$log" 2>&1 &
    report_build "$module" $! "$log" "$began"
    [[ $(type -t "after_build_of_$module") != function ]] || "after_build_of_$module" "$target.new"
    touch "$target.new/complete"
    mv "$target.new" "$target"
    say "built $module in $(elapsed "$began")"
  fi
  exec {lock}>&-
}

# report_build MODULE PID LOG BEGAN: says every 15 seconds how far the build is, and fails with it.
report_build() {
  local module=$1 pid=$2 log=$3 began=$4 next=$((SECONDS + 15))
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    ((SECONDS >= next)) || continue
    next=$((SECONDS + 15))
    say "building $module: $(grep -vc '^go: ' "$log" || true) packages compiled, now $(tail -n 1 "$log" | cut -c1-70), $(elapsed "$began") so far"
  done
  wait "$pid" && return
  tail -n 20 "$log" >&2
  die "building $module failed after $(elapsed "$began"); the end of the log is above, all of it in $log"
}

# build_programs: what the mode needs; sets KUBERNETES_BIN and COMPANIONS_BIN.
build_programs() {
  build_module kubernetes "$(kubernetes_linker_flags)" "${KUBERNETES_PACKAGES[@]}"
  build_module companions '-s -w' "${COMPANION_PACKAGES[@]}"
  find_programs
}

# shellcheck disable=SC2034 # used by the files beside this one
find_programs() {
  KUBERNETES_BIN=$(built_directory kubernetes)
  COMPANIONS_BIN=$(built_directory companions)
}
