#!/usr/bin/env bash
# Builds the images into .images/*.tar (OCI archives), each only when its inputs changed.
#   runtime/images.sh                        base, tairyo-wordpress and tairyo-mariadb
#   runtime/images.sh wordpress|mariadb      one of them
#   runtime/images.sh tairyo PATH_TO_BINARY  the operator's image around a static binary
# BASE=docker.io/library/debian:trixie-slim uses the public base image instead of one made from Debian's packages.
set -euo pipefail

room=$(cd "$(dirname "$0")" && pwd)
output=$(dirname "$room")/.images
cache=${TAIRYO_CACHE:-$HOME/.cache/tairyo}/images
# Debian publishes every day: the week is part of the key, so that images do not stay without its security updates.
epoch=${TAIRYO_IMAGES_EPOCH:-$(date -u +%G-W%V)}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# No daemon, no overlay, no user namespaces: works in a plain container, too.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
storage=(--root "$cache/storage" --runroot "$cache/run")

say() { printf 'images: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

need() {
    local missing=() command
    for command in "$@"; do
        command -v "$command" > /dev/null || missing+=("$command")
    done
    [ "${#missing[@]}" -eq 0 ] && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then
        say "installing ${missing[*]}"
        apt-get update -q > /dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" > /dev/null && return
    fi
    fail "needs ${missing[*]}: on Debian, apt-get install ${missing[*]}"
}

# One hash over names, modes and contents of the given paths, and over the words after --.
content_key() {
    local paths=()
    while [ "$1" != -- ]; do paths+=("$1"); shift; done
    shift
    {
        printf '%s\n' "$@"
        (cd "$room" && find "${paths[@]}" -type f -printf '%p %m\n' | LC_ALL=C sort)
        (cd "$room" && find "${paths[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    } | sha256sum | cut -c1-24
}

timed() {
    local what=$1 started=$SECONDS
    shift
    say "$what ..."
    "$@"
    say "$what: $((SECONDS - started)) s"
}

base_packages=ca-certificates
make_base() {
    need mmdebstrap
    # What trixie-slim leaves out is left out here: manuals, translations, documents but for copyrights.
    # shellcheck disable=SC2016 # the $1 of the hook is mmdebstrap's: the new root
    nice mmdebstrap --quiet --variant=minbase --include="$base_packages" --keyring="$keyring" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' --aptopt='APT::Install-Recommends "false"' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*' \
        trixie "$1.new.tar" \
        'deb http://deb.debian.org/debian trixie main' \
        'deb http://deb.debian.org/debian trixie-updates main' \
        'deb http://deb.debian.org/debian-security trixie-security main'
    mv "$1.new.tar" "$1"
}

# Prints the image reference to build on.
base() {
    if [ -n "${BASE:-}" ]; then
        echo "$BASE"
        return
    fi
    local key archive
    key=$(printf '%s' "$(declare -f make_base) $base_packages $epoch" | sha256sum | cut -c1-24)
    archive=$cache/base-$key.tar
    if [ ! -s "$archive" ]; then
        rm -f "$cache"/base-*.tar
        timed 'base from Debian packages' make_base "$archive" >&2
    fi
    if ! buildah "${storage[@]}" inspect --type image "localhost/tairyo-base:$key" > /dev/null 2>&1; then
        import_base "$archive" "localhost/tairyo-base:$key"
    fi
    echo "localhost/tairyo-base:$key"
}

import_base() {
    local container
    container=$(buildah "${storage[@]}" from scratch)
    buildah "${storage[@]}" add --quiet "$container" "$1" / > /dev/null
    buildah "${storage[@]}" commit --quiet --rm "$container" "$2" > /dev/null
}

# build NAME CONTAINERFILE CONTEXT ARCHIVE [buildah option...]: one image into one OCI archive that carries its name.
build() {
    local name=$1 file=$2 context=$3 archive=$4
    shift 4
    # --squash: vfs copies the whole tree for every layer.
    nice buildah "${storage[@]}" build --quiet --squash --no-cache --force-rm --format oci --tag "localhost/$name:dev" --file "$file" "$@" "$context" > /dev/null
    rm -f "$archive.new"
    buildah "${storage[@]}" push --quiet "localhost/$name:dev" "oci-archive:$archive.new:localhost/$name:dev"
    # The archive is the result; the tree would lie in the store a second time.
    buildah "${storage[@]}" rmi --force "localhost/$name:dev" > /dev/null
    mv "$archive.new" "$archive"
}

# The freshness check of this machine's apt also holds for the builds: who switched it off has a mirror that lags.
apt_options() {
    local value
    eval "$(apt-config shell value Acquire::Check-Valid-Until 2> /dev/null)"
    case ${value:-true} in
        false | no | 0) echo '-o Acquire::Check-Valid-Until=false' ;;
    esac
}

# image FOLDER
image() {
    local name=tairyo-$1 key archive reference
    key=$(content_key "$1" LICENSE -- "$name" "${BASE:-debian}" "$epoch" "$(declare -f make_base build)")
    archive=$cache/$name-$key.tar
    if [ -s "$archive" ]; then
        say "$name: unchanged"
    else
        need buildah
        reference=$(base)
        timed "$name" build "$name" "$room/$1/Containerfile" "$room" "$archive" --build-arg "BASE=$reference" --build-arg "APT_OPTIONS=${APT_OPTIONS-$(apt_options)}"
        find "$cache" -maxdepth 1 -name "$name-*.tar" ! -name "$name-$key.tar" -mmin +720 -delete
    fi
    ln -sfn "$archive" "$output/$name.tar"
    say "$name: $(du -hL "$output/$name.tar" | cut -f1) in $output/$name.tar"
}

operator_image() {
    local binary=$1 key archive context reference
    [ -x "$binary" ] || fail "$binary: not an executable file"
    case $(file -bL "$binary" 2> /dev/null || echo unknown) in
        *'dynamically linked'*) say "warning: $binary is dynamically linked; a scratch image has no libraries for it" ;;
    esac
    key=$({ cat "$binary" "$room/operator/Containerfile"; echo "$epoch"; } | sha256sum | cut -c1-24)
    archive=$cache/tairyo-operator-$key.tar
    if [ -s "$archive" ]; then
        say 'tairyo: unchanged'
    else
        need buildah
        context=$(mktemp -d "$cache/context.XXXXXX")
        cp "$binary" "$context/tairyo"
        reference=$(base)
        timed tairyo build tairyo "$room/operator/Containerfile" "$context" "$archive" --build-arg "BASE=$reference"
        rm -rf "$context"
        find "$cache" -maxdepth 1 -name 'tairyo-operator-*.tar' ! -name "tairyo-operator-$key.tar" -delete
    fi
    ln -sfn "$archive" "$output/tairyo.tar"
    say "tairyo: $(du -hL "$output/tairyo.tar" | cut -f1) in $output/tairyo.tar"
}

mkdir -p "$cache" "$output"
# Two builds at once would share the store.
exec 9> "$cache/lock"
flock 9
case ${1:-all} in
    all) image mariadb && image wordpress ;;
    wordpress | mariadb) image "$1" ;;
    tairyo) [ $# -eq 2 ] || fail 'usage: runtime/images.sh tairyo PATH_TO_BINARY'; operator_image "$2" ;;
    *) fail 'usage: runtime/images.sh [all|wordpress|mariadb|tairyo PATH_TO_BINARY]' ;;
esac
