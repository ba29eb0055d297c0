#!/bin/bash
# The scenarios of the kernel matrix, one after the other: suite SCENARIO@METHOD...
#
# SCENARIO is a kind of stallgen, or "probes": what stallprof itself costs, without stalls. METHOD
# is "default", or what `stallprof record --method` takes, such as all=raw_tp.
# Each tells the host a line: "row" or "probes" and JSON. Everything else is left in /out.
set -uo pipefail

CPU=$(($(nproc) - 1))
COUNT=${COUNT:-12}
LENGTH=${LENGTH:-60ms}
EVERY=${EVERY:-250ms}
DYING=${DYING:-6000}

# A packet costs these CPUs much more than real ones: fewer of them, and no long backlog of them
# after a burst, which would be a stall of its own.
PPS=${PPS:-1000}
echo 300 >/proc/sys/net/core/netdev_max_backlog

record() { # OPTIONS...; with the methods asked for
	local forced=()
	[[ $method == default ]] || forced=(--method "$method")
	stallprof record --force -o r.stall "${forced[@]}" "$@" >record.out 2>record.err
}

# The BPF programs with their verified instructions, and the methods in use.
probes() {
	stallprof doctor -v >doctor.txt 2>&1
	record -d 5s &
	# The recording begins when all programs are attached.
	until [[ -s r.stall ]] || ! kill -0 "$!" 2>/dev/null; do sleep 0.2; done
	bpfprogs >programs.json
	wait "$!" || { echo "record failed: $(tail -1 record.err)" >&2; return 1; }
	stallprof report r.stall --format json >findings.json
	echo "probes $(<programs.json)" >&3
}

# One kind of stall. stallgen's exit status is not passed on by record: it goes through a file.
stalls() {
	local count=$COUNT
	# Enough to see that a rung works.
	[[ $method == default ]] || count=$((COUNT / 2))
	local options=(--cpu "$CPU" --count "$count" --pps "$PPS")
	case $kind in
	memcg) options+=(--every 500ms --dying "$DYING") ;;
	*) options+=(--every "$EVERY" --length "$LENGTH") ;;
	esac
	record -C "$CPU" -- bash -c 'stallgen "$@" 2>stallgen.err; echo $? >stallgen.status' \
		stallgen "$kind" "${options[@]}" --truth truth ||
		echo "record ended with $?: $(tail -1 record.err)" >&2
	stallprof report r.stall --format json >findings.json
	local row
	row=$(stallscore --scenario "$kind" --method "$method" --truth truth --findings findings.json \
		--status "$(<stallgen.status)" --log stallgen.err)
	echo "row $row" >&3
}

for scenario in "$@"; do
	kind=${scenario%%@*} method=${scenario#*@}
	echo "begin $scenario" >&3
	mkdir -p "/out/$scenario"
	cd "/out/$scenario" || exit 1
	case $kind in
	probes) probes ;;
	*) stalls ;;
	esac
done
