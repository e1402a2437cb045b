//! The memory of processes that spread vectors by rows: a share of the basis, and few vectors beside it.

mod common;

use common::{Sandbox, experiment};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Processes of a computation.
const RANKS: usize = 4;
/// Vectors of P numbers in float32 that a process may hold beside its share of the basis; with whole vectors it would hold three quarters
/// of the basis more, at least 18 vectors.
const BESIDE: f64 = 16.0;
/// The same where vectors are so short that the buffers of messages, some MiB, count among them.
const BESIDE_SHORT: f64 = 20.0;

/// The largest memory, in bytes, that each process of the program in this folder has had so far.
fn largest_memory(folder: &Path, found: &mut BTreeMap<String, f64>) {
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let (path, id) = (process.path(), process.file_name().to_string_lossy().into_owned());
        let is_ours = fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == folder)
            && fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "heigen-mpi");
        let status = if is_ours { fs::read_to_string(path.join("status")) } else { continue };
        // A process may end between two looks.
        let Ok(status) = status else { continue };
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        if let Some(kib) = kib {
            let most = found.entry(id).or_default();
            *most = most.max(1024.0 * kib);
        }
    }
}

/// Runs the command by several processes; the largest memory of each.
fn memory_of(sandbox: &Sandbox, args: &[&str]) -> Vec<f64> {
    let folder = sandbox.path("").canonicalize().unwrap();
    let mut child = sandbox.command(RANKS, args).spawn().unwrap();
    let mut found = BTreeMap::new();
    let status = loop {
        largest_memory(&folder, &mut found);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{args:?}");
    assert_eq!(found.len(), RANKS, "{found:?}");
    found.into_values().collect()
}

/// A folder with a network of one wide layer, `my/large`, and one of a small layer, both trained.
fn networks(width: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let digits = json!({"type": "mnist2D", "args": {"class_list": [0, 1, 2], "num_samples_per_cls": 20}});
    for (name, width) in [("small", 8), ("large", width)] {
        let network = json!({"type": "FNN", "args": {"num_neurons": width}});
        let mut config = experiment(&network, &digits, 1);
        // A wide layer bears smaller steps only.
        config["optimizer"]["args"]["lr"] = json!(1e-6);
        sandbox.config(name, &config);
    }
    // Training takes memory of its own.
    sandbox.ok(0, &["train", "my/small.json", "my/large.json"]);
    sandbox
}

/// Ten eigenpairs in float32 of a network of one wide layer, with the memory that its processes take.
fn check(width: usize, columns: usize, most_beside: f64) {
    let sandbox = networks(width);
    let args = |name: &'static str| ["hessian", name, "--top-k", "10", "--dtype", "float32", "--threads", "1"];
    let search = |name| memory_of(&sandbox, &args(name)).into_iter().fold(0.0, f64::max);
    let program = search("my/small.json");
    let begun = std::time::Instant::now();
    let most = search("my/large.json");
    let seconds = begun.elapsed().as_secs_f64();
    let path = sandbox.path("results/grads/my/large+largest-10_analysis.json");
    let record: Value =
        serde_json::from_slice(&fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).unwrap();
    let [p, products] = ["n_params", "products"].map(|key| record[key].as_f64().unwrap());
    let vectors = |bytes: f64| bytes / (4.0 * p);
    let basis = products.min(columns as f64) / RANKS as f64;
    let beside = vectors(most - program) - basis;
    println!(
        "P = {p}: {products} products and {} restarts in {seconds:.1} s; of {:.0} MiB each process holds {:.0} MiB as a small network's does, {basis} P \
         numbers of the basis, and {beside:.1} P numbers beside it",
        record["restarts"],
        most / f64::from(1 << 20),
        program / f64::from(1 << 20),
    );
    assert!(products >= 24.0, "too few products for the basis to count");
    assert!(beside <= most_beside, "{beside} P numbers beside the basis");
}

#[test]
fn processes_hold_their_rows_alone() {
    // A basis of vectors of 788,003 numbers is restarted at 300 columns.
    check(1_000, 300, BESIDE_SHORT);
}

/// Blocks with a column for each direction of the range that the exact way holds at a time: the basis, the eigenvectors, and room for one of
/// them while it grows or is chosen from.
const BLOCKS: f64 = 3.0;
/// Directions that are looked for at a time, so that the basis may have so many columns more than the rank.
const WIDTH: f64 = 128.0;
/// Matrices of the size of the rank that every process has whole: the projection, its eigenvectors, and their workspace.
const SMALL: f64 = 6.0;

#[test]
fn processes_hold_their_rows_alone_of_a_whole_spectrum() {
    let sandbox = networks(150);
    let args = |name: &'static str| ["hessian", name, "--method", "exact", "--threads", "1"];
    let spectrum = |name| memory_of(&sandbox, &args(name)).into_iter().fold(0.0, f64::max);
    let program = spectrum("my/small.json");
    let most = spectrum("my/large.json");
    let path = sandbox.path("results/grads/my/large_analysis.json");
    let record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let [p, rank] = ["n_params", "rank"].map(|key| record[key].as_f64().unwrap());
    let vectors = (most - program) / (8.0 * p);
    println!("P = {p}, rank {rank}: {vectors:.1} P numbers in each process");
    assert!(rank > 50.0, "too small a rank for the basis to count");
    let columns = rank + WIDTH;
    let (share, small) = (BLOCKS * columns / RANKS as f64, SMALL * columns * columns / p);
    let most = share + small + BESIDE_SHORT;
    assert!(most < 2.0 * rank, "two whole blocks have to be more than that for this test to see them");
    assert!(
        vectors <= most,
        "{vectors} P numbers, where {share:.0} belong to the shares and {small:.0} to small matrices"
    );
}

/// P = 20,094,791. Takes one to two minutes on two cores, and 6 GiB.
#[test]
#[ignore = "takes minutes and 6 GiB of memory"]
fn processes_hold_their_rows_alone_of_twenty_million() {
    check(25_501, 46, BESIDE);
}
