#!/bin/bash
# Process 1 of a guest: mounts, loads modules, does /job and tells the host how it went.
#
# To the host lead the second serial port (what the job reports, a line each; signs of life; at
# last the exit status) and the disk (a tar archive of /out).
set -uo pipefail
export PATH=/bin:/guest HOME=/root TERM=${TERM:-dumb}

mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mount -t tmpfs none /run
mount -t tracefs none /sys/kernel/tracing
mount -t debugfs none /sys/kernel/debug
mount -t bpf none /sys/fs/bpf
if grep -qw stallvm.cgroup=v1 /proc/cmdline; then
	mount -t tmpfs none /sys/fs/cgroup
	mkdir /sys/fs/cgroup/memory /sys/fs/cgroup/unified
	mount -t cgroup -o memory none /sys/fs/cgroup/memory
	mount -t cgroup2 none /sys/fs/cgroup/unified
else
	mount -t cgroup2 none /sys/fs/cgroup
fi
for module in virtio_pci virtio_blk veth; do modprobe "$module"; done
ip link set lo up
mkdir -p /out
cd /root

stty -F /dev/ttyS1 raw -echo
exec 3>/dev/ttyS1
echo "up $(uname -r)" >&3

if grep -qw stallvm.shell /proc/cmdline; then
	echo "This is $(uname -r). Files put into /out are brought back; exit ends the guest."
	# A controlling terminal, so that Ctrl-C reaches what runs and not the shell.
	setsid bash -c 'exec bash --norc -i <>/dev/ttyS0 >&0 2>&1'
	status=$?
else
	# Nobody opens the other end: a pause without a process of its own.
	pause=/run/pause
	mknod "$pause" p
	while :; do
		echo alive >&3
		read -r -t 5 <>"$pause"
	done &
	bash /job
	status=$?
fi

[[ -b /dev/vda ]] && tar -C /out -cf /dev/vda . && sync
echo "exit $status" >&3
# It changes nothing, and waits until all is sent.
stty -F /dev/ttyS1 raw
# A reboot at once: qemu is told to end instead.
echo b >/proc/sysrq-trigger
