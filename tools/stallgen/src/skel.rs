//! The skeletons libbpf-cargo generated from `bpf/`.

#[allow(missing_docs, clippy::all, rust_2018_idioms, clippy::unwrap_used)]
#[allow(clippy::uninlined_format_args, clippy::semicolon_if_nothing_returned)]
pub mod hog {
    include!(concat!(env!("OUT_DIR"), "/hog.skel.rs"));
}

#[allow(missing_docs, clippy::all, rust_2018_idioms, clippy::unwrap_used)]
#[allow(clippy::uninlined_format_args, clippy::semicolon_if_nothing_returned)]
pub mod observe {
    include!(concat!(env!("OUT_DIR"), "/observe.skel.rs"));
}
