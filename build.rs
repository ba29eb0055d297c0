//! Compiles `bpf/*.bpf.c` with clang and generates their Rust skeletons into OUT_DIR; tells which
//! commit is built.

use std::path::Path;
use std::process::Command;

#[cfg(feature = "probes")]
#[path = "tools/clang.rs"]
mod clang;

/// What a program is made of: other files of a commit say nothing of it.
const SOURCES: [&str; 6] = ["src", "bpf", "build.rs", "tools/clang.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    // Not the state of git: what is built before it is committed keeps its `+`, and a commit alone
    // builds nothing anew.
    SOURCES.iter().for_each(|source| println!("cargo:rerun-if-changed={source}"));
    let (version, commit) = (env!("CARGO_PKG_VERSION"), commit().unwrap_or_default());
    let long = if commit.is_empty() { version.into() } else { format!("{version} ({commit})") };
    println!("cargo:rustc-env=STALLPROF_BUILD={commit}");
    println!("cargo:rustc-env=STALLPROF_VERSION={long}");
    #[cfg(feature = "probes")]
    bpf::build();
}

/// The last commit that changed the sources, with a `+` where they are not as it has them; none
/// without git, or outside of a checkout of our own.
fn commit() -> Option<String> {
    if !Path::new(".git").exists() {
        return None;
    }
    let git = |args: &[&str]| Command::new("git").args(args).arg("--").args(SOURCES).output().ok();
    let log = git(&["log", "-1", "--format=%h", "--abbrev=12"]).filter(|o| o.status.success())?;
    let commit = String::from_utf8(log.stdout).ok()?.trim().to_owned();
    let changed = !git(&["diff", "--quiet", "HEAD"])?.status.success();
    (!commit.is_empty()).then(|| if changed { commit + "+" } else { commit })
}

#[cfg(feature = "probes")]
mod bpf {
    use std::env;
    use std::path::PathBuf;

    use libbpf_cargo::SkeletonBuilder;

    use super::clang;

    pub fn build() {
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
        assert_eq!(arch, "x86_64", "the probes are for x86-64: build with --no-default-features");
        let clang =
            clang::find().expect("no clang of version 14 or later: run tools/setup, or set CLANG");
        let mut probes = Vec::new();
        for source in std::fs::read_dir("bpf").expect("the bpf folder is part of the package") {
            let source = source.expect("bpf can be listed").path();
            let name = source.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let Some(probe) = name.strip_suffix(".bpf.c") else { continue };
            SkeletonBuilder::new()
                .source(&source)
                .clang(&clang)
                .clang_args(["-Wall", "-Werror", "-D__TARGET_ARCH_x86"])
                .build_and_generate(out.join(format!("{probe}.skel.rs")))
                .unwrap_or_else(|e| panic!("bpf/{name} does not build with {clang}: {e:#}"));
            probes.push(probe.to_owned());
        }
        // For src/probe/skel.rs, in an order that is always the same.
        probes.sort();
        let modules = format!("skeletons! {{ {} }}\n", probes.join(" "));
        std::fs::write(out.join("skeletons.rs"), modules).expect("OUT_DIR can be written");
    }
}
