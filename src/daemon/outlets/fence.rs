//! What a thread that connects to other hosts may touch of the file system, for good.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use crate::daemon::fence::{Thread, told};
use crate::host::HostRoot;

/// The newest rules asked for; a kernel with older ones takes what it knows.
const NEWEST: ABI = ABI::V6;
/// Counters of the host, names of other hosts, certificates, and what looks names up. Files of /etc
/// are replaced as a whole: a rule for one of them would not hold for the next.
const READ: [&str; 9] = [
    "/proc",
    "/sys",
    "/run",
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];
/// Where the environment tells of certificates.
const CERTIFICATES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Fences the calling thread in, and those that it starts, as far as the kernel can; says so, and
/// gives whether it did. `read` may be read too, and all below `write` be written.
pub fn enter(thread: Thread, host: &HostRoot, read: &[PathBuf], write: Option<&Path>) -> bool {
    let writes = write.map_or("nothing".to_owned(), |directory| directory.display().to_string());
    let may = format!(
        "reads /proc, /sys, /run, /etc, libraries and certificates, writes {writes}, listens \
         nowhere"
    );
    told(thread, &may, restrict(host, read, write))
}

/// The folder of a file that a variable of the environment names: files with secrets are replaced,
/// too.
pub fn beside(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    if path.is_dir() { Some(path) } else { path.parent().map(Path::to_owned) }
}

fn restrict(
    host: &HostRoot,
    read: &[PathBuf],
    write: Option<&Path>,
) -> Result<RulesetStatus, RulesetError> {
    let reads = AccessFs::ReadFile | AccessFs::ReadDir;
    let writes = reads
        | AccessFs::WriteFile
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::Truncate
        | AccessFs::Refer;
    let certificates = CERTIFICATES.iter().filter_map(|name| beside(name));
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::Signal)?
        .create()?
        .add_rules(path_beneath_rules(READ, reads))?
        .add_rules(path_beneath_rules(READ[..3].iter().flat_map(|dir| host.place(dir)), reads))?
        .add_rules(path_beneath_rules(certificates, reads))?
        .add_rules(path_beneath_rules(read, reads))?
        .add_rules(path_beneath_rules(write, writes))?;
    Ok(rules.restrict_self()?.ruleset)
}
