#!/bin/bash
# The incident that stallprof was made for, as it was: thousands of removed memory cgroups whose
# pages keep them dying; other CPUs keep their statistics dirty; an agent, bound to the last CPU,
# reads the parent's memory.stat every quarter of a second; and ICMP between two hosts, which RPS
# steers to that CPU, waits.
#
# Leaves in /out: incident.stall, ping.txt (a line per echo, with the time it came back), truth
# (what the agent did) and verdict.txt.
set -euo pipefail
dying=${1:-5000}
seconds=${2:-12}
cpu=$(($(nproc) - 1))

cleanup() { kill $(jobs -p) 2>/dev/null || true; }
trap cleanup EXIT

# Two hosts, joined by a cable; the last CPU serves what arrives at the second.
for host in client server; do
	ip netns add "$host"
	ip -n "$host" link set lo up
done
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
for host in client server; do ip -n "$host" link set eth0 up; done
printf '%x' $((1 << cpu)) |
	ip netns exec server tee /sys/class/net/eth0/queues/rx-0/rps_cpus >/dev/null

echo "making $dying dying memory cgroups" >&2
stallgen memcg --cpu "$cpu" --no-victims --dying "$dying" --every 250ms \
	--count 1000 --truth /out/truth >/dev/null &
agent=$!
# The agent has its name from when they are made.
until ps -eLo comm= | grep -q '^sg-memcg'; do
	sleep 0.2
	kill -0 "$agent" 2>/dev/null || { echo "stallgen ended early" >&2; exit 1; }
done

ip netns exec client ping -D -n -i 0.01 10.0.0.2 >/out/ping.txt &
sleep 1
COLUMNS=100 stallprof record -C "$cpu" -d "$seconds" -o /out/incident.stall | tee /out/verdict.txt
# Both end in order: with a summary, and with the truth so far.
kill -INT %2
kill -TERM "$agent"
wait || true
