//! The container network's configuration.

use super::super::facts::Facts;
use super::super::finding::{Finding, Severity};
use super::Check;

pub const CONFIGURATION: Check = Check {
    name: "cni",
    title: "CNI configuration",
    run,
    why: "without a configuration that holds the node is NotReady (NetworkPluginNotReady) and no \
          pod gets an address",
    prove: "ls /etc/cni/net.d; jq . /etc/cni/net.d/*; crictl info | jq .cniconfig",
    help: "start the network's own pod again (it writes the file); remove files that are broken \
           or left over: the first by name that holds is taken",
};

fn run(facts: &Facts) -> Vec<Finding> {
    let files = match &facts.cni {
        Ok(Some(files)) => files,
        Ok(None) if facts.kubelet => {
            let value = "no /etc/cni/net.d, but a kubelet: its runtime may look elsewhere";
            return vec![Finding::unknown(value)];
        }
        Ok(None) => return vec![Finding::new(Severity::Ok, "no container network here")],
        Err(why) => return vec![Finding::unknown(why)],
    };
    let used = files.iter().find_map(|file| Some((file, file.conf.as_ref().ok()?)));
    let mut findings = Vec::new();
    let broken = files.iter().filter_map(|file| Some((file, file.conf.as_ref().err()?)));
    for (file, why) in broken {
        // One behind the first that holds is not looked at.
        let behind = used.is_some_and(|(used, _)| used.name < file.name);
        let severity = match (used, behind) {
            (None, _) => Severity::Critical,
            (Some(_), false) => Severity::Warning,
            (Some(_), true) => Severity::Notice,
        };
        findings.push(Finding::new(severity, why).on(&file.name));
    }
    match used {
        Some((file, conf)) => {
            let value = format!("network {} by {}", conf.network, conf.plugins.join(", "));
            findings.push(Finding::new(Severity::Ok, value).on(&file.name));
        }
        None if files.is_empty() && facts.kubelet => {
            findings
                .push(Finding::new(Severity::Critical, "/etc/cni/net.d holds no configuration"));
        }
        None if files.is_empty() => {
            findings.push(Finding::new(Severity::Notice, "/etc/cni/net.d holds no configuration"));
        }
        None => {}
    }
    findings
}
