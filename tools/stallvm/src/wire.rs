//! Two network devices of a guest at the ends of one wire: eth0, which has several queues and RSS,
//! and eth1.
//!
//! Of qemu's ways to the outside only a tap has several queues. Both are in a network namespace of
//! their own, which takes no rights over the host's network and is gone with qemu.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::tool::{Tool, find};

/// Joins the taps and becomes the program in its arguments. Nothing but the guest is to speak.
const SCRIPT: &str = "set -e
v6=/proc/sys/net/ipv6/conf/default/disable_ipv6
[[ ! -e $v6 ]] || echo 1 >$v6
ip link add wire type bridge mcast_snooping 0
ip link set wire up
ip tuntap add tap0 mode tap multi_queue
ip tuntap add tap1 mode tap
for tap in tap0 tap1; do ip link set $tap master wire up; done
exec \"$@\"";

/// The devices, for qemu's command line. Without vhost it is qemu that does RSS. Nothing boots from
/// them: their ROM, which is of another package, is left out.
pub const DEVICES: &[&str] = &[
    "-netdev",
    "tap,id=n0,ifname=tap0,script=no,downscript=no,queues=4,vhost=off",
    "-device",
    "virtio-net-pci,netdev=n0,mq=on,vectors=10,rss=on,hash=on,romfile=,mac=52:54:00:00:00:01",
    "-netdev",
    "tap,id=n1,ifname=tap1,script=no,downscript=no,vhost=off",
    "-device",
    "virtio-net-pci,netdev=n1,romfile=,mac=52:54:00:00:00:02",
];

/// A command that makes the wire and becomes `program`, with the arguments it has so far.
///
/// # Errors
/// There can be no wire here.
pub fn beside(program: &Command) -> Result<Command> {
    // SAFETY: geteuid cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    let alone: &[&str] = if root { &["--net"] } else { &["--net", "--map-root-user"] };
    let words = [alone, &["bash", "-c", SCRIPT, "wire"]].concat();
    Tool::new("unshare")
        .args(&words)
        .args(["true"])
        .bytes()
        .context("--rss takes /dev/net/tun, bridges, and network namespaces of one's own")?;
    let mut command = Command::new(find("unshare")?);
    command.args(words).arg(program.get_program()).args(program.get_args());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ok(command)
}
