//! The program under `mpirun`: any number of processes writes the files of one.

mod common;

use common::{Sandbox, experiment, same_files};
use serde_json::json;
use std::fs;

#[test]
fn a_whole_spectrum_has_the_same_bytes() {
    same_files(&["hessian", "my/plain.json"], &[1, 2, 3, 7]);
}

/// One process knows the range of these from their structure; the others have to go the same way. The golden network's vectors are whole in every
/// process, the larger ones are spread.
#[test]
fn whole_spectra_by_structure_have_the_same_bytes() {
    same_files(&["hessian", "gauss/normal_training"], &[2, 3]);
    same_files(&["hessian", "my/tiles.json", "--trace", "--by-layer"], &[1, 2, 3, 7]);
    same_files(&["hessian", "my/tiles.json", "--layers", "fc2"], &[2]);
    same_files(&["hessian", "my/tiles.json", "--full-basis", "--coherence"], &[2]);
}

/// A range that is looked for with products, of vectors of four tiles.
#[test]
fn whole_spectra_by_products_have_the_same_bytes() {
    same_files(&["hessian", "my/digits.json", "--method", "exact"], &[1, 2, 3, 4, 7]);
    same_files(&["hessian", "my/digits.json", "--method", "exact", "--weight-decay", "0.01"], &[4]);
}

#[test]
fn eigenpairs_and_estimates_have_the_same_bytes() {
    same_files(&["hessian", "my/plain.json", "--top-k", "5", "--trace", "--density", "--diagonal"], &[2, 3, 4]);
}

#[test]
fn vectors_spread_by_rows_have_the_same_bytes() {
    let estimates = ["--trace=20", "--density", "--probes", "2", "--steps", "20", "--diagonal=8"];
    same_files(&[&["hessian", "my/wide.json", "--top-k", "4"][..], &estimates].concat(), &[1, 2, 3, 4, 7]);
    same_files(&[&["hessian", "my/wide.json"][..], &estimates].concat(), &[3]);
    same_files(&["hessian", "my/wide.json", "--top-k", "12", "--dtype", "float32", "--layers", "fc2"], &[3]);
    same_files(&["hessian", "my/wide.json", "--top-k", "3", "--operator", "ggn", "--coherence", "--by-layer"], &[2]);
}

#[test]
fn eigenpairs_in_float32_of_images_have_the_same_bytes() {
    same_files(&["hessian", "my/images.json", "--top-k", "3", "--dtype", "float32"], &[2, 3]);
}

#[test]
fn other_matrices_have_the_same_bytes() {
    for operator in ["ggn", "fisher", "remainder"] {
        same_files(&["hessian", "my/plain.json", "--top-k", "3", "--operator", operator], &[2]);
    }
}

#[test]
fn a_training_that_is_followed_has_the_same_bytes() {
    same_files(&["follow", "my/plain.json", "--every", "4", "--top-k", "3"], &[2, 3]);
    // Batches and looks are shared; none of the processes keeps the samples of the others.
    same_files(&["follow", "my/images.json", "--every", "1", "--top-k", "2", "--whole", "0"], &[2, 3]);
    same_files(&["follow", "my/digits.json", "--every", "3", "--top-k", "2", "--whole", "2"], &[3]);
}

#[test]
fn weights_in_files_that_are_followed_have_the_same_bytes() {
    let sandbox = Sandbox::new();
    let mut config = sandbox.read("my/digits.json");
    config["trainer"]["how_often_save_model"] = 2.into();
    config["trainer"]["how_often_compute_grads"] = 3.into();
    let files = |ranks: usize| {
        let sandbox = Sandbox::new();
        sandbox.config("kept", &config);
        sandbox.ok(ranks, &["train", "my/kept.json"]);
        sandbox.ok(ranks, &["follow", "my/kept.json", "--snapshots", "--top-k", "2"]);
        sandbox.files("results")
    };
    let alone = files(0);
    assert!(alone.len() > 6, "{:?}", alone.keys());
    assert!(files(3) == alone, "files differ with 3 ranks");
}

#[test]
fn what_stands_is_reused_by_all() {
    let sandbox = Sandbox::new();
    let args = ["hessian", "my/plain.json", "--top-k", "4"];
    sandbox.ok(2, &args);
    let first = sandbox.files("results");
    let again = sandbox.ok(3, &args);
    assert_eq!(first, sandbox.files("results"));
    assert!(String::from_utf8_lossy(&again.stderr).contains("reused results/grads"), "{again:?}");
    // Nobody but the process of rank 0 says anything.
    let line = String::from_utf8_lossy(&again.stdout).into_owned();
    let alone = sandbox.ok(0, &args);
    assert_eq!(line, String::from_utf8_lossy(&alone.stdout));
}

