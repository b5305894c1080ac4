# shellcheck shell=bash
# The Debian packages that the cluster needs, installed when missing.

# Each line: a program that proves the package is there, and the package.
# shellcheck disable=SC2034 # used by lifecycle.sh
CONTROL_PLANE_PACKAGES='
openssl openssl
ss iproute2
flock util-linux
'
# shellcheck disable=SC2034 # used by lifecycle.sh
NODE_PACKAGES='
containerd containerd
ctr containerd
runc runc
/usr/lib/cni/bridge containernetworking-plugins
/usr/lib/cni/host-local containernetworking-plugins
nft nftables
ip iproute2
mount mount
gcc gcc
/usr/include/stdio.h libc6-dev
'

has_program() { command -v "$1" >/dev/null 2>&1 || [[ -x /usr/sbin/$1 || -x /sbin/$1 || -e $1 ]]; }

# install_packages LIST
install_packages() {
  local program package
  local -A missing=()
  while read -r program package; do
    [[ -z $program ]] || has_program "$program" || missing[$package]=1
  done <<<"$1"
  ((${#missing[@]})) || return 0
  local names="${!missing[*]}"
  command -v apt-get >/dev/null 2>&1 || die "these Debian packages are needed, and there is no apt-get to install them: $names"
  [[ $(id -u) == 0 ]] || die "these Debian packages are needed, and only root may install them: sudo apt-get install $names"
  say "installing the Debian packages $names"
  mkdir -p "$CACHE"
  # Debian starts a service that it installs; a second containerd beside ours would only be in the way.
  local log=$CACHE/apt-get.log policy=/usr/sbin/policy-rc.d made_policy=
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=1
  fi
  local failed=
  {
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${!missing[@]}"
  } </dev/null >"$log" 2>&1 || failed=1
  [[ -z $made_policy ]] || rm -f "$policy"
  if [[ -n $failed ]]; then
    tail -n 15 "$log" >&2
    die "apt-get could not install $names; the end of its output is above, all of it in $log"
  fi
}

require_root() {
  [[ $(id -u) == 0 ]] || die "a node needs root (containers, mounts, links, cgroups): run it as root, or start only the control plane with CONTROL_PLANE_ONLY=1"
}
