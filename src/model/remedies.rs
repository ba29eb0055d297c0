//! What helps, and what is not known, in the words of the checks of a node's health and of the
//! analysis: by them one knows what the other has said already.

/// Against lost races for a source port.
pub const RANDOM_FULLY: &str = "kube-proxy, flannel and the CNI plugins set it where the kernel \
    (3.14) and iptables (1.6.2) know it: update them; own rules: add --random-fully (iptables) or \
    fully-random (nft)";

/// Against full tables.
pub const LARGER_TABLE: &str = "raise net.netfilter.nf_conntrack_max (and nf_conntrack_buckets \
    with it); shorten nf_conntrack_tcp_timeout_established; find who opens so many: conntrack -L";

/// Told in place of the share of new entries, where the kernel does not count those: `new` is 0 since
/// 4.9 (8e8118f89313), and `insert` has only entries that programs insert.
pub const NO_SHARE: &str = "of how many new entries this kernel does not count";
