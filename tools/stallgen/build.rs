//! Compiles the BPF programs and generates their skeletons into `OUT_DIR`.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use libbpf_cargo::SkeletonBuilder;

#[path = "../clang.rs"]
mod clang;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=bpf");
    let clang =
        clang::find().ok_or("no clang of version 14 or later: install one, or set CLANG")?;
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
