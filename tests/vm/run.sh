#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh SUITE SECONDS COMMAND... : runs a command under the kernel of a Debian suite, as root, with
# this machine's files as they are and a layer in memory above them. Passes its output and exit code
# on; 124 when it took longer, 125 with the reason when there can be no such machine. In it, SLUICE_VM
# holds the suite.
#
# VM_SRIOV=1 puts a network card with SR-IOV into the machine (igb, as the driver says), each of whose
# functions has an IOMMU group of its own. Its wire leads to the other network card (virtio_net), so
# that a test sees what leaves, and sends what comes.
#
# KVM is not asked for, as the tests have to run inside virtual machines, too: VM_ACCEL=kvm does.

set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
suite=$1 seconds=$2
shift 2

tests/vm/kernel.sh "$suite" || exit 125
qemu=(qemu-system-x86_64) cards=() card_words=
if [ -n "${VM_SRIOV:-}" ]; then
	command=$(tests/vm/qemu.sh) || exit 125
	mapfile -t qemu <<<"$command"
	# shellcheck disable=SC2054 # commas are QEMU's
	cards=(-device intel-iommu -device "pcie-root-port,id=slot0"
		-netdev hubport,id=card,hubid=0 -device igb,bus=slot0,netdev=card,mac=52:54:00:00:fe:01
		-netdev hubport,id=wire,hubid=0 -device virtio-net-pci,netdev=wire,mac=52:54:00:00:fe:02)
	card_words=intel_iommu=on
fi
place=$(cd "${BUILD:-build}/vm/$suite" && pwd)
work=$(mktemp -d "$place/run.XXXXXX")
machine=
trap '[ -z "$machine" ] || kill "$machine" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# The kernel unpacks one archive after the other.
install -D -m 755 tests/vm/init.sh "$work/files/init"
{
	cat "$place/initramfs"
	(cd "$work/files" && echo init | busybox cpio -o -H newc 2>/dev/null | gzip -1)
} >"$work/initramfs"

# The exit code leaves by a port of the machine's, which ends it with 2 * code + 1.
cat >"$work/run" <<END
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C
export SLUICE_VM=$suite BUILD=${BUILD:-build}
cd $root
stty -F /dev/console -onlcr
$(printf '%q ' "$@") </dev/null
code=\$?
[ \$code -lt 127 ] || code=126
stty -F /dev/console -onlcr # waits until all of it is out
printf "\\\\x\$(printf %x \$code)" | dd of=/dev/port bs=1 seek=244 status=none
echo b >/proc/sysrq-trigger
END

timeout -k 5 "$seconds" "${qemu[@]}" -machine q35 -accel "${VM_ACCEL:-tcg}" -cpu max -smp 2 \
	-m 2G -nodefaults -display none -no-reboot -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=1 \
	-kernel "$place/vmlinuz" -initrd "$work/initramfs" \
	-append "console=ttyS0 quiet panic=-1 oops=panic mitigations=off no5lvl init_on_alloc=0 \
no_timer_check $card_words sluice.modules=$place/modules sluice.run=$work/run" \
	"${cards[@]}" \
	-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
	</dev/null 2>&1 &
machine=$!
wait $machine
code=$?
machine=
case $code in
124 | 137)
	echo "the virtual machine was ended after $seconds s"
	exit 124
	;;
*[02468])
	echo "the virtual machine ended before its command (QEMU: $code)"
	exit 1
	;;
esac
exit $((code / 2))
