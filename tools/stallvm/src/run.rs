//! One command on one kernel, or a shell there.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};

use crate::kernels;
use crate::qemu::{End, Machine};
use crate::site::{Job, MAX_CRASHES, Site};

/// A shell on this terminal. Its exit status is of no interest.
pub fn shell(site: &Site, name: &str, machine: &Machine, with: &[PathBuf]) -> Result<ExitCode> {
    let kernel = site.cache.get(kernels::named(name)?)?;
    let folder = own_folder(site, name);
    eprintln!("booting {}; Ctrl-A X kills the guest", kernel.release);
    let end =
        site.boot(&kernel, machine, &folder, &Job { script: None, with, echo: false }, |_| {})?;
    match end {
        End::Exited(_) => eprintln!("what was in /out: {}", folder.join("files").display()),
        End::Crashed(_) => eprintln!("the guest went down without an exit of the shell"),
        End::Late => bail!("killed after {} s: give a longer --deadline", machine.deadline),
    }
    Ok(ExitCode::SUCCESS)
}

/// A command; its exit status is ours.
pub fn command(
    site: &Site,
    name: &str,
    machine: &Machine,
    with: &[PathBuf],
    out: Option<&Path>,
    command: &[String],
) -> Result<ExitCode> {
    ensure!(
        out.is_none_or(|out| !out.exists()),
        "--out {}: it exists; name a folder that does not",
        out.unwrap_or(Path::new("")).display()
    );
    let kernel = site.cache.get(kernels::named(name)?)?;
    let folder = own_folder(site, name);
    let words: Vec<_> = command.iter().map(|word| quoted(word)).collect();
    let script = words.join(" ") + "\n";
    let job = Job { script: Some(&script), with, echo: true };
    for crashes in 1.. {
        let reason = match site.boot(&kernel, machine, &folder, &job, |_| {})? {
            End::Exited(status) => {
                if let Some(out) = out {
                    std::fs::rename(folder.join("files"), out)
                        .with_context(|| format!("cannot bring files to {}", out.display()))?;
                }
                std::fs::remove_dir_all(&folder)?;
                return Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)));
            }
            End::Late => bail!(
                "not done after {} s: give a longer --deadline; the console is in {}",
                machine.deadline,
                folder.display()
            ),
            End::Crashed(reason) => reason,
        };
        ensure!(
            crashes < MAX_CRASHES,
            "the guest's kernel failed {crashes} times, at last: {reason}; the console is in {}",
            folder.display()
        );
        eprintln!("stallvm: the guest's kernel failed ({reason}): booting again");
    }
    unreachable!("the loop has no end of its own")
}

/// Of this process alone: two may run the same kernel.
fn own_folder(site: &Site, name: &str) -> PathBuf {
    site.cache.runs().join(format!("{name}-{}", std::process::id()))
}

/// A word that bash takes as it is.
pub fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_bash_as_they_are() {
        for word in ["plain", "two words", "it's", "$HOME \\ \"x\" `y`", ""] {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
