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

/// The memory, in bytes, of each process of the program in this folder: what a line of its status tells, such as `VmHWM`, the largest so
/// far, or `VmRSS`, the present one.
fn memory_now(folder: &Path, line: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let (path, id) = (process.path(), process.file_name().to_string_lossy().into_owned());
        let is_ours = fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd == folder)
            && fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "heigen-mpi");
        let status = if is_ours { fs::read_to_string(path.join("status")) } else { continue };
        // A process may end between two looks.
        let Ok(status) = status else { continue };
        let line = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        found.extend(kib.map(|kib| (id, 1024.0 * kib)));
    }
    found
}

/// Runs the command by several processes; what a line of their status told meanwhile, one look after the other.
fn looks_at(sandbox: &Sandbox, args: &[&str], line: &str) -> Vec<BTreeMap<String, f64>> {
    let folder = sandbox.path("").canonicalize().unwrap();
    let mut child = sandbox.command(RANKS, args).spawn().unwrap();
    let mut looks = vec![];
    let status = loop {
        looks.push(memory_now(&folder, line));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{args:?}");
    looks.retain(|look| look.len() == RANKS);
    looks
}

/// Runs the command by several processes; the largest memory of each.
fn memory_of(sandbox: &Sandbox, args: &[&str]) -> Vec<f64> {
    let looks = looks_at(sandbox, args, "VmHWM");
    let largest = |rank: usize| looks.iter().filter_map(|look| look.values().nth(rank)).copied().fold(0.0, f64::max);
    assert!(!looks.is_empty(), "no look at {RANKS} processes");
    (0..RANKS).map(largest).collect()
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

/// Images of three colours as an array of NumPy, and their classes.
fn images(sandbox: &Sandbox, name: &str, n: usize) {
    let array = |path: &str, kind: &str, shape: &str, data: Vec<u8>| {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
        let header = format!("{header:<117}\n");
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend(header.into_bytes());
        file.extend(data);
        fs::write(sandbox.path(path), file).unwrap();
    };
    let pixels = (0..n * 3072).flat_map(|i| ((i * 7919 % 1009) as f32 / 1009.0).to_le_bytes()).collect();
    array(&format!("{name}.npy"), "<f4", &format!("{n}, 3, 32, 32"), pixels);
    let labels = (0..10i64).cycle().take(n).flat_map(i64::to_le_bytes).collect();
    array(&format!("{name}-labels.npy"), "<i8", &format!("{n},"), labels);
}

/// Images of a data set, 49 MB.
const IMAGES: usize = 4_000;

#[test]
fn processes_keep_their_samples_alone_while_they_train() {
    let sandbox = Sandbox::new();
    // The smallest network whose batches are shared: its own memory is little.
    let linear = |name: &str, out: usize| json!({"type": "linear", "name": name, "out_features": out});
    let layers = [json!({"type": "flatten"}), linear("hidden", 43), json!({"type": "relu"}), linear("out", 10)];
    let network = json!({"type": "Sequential", "args": {"layers": layers}});
    fs::write(sandbox.path("network.json"), network.to_string()).unwrap();
    for (name, n, epochs) in [("few", 64, 40), ("many", IMAGES, 40)] {
        images(&sandbox, name, n);
        let files = json!({"path": format!("{name}.npy"), "labels_path": format!("{name}-labels.npy")});
        let mut config = experiment(&network, &json!({"type": "file", "args": files}), epochs);
        (config["train_fraction"], config["test_fraction"]) = (json!(0.9), json!(0.05));
        config["optimizer"]["args"]["lr"] = json!(1e-5);
        sandbox.config(name, &config);
    }
    let (all, mib) = ((IMAGES * 3072 * 4) as f64, f64::from(1 << 20));
    let look =
        ["--every", "20", "--top-k", "1", "--lowest", "0", "--tolerance", "1e-3", "--whole", "0", "--no-figures"];
    // A training keeps a share of the samples in float32, and those that come from other processes for the next steps; looks have a share
    // of their own, and that in float64 while they last. With all samples in every process it was 2.4 and 3.5 times their size.
    for (command, options, most) in [("train", &[][..], 1.0), ("follow", &look, 2.5)] {
        // While they read, every process has the whole file.
        let kept = |name: &str| {
            let looks = looks_at(&sandbox, &[&[command, name, "--threads", "1"], options].concat(), "VmRSS");
            let later = &looks[looks.len() * 3 / 4..];
            later.iter().flat_map(BTreeMap::values).copied().fold(0.0, f64::max)
        };
        let (few, many) = (kept("my/few.json"), kept("my/many.json"));
        println!("{command}: {:.0} MiB for {:.0} MiB of samples", (many - few) / mib, all / mib);
        assert!(many - few < most * all, "{command}: {many} and {few} bytes for {all} bytes of samples");
    }
    // An analysis of networks from elsewhere. The leading process reads the samples again at the end, for the page; the others do not.
    let kept = |name: &str| {
        let (model, data) = (format!("results/models/my/{name}.safetensors"), format!("{name}.npy"));
        let labels = format!("{name}-labels.npy");
        let files = ["--model", &model, "--arch", "network.json", "--data", &data, "--labels", &labels];
        let asked = ["--name", "own/net", "--force", "--top-k", "4", "--threads", "1"];
        let looks = looks_at(&sandbox, &[&["analyze"], &files[..], &asked].concat(), "VmRSS");
        let least = |look: &BTreeMap<String, f64>| look.values().copied().fold(f64::INFINITY, f64::min);
        looks[looks.len() / 2..].iter().map(least).fold(0.0, f64::max)
    };
    let (few, many) = (kept("few"), kept("many"));
    println!("analyze: {:.0} MiB for {:.0} MiB of samples", (many - few) / mib, all / mib);
    assert!(many - few < 2.5 * all, "analyze: {many} and {few} bytes for {all} bytes of samples");
}

/// P = 20,094,791. Takes one to two minutes on two cores, and 6 GiB.
#[test]
#[ignore = "takes minutes and 6 GiB of memory"]
fn processes_hold_their_rows_alone_of_twenty_million() {
    check(25_501, 46, BESIDE);
}
