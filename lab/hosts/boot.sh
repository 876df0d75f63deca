#!/bin/sh
# Runs one host of the lab: boot.sh IMAGE HOST_DIR MACHINE BRIDGE [CGROUP...]
#
# The host's root is an overlay of three layers: its disk (an ext4 file system of its own, so it can
# be full without this machine being full), its identity, and the image that all hosts share. All of
# it is mounted in a mount namespace of the host's own: when the host dies, however it dies, nothing
# stays mounted. CGROUP: directories to enter first; by them the host is found, frozen and killed.
set -eu
image=$1 dir=$2 machine=$3 bridge=$4
shift 4

for cgroup in "$@"; do
  mkdir -p "$cgroup"
  echo 0 > "$cgroup/cgroup.procs"
done

if [ "${HOLDFAST_LAB_PRIVATE:-}" = "" ]; then
  HOLDFAST_LAB_PRIVATE=1 exec unshare --mount --propagation private sh "$0" "$image" "$dir" "$machine" "$bridge"
fi

# A host that was killed a moment ago may still be letting go of its disk.
tries=0
while [ -n "$(losetup --associated "$dir/disk.ext4")" ] && [ $tries -lt 100 ]; do
  tries=$((tries + 1))
  sleep 0.05
done

mount -o loop "$dir/disk.ext4" "$dir/disk"
mkdir -p "$dir/disk/upper" "$dir/disk/work"
mount -t overlay overlay \
  -o "lowerdir=$dir/seed:$image,upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$dir/root"

# systemd-nspawn --keep-unit ends with 133 when the host wants to reboot.
while :; do
  # The cables of its last run may still hang on connections that the kernel has not given up.
  ip link delete "vb-$machine" 2>/dev/null || true
  ip link delete "vp-$machine" 2>/dev/null || true
  status=0
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn \
    --directory="$dir/root" --machine="$machine" --network-bridge="$bridge" \
    --boot --register=no --keep-unit --console=pipe --link-journal=no --resolv-conf=off --timezone=off || status=$?
  [ $status -eq 133 ] || exit $status
done
