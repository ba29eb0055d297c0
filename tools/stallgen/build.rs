//! Compiles the BPF programs and generates their skeletons into `OUT_DIR`.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

use libbpf_cargo::SkeletonBuilder;

/// Debian has `clang-14` without a `clang`; take the newest there is.
fn find_clang() -> Option<String> {
    println!("cargo:rerun-if-env-changed=CLANG");
    let candidates = env::var("CLANG")
        .into_iter()
        .chain(std::iter::once("clang".into()).chain((12..30).rev().map(|v| format!("clang-{v}"))));
    candidates.into_iter().find(|c| {
        Command::new(c).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=bpf");
    let clang = find_clang().ok_or("no clang found: install clang-14 or newer, or set CLANG")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for name in ["hog", "observe"] {
        SkeletonBuilder::new()
            .source(format!("bpf/{name}.bpf.c"))
            .clang(&clang)
            // v3 has the atomic operations.
            .clang_args(["-Wall", "-Werror", "-mcpu=v3"])
            .build_and_generate(out.join(format!("{name}.skel.rs")))
            .map_err(|e| format!("{e:#}"))?;
    }
    Ok(())
}
