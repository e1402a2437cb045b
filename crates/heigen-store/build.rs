//! Rebuilds the crate when a shipped experiment file changes: `include_dir` alone would keep the old ones.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=experiments");
}
