//! Compiles `bpf/*.bpf.c` with clang and generates their Rust skeletons into OUT_DIR.

fn main() {
    println!("cargo:rerun-if-changed=bpf");
    #[cfg(feature = "probes")]
    bpf::build();
}

#[cfg(feature = "probes")]
mod bpf {
    use std::{env, path::PathBuf, process::Command};

    use libbpf_cargo::SkeletonBuilder;

    pub fn build() {
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let arch = match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
            Ok("aarch64") => "arm64",
            _ => "x86",
        };
        let clang = clang();
        for source in std::fs::read_dir("bpf").expect("the bpf folder is part of the package") {
            let source = source.expect("bpf can be listed").path();
            let name = source.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let Some(probe) = name.strip_suffix(".bpf.c") else { continue };
            SkeletonBuilder::new()
                .source(&source)
                .clang(&clang)
                .clang_args(["-Wall", "-Werror", &format!("-D__TARGET_ARCH_{arch}")])
                .build_and_generate(out.join(format!("{probe}.skel.rs")))
                .unwrap_or_else(|e| panic!("bpf/{name} does not build with {clang}: {e:#}"));
        }
    }

    /// `clang`, or the newest `clang-N`: Debian's packages install only the latter.
    fn clang() -> String {
        if let Ok(clang) = env::var("CLANG") {
            return clang;
        }
        let runs = |name: &String| {
            Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
        };
        std::iter::once("clang".to_owned())
            .chain((11..=30).rev().map(|n| format!("clang-{n}")))
            .find(runs)
            .expect("no clang found: run tools/setup, or apt-get install clang-14")
    }
}
