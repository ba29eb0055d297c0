//! Address leases of host-local against the sandboxes that live.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::super::words::{count, percent, permille, plural};
use super::{Check, graded, or_ok};
use crate::host::cni::LeaseDir;

pub const LEASES: Check = Check {
    name: "ipam-leases",
    title: "address leases against living sandboxes",
    run,
    why: "an address whose sandbox is gone is not given out again; when none is left, pods stay \
          in ContainerCreating (\"no IP addresses available in range set\")",
    prove: "ls /var/lib/cni/networks/*; crictl pods -q --no-trunc",
    help: "compare with crictl pods and remove the files of sandboxes that are gone; a runtime \
           that calls DEL on garbage (CNI 1.1 GC) does it itself; a larger pod CIDR",
};

/// The last tenth of a /24 is 25 pods: a deployment.
const WARNING: u64 = 900;
const CRITICAL: u64 = 1_000;

fn run(facts: &Facts) -> Vec<Finding> {
    let networks = match &facts.leases {
        Ok(Some(networks)) => networks,
        Ok(None) => return vec![Finding::new(Severity::Ok, "no leases of host-local here")],
        Err(why) => return vec![Finding::unknown(why)],
    };
    or_ok(networks.iter().flat_map(|network| of_network(facts, network)).collect(), || {
        Finding::new(Severity::Ok, "no leases")
    })
}

fn of_network(facts: &Facts, network: &LeaseDir) -> Vec<Finding> {
    let held = network.leases.len() as u64;
    let v4 = network.leases.iter().filter(|lease| lease.address.is_ipv4()).count() as u64;
    let finding = |severity, value: String| {
        Finding::new(severity, value).on(&network.network).number("leases", held)
    };
    let mut findings = Vec::new();
    match stale(facts, network) {
        Ok(stale) if stale.is_empty() => {}
        Ok(stale) => {
            let of = format!("{} of {}", count(stale.len() as u64), plural(held, "lease"));
            let value = format!("{of} belong to no sandbox that lives, such as {}", stale[0]);
            findings.push(finding(Severity::Notice, value).number("stale", stale.len() as u64));
        }
        Err(why) => findings.push(finding(Severity::Unknown, why)),
    }
    let confs = facts.cni.iter().flatten().flatten().filter_map(|file| file.conf.as_ref().ok());
    let sizes = confs.filter(|conf| conf.network == network.network);
    let size = sizes.filter_map(|conf| u64::try_from(conf.addresses?).ok()).next();
    if let Some((size, share)) = size.and_then(|size| Some((size, permille(v4, size)?))) {
        let severity = graded(share, WARNING, CRITICAL);
        let value =
            format!("{} of {} addresses given out ({})", count(v4), count(size), percent(v4, size));
        if severity != Severity::Ok || findings.is_empty() {
            findings.push(finding(severity, value).number("addresses", size));
        }
    } else if findings.is_empty() {
        findings.push(finding(
            Severity::Ok,
            format!("{}, all of living sandboxes", plural(held, "lease")),
        ));
    }
    if network.cut {
        findings.push(finding(Severity::Unknown, format!("more leases than the {held} looked at")));
    }
    findings
}

/// Addresses whose sandbox has no cgroup.
fn stale(facts: &Facts, network: &LeaseDir) -> Result<Vec<String>, String> {
    let told = network.leases.iter().filter(|lease| !lease.fresh);
    let (mut stale, mut unclear) = (Vec::new(), 0u64);
    if told.clone().next().is_none() {
        return Ok(stale);
    }
    let cgroups = facts.cgroups.as_ref().map_err(Clone::clone)?;
    if cgroups.containers.is_empty() {
        return Err(
            "no container has a cgroup here: whether their sandboxes live is not known".to_owned()
        );
    }
    for lease in told {
        let id = lease.container.as_deref().unwrap_or_default().as_bytes();
        match <&[u8; 64]>::try_from(id) {
            Ok(id) if cgroups.containers.contains(id) => {}
            Ok(_) if !cgroups.cut => stale.push(lease.address.to_string()),
            _ => unclear += 1,
        }
    }
    if stale.is_empty() && unclear > 0 {
        return Err(format!(
            "whether the sandboxes of {} live is not known",
            plural(unclear, "lease")
        ));
    }
    Ok(stale)
}
