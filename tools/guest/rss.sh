#!/bin/bash
# Where a device with real RSS puts packets, against what stallprof predicts, and whether
# `stallprof ping --spread` reaches each of its queues. Takes `--rss --cpus 4`: eth0 has four queues,
# eth1 is the other end of its wire.
#
#   rss [FLOWS]     1,200 flows of TCP, UDP and ICMP unless told otherwise
#
# /with/rxpath is the test of that name: frames of made-up flows go out of eth1, and packet sockets
# tell queue and CPU of each at eth0. The driver counts its queues, too, where ethtool shows it.
# Leaves in /out what each step said.
set -euo pipefail
flows=${1:-1200}
queues=4
failed=0

wrong() { # WHAT
	echo "WRONG: $1" >&2
	failed=1
}

# Packets of each queue so far, "QUEUE PACKETS" a line; nothing where the driver does not say. The
# names changed with d86769b9d23e ("virtio_net: support device stats", 6.10).
counted() {
	"$@" ethtool -S eth0 | sed -nE 's/^ *rx(_queue_)?([0-9]+)_packets: *([0-9]+)$/\2 \3/p'
}

# same WHAT EXPECTED BEFORE AFTER: files of such lines. A few more packets may have come: nobody
# keeps ARP from asking.
same() {
	if [[ ! -s $4 ]]; then
		echo "$1: the driver of $(uname -r) does not tell packets by queue" >&2
		return
	fi
	local queue packets before after
	while read -r queue packets; do
		before=$(awk -v q="$queue" '$1 == q { print $2 }' "$3")
		after=$(awk -v q="$queue" '$1 == q { print $2 }' "$4")
		echo "$1: queue $queue: $packets expected, the driver counted $((after - before))" >&2
		((after - before >= packets && after - before <= packets + 5)) || wrong "$1, queue $queue"
	done <"$2"
}

# frames WHAT COUNT: the test, and the driver's counters beside it.
frames() {
	local name=/out/${1// /-}
	counted >"$name.before"
	if ! STALLPROF_RX_DEVICE=eth0 STALLPROF_RX_PEER=eth1 STALLPROF_RX_FLOWS=$2 /with/rxpath \
		--ignored --exact live::on_the_wire --nocapture >"$name.txt" 2>&1; then
		cat "$name.txt" >&2
		wrong "$1"
	fi
	grep '^eth0:' "$name.txt" | sed "s/^/$1: /" >&2
	counted >"$name.after"
	sed -nE 's/^eth0: received by queue: \{(.*)\}$/\1/p' "$name.txt" | tr ',' '\n' | tr -d ' ' |
		tr ':' ' ' >"$name.queues"
	same "$1" "$name.queues" "$name.before" "$name.after"
}

steer() { # MASK: of RPS, on every queue
	for queue in /sys/class/net/eth0/queues/rx-*; do echo "$1" >"$queue/rps_cpus"; done
}

modprobe virtio_net
for device in eth0 eth1; do
	echo 1 >"/proc/sys/net/ipv6/conf/$device/disable_ipv6"
	ip link set "$device" up
done
# As many queues as CPUs, without having been told so: before 6.12 RSS does not survive that.
if [[ $(find /sys/class/net/eth0/queues -name 'rx-*' | wc -l) != "$queues" ]]; then
	echo "eth0 has not $queues queues: give --cpus $queues" >&2
	exit 1
fi
ethtool -K eth0 rxhash on
ethtool -x eth0 >/out/ethtool-x.txt
stallprof rxpath show --dev eth0 | tee /out/show.txt >&2

frames 'as it is' "$flows"
steer 2
frames 'RPS to CPU 1' $((flows / 3))
steer 3
frames 'RPS to two CPUs' $((flows / 3))
steer 0
ethtool -X eth0 weight 1 2 3 4 >&2
ethtool -N eth0 rx-flow-hash udp4 sd >&2
frames 'another table and fields' $((flows / 3))
ethtool -X eth0 equal "$queues"
ethtool -N eth0 rx-flow-hash udp4 sdfn

# The same device as a host that is probed by another. Nobody listens there: a refusal is an answer.
for host in target prober; do ip netns add "$host"; done
ip link set eth0 netns target
ip link set eth1 netns prober
ip -n target addr add 10.9.0.2/24 dev eth0
ip -n prober addr add 10.9.0.1/24 dev eth1
ip -n target link set eth0 up
ip -n prober link set eth1 up
ip netns exec prober ping -q -c 3 -i 0.3 10.9.0.2 >/dev/null
ip netns exec target stallprof rxpath show --format json >/out/table.json
for proto in tcp udp; do
	name=/out/spread-$proto
	counted ip netns exec target >"$name.before"
	ip netns exec prober stallprof ping 10.9.0.2 "--$proto" 7 --spread --table /out/table.json -c 400 \
		-w 1s -o "$name.log" >"$name.txt" || wrong "ping --$proto was not answered"
	counted ip netns exec target >"$name.after"
	cat "$name.txt" >&2
	# One whose port was still in use was not sent.
	grep -v not_sent "$name.log" | grep -oE '"queue":[0-9]+' | cut -d: -f2 | sort -n | uniq -c |
		awk '{ print $2, $1 }' >"$name.queues"
	[[ $(wc -l <"$name.queues") == "$queues" ]] || wrong "ping --$proto does not reach every queue"
	same "ping --spread --$proto" "$name.queues" "$name.before" "$name.after"
done
((failed)) || echo 'all as predicted' >&2
exit "$failed"
