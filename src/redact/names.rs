//! The texts of a recording, and what becomes of each.

use std::collections::HashMap;

use super::{Key, kernel, net, paths};
use crate::model::StrId;

/// What a text stands for, which decides what of it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Name of a user's task.
    Task,
    /// Name of a kernel thread.
    KernelThread,
    /// Path of a file or a cgroup.
    Path,
    /// Namespace and name of a pod.
    Pod,
    /// Function of a user's program.
    UserFunction,
    /// Function of the kernel.
    KernelFunction,
    /// Kernel module.
    KernelModule,
    /// Name that a driver gave its interrupt: that of a network interface, often.
    Irq,
    /// Name of one of our probes.
    Probe,
    /// Name of a network device.
    Device,
    /// Address of a host.
    Address,
    /// Words of the kernel's, and of programs that everybody has.
    Words,
    /// What was told in words that may hold names.
    Remark,
}

/// What stands for a text of which nothing is kept.
pub const LEFT_OUT: &str = "(left out)";

/// A pseudonym that tells of what kind it is; nothing for nothing.
pub fn named(kind: &str, name: &str, key: &Key) -> String {
    if name.is_empty() { String::new() } else { format!("{kind}-{}", key.tag(name)) }
}

/// The texts of a recording on their way to new ones: each once for each role it has.
pub struct Names<'a> {
    pub key: &'a Key,
    old: &'a [String],
    known: HashMap<(StrId, Role), StrId>,
    pub new: Vec<String>,
}

/// Both halves of `NAMESPACE/NAME`: which pods are of one namespace still shows.
fn pod(text: &str, key: &Key) -> String {
    let (namespace, name) = text.split_once('/').unwrap_or(("", text));
    format!("{}/{}", named("ns", namespace, key), named("pod", name, key))
}

impl<'a> Names<'a> {
    pub fn new(key: &'a Key, old: &'a [String]) -> Names<'a> {
        Names { key, old, known: HashMap::new(), new: vec![String::new()] }
    }

    pub fn of(&mut self, id: StrId, role: Role) -> StrId {
        let text = match self.old.get(id.0 as usize) {
            Some(text) if !text.is_empty() => text,
            _ => return StrId::NONE,
        };
        if let Some(&known) = self.known.get(&(id, role)) {
            return known;
        }
        let key = self.key;
        let new = match role {
            Role::Task => named("task", text, key),
            Role::KernelThread => kernel::thread(text, key),
            Role::Path => paths::path(text, key),
            Role::Pod => pod(text, key),
            Role::UserFunction => named("fn", text, key),
            Role::KernelFunction => kernel::function(text, key),
            Role::KernelModule if kernel::is_word(text) => text.clone(),
            Role::KernelModule => named("module", text, key),
            Role::Irq => named("irq", text, key),
            Role::Probe if kernel::is_word(text) => text.clone(),
            Role::Probe => named("probe", text, key),
            Role::Device => named("dev", text, key),
            Role::Address => net::address(text, key),
            Role::Words => net::words(text, key),
            Role::Remark => LEFT_OUT.to_owned(),
        };
        let number = self.put(new);
        self.known.insert((id, role), number);
        number
    }

    /// The text as it was.
    pub fn read(&self, id: StrId) -> &'a str {
        self.old.get(id.0 as usize).map_or("", String::as_str)
    }

    /// A new text.
    pub fn shown(&self, id: StrId) -> &str {
        self.new.get(id.0 as usize).map_or("", String::as_str)
    }

    /// Adds a text that holds nothing to hide.
    pub fn put(&mut self, text: String) -> StrId {
        if text.is_empty() {
            return StrId::NONE;
        }
        let number = StrId(self.new.len() as u32);
        self.new.push(text);
        number
    }
}
