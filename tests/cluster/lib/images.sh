# shellcheck shell=bash
# Images: the pause image that holds a pod's namespaces, and loading archives into containerd.

# scratch_image NAME ROOT ENTRYPOINT FILE: an image archive with the files below ROOT and nothing else.
scratch_image() {
  local name=$1 root=$2 entrypoint=$3 file=$4 work architecture
  case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) die "no image can be made for a $(uname -m) machine; allowed: x86_64, aarch64" ;;
  esac
  work=$(mktemp -d "$CACHE/image.XXXXXX")
  tar --create --file "$work/layer.tar" --owner=0 --group=0 --numeric-owner --mtime=@0 --sort=name --directory "$root" .
  printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["%s"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$architecture" "$entrypoint" "$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)" >"$work/config.json"
  printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$name" >"$work/manifest.json"
  tar --create --file "$work/image.tar" --directory "$work" manifest.json config.json layer.tar
  mv "$work/image.tar" "$file"
  rm -rf "$work"
}

# pause_image: prints the archive's path, built when it is not in the cache.
pause_image() {
  local source=$HARNESS/images/pause.c archive work
  archive=$CACHE/pause-$({ cat "$source"; uname -m; } | sha256sum | cut -c1-16).tar
  if [[ ! -e $archive ]]; then
    work=$(mktemp -d "$CACHE/pause.XXXXXX")
    gcc -Os -static -o "$work/pause" "$source" || die "gcc could not build $source"
    scratch_image "$PAUSE_IMAGE" "$work" /pause "$archive"
    rm -rf "$work"
  fi
  printf '%s\n' "$archive"
}

# The CRI part of containerd hears of an image a moment after it was imported, and marks it then.
image_known() { [[ -n $(images_ctr images list -q "name==$1,labels.\"io.cri-containerd.image\"==managed") ]]; }

name_file() { printf '%s/loaded/names/%s\n' "$DIRECTORY" "${1//\//%}"; }

# An archive was loaded when each of its names still stands for it: a later archive may have taken a name over.
archive_loaded() {
  local hash=$1 name
  [[ -s $DIRECTORY/loaded/$hash ]] || return 1
  while read -r name; do
    [[ $(cat "$(name_file "$name")" 2>/dev/null) == "$hash" ]] || return 1
  done <"$DIRECTORY/loaded/$hash"
}

load_archive() {
  local file=$1 hash names name began
  began=$(date +%s)
  hash=$(sha256sum <"$file" | cut -d' ' -f1)
  if archive_loaded "$hash"; then
    say "$file is loaded already"
    return
  fi
  mkdir -p "$DIRECTORY/loaded/names"
  if ! images_ctr images import --snapshotter "$(<"$DIRECTORY/snapshotter")" "$file" >"$LOGS/import.log" 2>&1; then
    tail -n 5 "$LOGS/import.log" >&2
    die "$file could not be imported; allowed: an OCI or Docker image archive"
  fi
  mapfile -t names < <(sed -n 's/^unpacking \([^ ]*\) (.*/\1/p' "$LOGS/import.log" | sort -u)
  ((${#names[@]})) || die "$file holds no named image; its reference must be a full name such as localhost/tairyo:dev"
  for name in "${names[@]}"; do
    wait_until 20 image_known "$name" || die "containerd imported $name from $file but does not offer it to the kubelet"
    printf '%s\n' "$hash" >"$(name_file "$name")"
  done
  printf '%s\n' "${names[@]}" >"$DIRECTORY/loaded/$hash"
  say "loaded ${names[*]} in $(elapsed "$began")"
}
