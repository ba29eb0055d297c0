//! The skeletons that build.rs generates from `bpf/*.bpf.c`.

macro_rules! skeletons {
    ($($name:ident)*) => { $(
        /// Generated; lints are not for it.
        #[allow(clippy::all, clippy::pedantic, clippy::unwrap_used, missing_docs, rust_2018_idioms)]
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".skel.rs"));
        }
    )* };
}
include!(concat!(env!("OUT_DIR"), "/skeletons.rs"));
