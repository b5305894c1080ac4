#!/usr/bin/env bash
# Builds Argo CD from its Go module, once for all checkouts, and prints where it is: the program `cmd`, which is all of
# Argo CD's programs by the name ARGOCD_BINARY_NAME, its manifests and the wrappers of git that it calls.
set -Eeuo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# The build of the cluster's own programs is used as it is; it finds the module below this folder.
# shellcheck disable=SC2034 # used by the files that are read below
{
  HARNESS=$(dirname "$here")
  CHECKOUT=$(dirname "$HARNESS")
}
# shellcheck source=../cluster/lib/common.sh
. "$here/../cluster/lib/common.sh"
# shellcheck source=../cluster/lib/build.sh
. "$here/../cluster/lib/build.sh"

MODULE=github.com/argoproj/argo-cd/v3
version=$(awk -v module="$MODULE" '$1 == module {print $2} $2 == module {print $3}' "$here/go.mod" | head -1)

# The module's cache may be emptied; what runs beside the program is kept with it.
# shellcheck disable=SC2317 # called by build_module
after_build_of_argocd() {
  local source
  source=$(cd "$here" && go list -mod=readonly -m -f '{{.Dir}}' "$MODULE")
  install -d "$1/manifests" "$1/bin"
  cp "$source"/manifests/crds/{application,appproject}-crd.yaml "$source"/manifests/base/config/argocd-{cm,cmd-params-cm,rbac-cm,secret}.yaml "$1/manifests/"
  # Files of a module have no run bit, and without these Argo CD only says "permission denied".
  install -m 755 "$source"/hack/{git-verify-wrapper,gpg-wrapper}.sh "$1/bin/"
  chmod -R u+w "$1/manifests"
}

build_module argocd "-s -w -X $MODULE/common.version=${version#v}" "$MODULE/cmd"
built_directory argocd