/// The numbers of a picture are told whether it had to be drawn or stood already.
#[test]
fn the_numbers_of_pictures_are_told_once() {
    let sandbox = Sandbox::new();
    for kind in [&["minibatches"][..], &["surface", "--directions", "filter-normalised", "--points", "3"]] {
        let args = [&["plot"], kind, &["my/plain.json", "--json"]].concat();
        let told = |ranks: usize| String::from_utf8_lossy(&sandbox.ok(ranks, &args).stdout).into_owned();
        let [drawn, stood, alone] = [3, 2, 0].map(told);
        assert!(drawn.len() > 50 && drawn == stood && drawn == alone, "{drawn}\n{stood}\n{alone}");
    }
}

/// Where the process of rank 0 cannot write, the others do not wait for it.
#[test]
fn all_networks_are_named_that_cannot_be_stored() {
    let sandbox = Sandbox::new();
    sandbox.ok(0, &["train", "my/plain.json"]);
    fs::create_dir(sandbox.path("nets")).unwrap();
    for name in ["nets/a.safetensors", "nets/b.safetensors"] {
        fs::copy(sandbox.path("results/models/my/plain.safetensors"), sandbox.path(name)).unwrap();
    }
    fs::write(sandbox.path("moons.csv"), "x,y,label\n0,1,0\n1,0,1\n1,2,0\n2,1,1\n").unwrap();
    let arch = sandbox.read("my/plain.json")["model"].to_string();
    fs::write(sandbox.path("arch.json"), arch).unwrap();
    fs::create_dir(sandbox.path("other")).unwrap();
    fs::write(sandbox.path("other/models"), "in the way").unwrap();
    let files = ["--model", "nets", "--arch", "arch.json", "--data", "moons.csv", "--results", "other"];
    let failed = sandbox.run(2, &[&["analyze"], &files[..]].concat());
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.contains("2 of 2 networks could not be analysed"), "{said}");
    assert!(said.contains("nets/a.safetensors: ") && said.contains("nets/b.safetensors: "), "{said}");
}

