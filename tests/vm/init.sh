#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=dash disable=SC2154 # `modules` and `run` come from the command line of the kernel
#
# The first process of the virtual machine. The machine's root is the host's, read-only, below a layer
# in memory: what is written there is gone with it. The kernel's command line names its
# modules (sluice.modules=DIR) and what it runs (sluice.run=FILE).

export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
for module in /modules/*; do
	insmod "$module" || echo "vm: $module does not load"
done
for word in $(cat /proc/cmdline); do
	case $word in
	sluice.*) export "${word#sluice.}" ;;
	esac
done

if ! mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /host ||
	! mount -t tmpfs tmpfs /upper || ! mkdir /upper/files /upper/work ||
	! mount -t overlay -o lowerdir=/host,upperdir=/upper/files,workdir=/upper/work overlay /root; then
	echo "vm: the host's files can not be mounted"
fi
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t bpf bpf /root/sys/fs/bpf
mount -t devtmpfs devtmpfs /root/dev
ln -s /proc/self/fd /root/dev/fd
mkdir -p /root/dev/shm /root/lib/modules
for place in dev/shm run; do
	mount -t tmpfs tmpfs /root/$place
done
mount --bind "/host$modules" /root/lib/modules
exec switch_root /root /bin/bash "$run"
