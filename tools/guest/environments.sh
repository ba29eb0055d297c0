#!/bin/bash
# Kernels and rights that keep stallprof from measuring all or anything: it starts, measures what it
# can, says what it cannot and why, and doctor agrees.
set -euo pipefail
cd /tmp

failed=0
# expect WHAT PATTERN FILE
expect() {
	grep -qE "$2" "$3" && return
	echo "$1: no line like '$2' in:" >&2
	cat "$3" >&2
	failed=1
}

# measures WHAT REASON: something is measured, and what is not has this reason.
measures() {
	stallprof doctor >doctor.txt
	expect "$1" "not by tp_btf.*$2" doctor.txt
	expect "$1" '^  ok  sampler +perf ' doctor.txt
	stallprof record -d 1s --force -o r.stall >record.txt 2>record.err
	expect "$1" "not measured: softirq.*$2" record.err
	stallprof report r.stall >report.txt
	expect "$1" '^Not measured' report.txt
	echo "$1: as it should be" >&2
}

mount -t tmpfs none /sys/kernel/btf
measures 'no BTF' 'this kernel has no BTF'
umount /sys/kernel/btf

# Without tracefs only the rung that goes by its names is lost.
umount /sys/kernel/tracing /sys/kernel/debug
stallprof record -d 1s --force -o r.stall --method softirq=raw_tp >record.txt 2>record.err
stallprof record -d 1s --force -o r.stall --method softirq=tracepoint >record.txt 2>record.err
expect 'no tracefs' 'not measured: softirq' record.err
mount -t tracefs none /sys/kernel/tracing

# There is no way back from this one.
mount -t securityfs none /sys/kernel/security
echo confidentiality >/sys/kernel/security/lockdown
measures 'lockdown' 'kernel lockdown keeps BPF from reading kernel memory'
exit "$failed"
