//! Reading the health of this host beside other work that it must not harm.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::checks::COVERAGE;
use super::{Finding, Options, Report, Severity, examine, gather, told_by};
use crate::host::HostRoot;
use crate::host::threads::refused;
use crate::units::Nanos;

/// How much longer than its own deadline it may take, before it is given up.
const GRACE: Duration = Duration::from_millis(280);

/// Reads and examines this host in a thread of its own, for so long as `options` allow and little
/// more. Where that fails, the report's only finding says why.
#[must_use]
pub fn examine_aside(root: HostRoot, options: Options) -> Report {
    let (send, receive) = sync_channel(1);
    // Nobody may wait for it any more.
    let work = move || drop(send.send(examine(&gather(&root, options))));
    let answer = match thread::Builder::new().name("health".to_owned()).spawn(work) {
        Ok(_) => receive.recv_timeout(options.deadline + GRACE).map_err(|why| match why {
            RecvTimeoutError::Timeout => "reading the host was not done in time".to_owned(),
            RecvTimeoutError::Disconnected => "reading the host failed".to_owned(),
        }),
        Err(why) => Err(refused(why).to_string()),
    };
    answer.unwrap_or_else(|why| Report {
        host: String::new(),
        kernel: String::new(),
        took: Nanos(0),
        worst: Severity::Unknown,
        left_out: Vec::new(),
        findings: vec![told_by(&COVERAGE, Finding::unknown(why))],
    })
}
