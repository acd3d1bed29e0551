#!/usr/bin/env bash
# Installs from Debian what the tests compare with, the etcd server and etcdctl, a C compiler for the
# library that makes disks fail, and jq for the commands of the guides. Silent when all are there. It
# never leaves an etcd service running: the tests start their own, on ports of their own.
set -euo pipefail

missing=
for program in etcd etcdctl cc jq; do
  command -v "$program" >/dev/null || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "setup-test-machine: no apt-get here; install$missing by hand." >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup-test-machine: neither root nor sudo; install$missing by hand." >&2
    exit 1
  fi
  as_root=(sudo -n)
fi

# Debian starts the services of a package that it installs unless this file says no (101).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

"${as_root[@]}" apt-get update -qq </dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends etcd-client etcd-server gcc libc6-dev jq </dev/null
etcd --version | sed -n 1p
etcdctl version | sed -n 1p
