//! What a recording says of itself and of its host.

use super::names::named;
use super::{Key, command, incident, kernel};
use crate::model::Meta;

/// The same without whose it is.
pub fn meta(meta: Meta, key: &Key) -> Meta {
    let Meta {
        version,
        build,
        command,
        host,
        kernel,
        kernel_version: _,
        arch,
        cpus_online,
        cpus,
        start,
        start_realtime,
        stall_threshold,
        gap_threshold,
        sample_period,
        syscall_min,
        pid,
        dying_memcgs,
        hz,
        preemption,
        virtual_machine,
        threaded_napi,
        rx_path: _,
        netns,
        boot_id: _,
        incident,
        probes,
    } = meta;
    let known = ["none", "voluntary", "full", "lazy", "rt"];
    Meta {
        version: kernel::release(&version, key),
        build: build.filter(|build| is_commit(build)),
        command: command::command(&command),
        host: named("host", &host, key),
        kernel: kernel::release(&kernel, key),
        kernel_version: String::new(),
        arch: if kernel::is_word(&arch) { arch } else { String::new() },
        cpus_online,
        cpus,
        start,
        start_realtime,
        stall_threshold,
        gap_threshold,
        sample_period,
        syscall_min,
        pid,
        dying_memcgs,
        hz,
        preemption: preemption.filter(|model| known.contains(&model.as_str())),
        virtual_machine,
        threaded_napi: threaded_napi.iter().map(|device| named("dev", device, key)).collect(),
        // Devices, queues and keys of hashes: the packets that came in tell what matters.
        rx_path: None,
        netns,
        boot_id: None,
        incident: incident.map(|kept| incident::incident(kept, key)),
        probes,
    }
}

/// A commit of stallprof, as [`crate::BUILD`] has it: nobody's name.
fn is_commit(build: &str) -> bool {
    let commit = build.strip_suffix('+').unwrap_or(build);
    commit.len() <= 40 && commit.bytes().all(|b| b.is_ascii_hexdigit())
}