/// Measures of the boundary are taken by the process of rank 0 alone, by a spectrum that all have computed or found.
#[test]
fn a_spectrum_that_stands_is_enough_for_a_boundary() {
    let sandbox = Sandbox::new();
    let measured = |ranks: usize| {
        let output = sandbox.ok(ranks, &["boundary", "my/plain.json"]);
        (sandbox.files("results"), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (alone, _) = measured(0);
    let remove = |path: &str| fs::remove_file(sandbox.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    // All of it, the measures alone, and a spectrum of which a file has changed since.
    fs::remove_dir_all(sandbox.path("results")).unwrap();
    assert!(measured(3).0 == alone, "files differ");
    remove("results/grads/my/plain_boundary.json");
    let (again, said) = measured(3);
    assert!(again == alone && said.contains("reused results/grads/my/plain_analysis.json"), "{said}");
    remove("results/grads/my/plain_boundary.json");
    let overlaps = sandbox.path("results/grads/my/plain_overlaps.npy");
    let mut bytes = fs::read(&overlaps).unwrap_or_else(|e| panic!("{}: {e}", overlaps.display()));
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&overlaps, bytes).unwrap();
    let (again, said) = measured(3);
    assert!(again == alone && said.contains("plain_overlaps.npy"), "{said}");
    // A figure of the boundary that stands.
    sandbox.ok(3, &["figure", "5", "my/plain.json"]);
    assert!(sandbox.files("results") == alone, "a figure has changed results");
}

/// The losses of a plane are sums over samples; pictures that are not are drawn by one process.
#[test]
fn pictures_have_the_same_bytes() {
    let drawn = |ranks: usize, args: &[&str]| {
        let sandbox = Sandbox::new();
        sandbox.ok(ranks, &[args, &["--figures", "results/pictures"]].concat());
        sandbox.files("results")
    };
    let surface = ["plot", "surface", "my/plain.json", "--points", "9", "--directions"];
    for args in [
        &[&surface[..], &["filter-normalised", "--weight-decay", "0.01"]].concat()[..],
        &[&surface[..], &["filter-normalised", "--dtype", "float32"]].concat(),
        // The training is gone through again.
        &[&surface[..], &["trajectory"]].concat(),
        &["plot", "surface", "my/images.json", "--points", "3", "--directions", "trajectory"],
        &["plot", "minibatches", "my/plain.json"],
        &["plot", "planes", "my/plain.json"],
        // Needs the measures of the boundary, too.
        &["figure", "5", "my/plain.json"],
    ] {
        let alone = drawn(0, args);
        assert!(alone.len() > 4, "{args:?} wrote {:?}", alone.keys());
        let together = drawn(3, args);
        assert_eq!(alone.keys().collect::<Vec<_>>(), together.keys().collect::<Vec<_>>(), "{args:?}");
        assert!(alone == together, "{args:?}: files differ");
    }
}

/// Statistics of batch normalisation that come with the weights are fixed numbers, and the looks are shared; statistics of the batch are
/// refused.
#[test]
fn statistics_that_come_with_followed_weights_are_taken_by_all() {
    let sandbox = Sandbox::new();
    let linear = |name: &str, out: usize| json!({"type": "linear", "name": name, "out_features": out});
    let layers =
        json!([linear("hidden", 5), {"type": "batchnorm", "name": "norm"}, {"type": "tanh"}, linear("out", 2)]);
    let moons = json!({"type": "half_moon", "args": {"random": false, "num_samples": 300}});
    for statistics in ["batch", "running"] {
        let model = json!({"type": "Sequential", "args": {"layers": layers, "batchnorm": statistics}});
        let mut config = experiment(&model, &moons, 4);
        config["trainer"]["how_often_save_model"] = 2.into();
        sandbox.config(statistics, &config);
    }
    sandbox.ok(0, &["train", "my/batch.json"]);
    let follow = |name: &'static str, results: &'static str| {
        let weights = "results/models/my/batch_snapshots";
        ["follow", name, "--weights", weights, "--top-k", "2", "--no-figures", "--results", results]
    };
    sandbox.ok(0, &follow("my/running.json", "alone"));
    sandbox.ok(3, &follow("my/running.json", "together"));
    let (alone, together) = (sandbox.files("alone"), sandbox.files("together"));
    assert!(alone.len() > 5 && alone == together, "{:?} and {:?}", alone.keys(), together.keys());
    let refused = sandbox.run(2, &follow("my/batch.json", "refused"));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("statistics of"), "{said}");
}

/// The process of rank 0 reads files of other programs for all: the folder of the others does not have them.
#[test]
fn files_of_other_programs_are_read_by_one_process() {
    let sandbox = Sandbox::new();
    // 40 samples of six features as a table, and the weights of a network that was trained on them.
    let number = |i: usize| ((i * 7919) % 1009) as f64 / 504.5 - 1.0;
    let row = |n: usize| {
        (0..6).map(|d| format!("{:.6}", number(6 * n + d))).collect::<Vec<_>>().join(",") + &format!(",{}", n % 3)
    };
    let table = "a,b,c,d,e,f,label\n".to_owned() + &(0..40).map(row).collect::<Vec<_>>().join("\n") + "\n";
    fs::write(sandbox.path("samples.csv"), table).unwrap();
    let linear = |name: &str, out: usize| json!({"type": "linear", "name": name, "out_features": out});
    let layers = json!([linear("hidden", 5), {"type": "tanh"}, linear("out", 3)]);
    let model = json!({"type": "Sequential", "args": {"layers": layers}});
    let mut config = experiment(&model, &json!({"type": "file", "args": {"path": "samples.csv"}}), 4);
    config["trainer"]["how_often_save_model"] = 2.into();
    sandbox.config("table", &config);
    sandbox.ok(0, &["train", "my/table.json"]);
    fs::create_dir(sandbox.path("given")).unwrap();
    for epoch in [2, 4] {
        let kept = sandbox.path(&format!("results/models/my/table_snapshots/epoch_{epoch:06}.safetensors"));
        fs::copy(&kept, sandbox.path(&format!("given/epoch_{epoch}.safetensors")))
            .unwrap_or_else(|e| panic!("{}: {e}", kept.display()));
    }
    fs::write(sandbox.path("arch.json"), json!({"type": "Sequential", "args": {"layers": layers}}).to_string())
        .unwrap();
    // The others have the experiment's file alone.
    sandbox.config("../elsewhere/my/table", &config);
    let analyze = &["analyze", "--arch", "arch.json", "--data", "samples.csv", "--model"][..];
    let pictures = sandbox.path("shared/pictures").display().to_string();
    // The page tells times.
    let pages = sandbox.path("pages").display().to_string();
    let into_pages = &["--figures", &pictures, "--report", &pages][..];
    for args in [
        &["hessian", "my/table.json", "--seed", "3"][..],
        &["follow", "my/table.json", "--weights", "given", "--top-k", "2", "--no-figures"],
        // All networks of a folder.
        &[analyze, &["given", "--top-k", "2"], into_pages].concat(),
        // A whole spectrum, with all that takes the samples afterwards.
        &[analyze, &["given/epoch_4.safetensors", "--name", "own/net"], into_pages].concat(),
        &["boundary", "my/table.json"],
        &["attribute", "my/table.json"],
        &["plot", "embedding", "my/table.json", "--figures", &pictures],
    ] {
        let written = |results: &str, ranks: usize| {
            let shared = sandbox.path(results).display().to_string();
            let args = [args, &["--results", &shared]].concat();
            let output = match ranks {
                0 => sandbox.ok(0, &args),
                _ => sandbox.apart(ranks, "elsewhere", &args),
            };
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
            let files = sandbox.files(results);
            fs::remove_dir_all(shared).unwrap();
            files
        };
        let alone = written("shared", 0);
        assert!(alone.len() > 1, "{args:?} wrote {:?}", alone.keys());
        let together = written("shared", 3);
        assert_eq!(alone.keys().collect::<Vec<_>>(), together.keys().collect::<Vec<_>>(), "{args:?}");
        assert!(alone == together, "{args:?}: files differ");
    }
    // What is not there is said once.
    let missing = sandbox.apart(3, "elsewhere", &["follow", "my/table.json", "--weights", "given/none.safetensors"]);
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(!missing.status.success() && said.matches("given/none.safetensors").count() == 1, "{said}");
    // Another experiment under the same name is no computation together.
    config["seed"] = 5.into();
    sandbox.config("../elsewhere/my/table", &config);
    let other = sandbox.apart(2, "elsewhere", &["train", "my/table.json", "--results", "other"]);
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(
        !other.status.success() && said.contains("my/table: the experiment is another one for the process of rank 0"),
        "{said}"
    );
}

#[test]
fn what_is_wrong_is_said_once_and_ends_the_job() {
    let sandbox = Sandbox::new();
    let failed = sandbox.run(3, &["hessian", "my/missing.json"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.matches("my/missing.json").count() == 1, "{said}");
    let usage = sandbox.run(2, &["hessian", "--no-such-option"]);
    let said = String::from_utf8_lossy(&usage.stderr).into_owned();
    assert!(!usage.status.success() && said.matches("unexpected argument").count() == 1, "{said}");
    for command in [&["gather", "reproduce"][..], &["reproduce", "classics"], &["explore"]] {
        let refused = sandbox.run(2, command);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("are for one process"), "{said}");
    }
    assert!(sandbox.ok(2, &["--help"]).stdout.starts_with(b"What does"), "{:?}", sandbox.ok(2, &["--help"]));
}

#[test]
fn the_training_of_an_image_network_has_the_same_bytes() {
    same_files(&["train", "my/images.json"], &[1, 2, 3]);
    // Gradients of single samples along the way.
    let kept = |ranks: usize| {
        let sandbox = Sandbox::new();
        let mut config = sandbox.read("my/images.json");
        config["trainer"]["how_often_compute_grads"] = 1.into();
        sandbox.config("kept", &config);
        sandbox.ok(ranks, &["train", "my/kept.json"]);
        sandbox.files("results")
    };
    let alone = kept(0);
    assert!(alone.len() > 5, "{:?}", alone.keys());
    assert!(kept(3) == alone, "files differ with 3 ranks");
    // An analysis that trains first, of some samples.
    same_files(&["hessian", "my/images.json", "--top-k", "2", "--classes", "0,2", "--by-layer"], &[3]);
}

/// Every number of a JSON document, in order, but for times and for counts of products: one more or less may be needed where residuals
/// are near the tolerance.
fn numbers(value: &serde_json::Value, found: &mut Vec<f64>) {
    match value {
        serde_json::Value::Number(number) => found.extend(number.as_f64()),
        serde_json::Value::Array(entries) => entries.iter().for_each(|entry| numbers(entry, found)),
        serde_json::Value::Object(fields) => {
            fields
                .iter()
                .filter(|(key, _)| !["seconds", "products"].contains(&key.as_str()))
                .for_each(|(_, value)| numbers(value, found));
        }
        _ => {}
    }
}

#[test]
fn the_librarys_allreduce_agrees_to_rounding() {
    let args = ["hessian", "my/plain.json", "--top-k", "4", "--trace", "--json"];
    let told = |ranks: usize, more: &[&str]| {
        let sandbox = Sandbox::new();
        let output = sandbox.ok(ranks, &[&args[..], more].concat());
        let mut found = vec![];
        numbers(&serde_json::from_slice(&output.stdout).unwrap(), &mut found);
        found
    };
    let alone = told(0, &[]);
    assert!(alone.len() > 10, "{alone:?}");
    let together = told(3, &["--allreduce"]);
    assert_eq!(alone.len(), together.len());
    for (a, b) in alone.iter().zip(&together) {
        // Residuals, which are of the size of the tolerance, are that in both.
        assert!((a - b).abs() <= 1e-6 * a.abs() || a.abs().max(b.abs()) < 1e-7, "{a} and {b}");
    }
    assert_ne!(alone, together, "the option has changed no digit: sums were left to the tree");
    let sandbox = Sandbox::new();
    let help = String::from_utf8(sandbox.ok(1, &["hessian", "--help"]).stdout).unwrap();
    assert!(help.contains("--allreduce") && help.contains("may then differ"), "{help}");
}
