//! Tests of `heigen hessian` for matrices other than the plain Hessian, and for some eigenpairs or estimates.

mod common;

use common::{Sandbox, changed, small};
use heigen_store::npy;
use insta::assert_snapshot;
use serde_json::{Value, json};

const P: usize = 123;
const N: usize = 150;

fn summary(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap()
}

fn read(sandbox: &Sandbox, what: &str) -> npy::Array<f64> {
    npy::read(&sandbox.path(&format!("results/grads/my/plain{what}.npy"))).unwrap()
}

/// Entry (i, j) of the saved matrix.
fn matrix(sandbox: &Sandbox, what: &str) -> impl Fn(usize, usize) -> f64 + use<> {
    let (values, p) = {
        let array = read(sandbox, what);
        (array.values.clone(), array.shape[0])
    };
    move |i, j| values[i + j * p]
}

#[test]
fn blocks_of_layers_are_blocks_of_the_matrix() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["hessian", &plain, "--save-hessian"]);
    // The sizes are 2 x 8 + 8 for fc1, 8 x 8 + 8 for fc2, and 8 x 3 + 3 for fc3.
    sandbox.ok(&["hessian", &plain, "--layers", "fc3,fc1.bias", "--save-hessian", "--method", "dense"]);
    let (whole, block) = (matrix(&sandbox, "_hessian"), matrix(&sandbox, "+layers-fc3-fc1.bias_hessian"));
    let chosen: Vec<usize> = (16..24).chain(96..123).collect();
    assert_eq!(read(&sandbox, "+layers-fc3-fc1.bias_hessian").shape, [35, 35]);
    for (i, &p) in chosen.iter().enumerate() {
        for (j, &q) in chosen.iter().enumerate() {
            assert!((whole(p, q) - block(i, j)).abs() < 1e-13, "{p} {q}");
        }
    }
    assert_eq!(read(&sandbox, "+layers-fc3-fc1.bias_overlaps").shape[1], N);
}

#[test]
fn operators_add_up_and_parts_of_the_samples_are_means() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let run = |args: &[&str]| {
        let run = sandbox.ok(&[&["hessian", &plain, "--save-hessian", "--json"], args].concat());
        summary(&run.stdout)
    };
    run(&[]);
    run(&["--operator", "ggn"]);
    run(&["--operator", "remainder"]);
    let batched = run(&["--operator", "fisher", "--batch", "40"]);
    assert_eq!(batched["of"]["operator"], "fisher");
    let [h, ggn, remainder] = ["", "+ggn", "+remainder"].map(|v| matrix(&sandbox, &format!("{v}_hessian")));
    for i in 0..P {
        for j in 0..P {
            assert!((h(i, j) - ggn(i, j) - remainder(i, j)).abs() < 1e-13);
        }
    }
    // The mean over all samples is the mean of the means over classes, weighted by the classes' sizes.
    let of = |class: &str| {
        let n = run(&["--classes", class])["n_samples"].as_u64().unwrap() as f64;
        (n / N as f64, matrix(&sandbox, &format!("+classes-{class}_hessian")))
    };
    let classes = ["0", "1", "2"].map(of);
    let halves = ["0..100", "100..150"].map(|range| {
        run(&["--samples", range]);
        matrix(&sandbox, &format!("+samples-{range}_hessian"))
    });
    for i in 0..P {
        let sum: f64 = classes.iter().map(|(weight, a)| weight * a(i, 3)).sum();
        assert!((h(i, 3) - sum).abs() < 1e-13);
        assert!((h(i, 3) - (2.0 * halves[0](i, 3) + halves[1](i, 3)) / 3.0).abs() < 1e-13);
    }
    // The function is the same at a sharper minimum: the loss stays, and the spectrum changes.
    let (plain, sharp) = (run(&[]), run(&["--reparameterize", ".2,5,1"]));
    assert!((plain["loss"].as_f64().unwrap() - sharp["loss"].as_f64().unwrap()).abs() < 1e-6);
    assert!(sharp["lambda_max"].as_f64().unwrap() > 2.0 * plain["lambda_max"].as_f64().unwrap());
    let mse = run(&["--loss", "mse"]);
    assert_eq!(mse["of"]["loss"], "mse");
    assert!((mse["loss"].as_f64().unwrap() - plain["loss"].as_f64().unwrap()).abs() > 1e-3);
}

#[test]
fn some_eigenpairs_are_those_of_the_whole_spectrum() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["hessian", &plain]);
    let all = read(&sandbox, "_heigenvalues").values;
    let overlaps = read(&sandbox, "_overlaps");
    let (k, overlaps) = (overlaps.shape[0], overlaps.into_c_order().values);
    let top = summary(&sandbox.ok(&["hessian", &plain, "--top-k", "4", "--which", "both", "--json"]).stdout);
    let values: Vec<f64> = read(&sandbox, "+both-4_heigenvalues").values;
    assert_eq!(json!(values), top["eigenvalues"]);
    for (got, wanted) in values.iter().zip([all[P - 1], all[P - 2], all[0], all[1]]) {
        assert!((got - wanted).abs() < 1e-9 * all[P - 1], "{got} {wanted}");
    }
    assert!(top["residual_max"].as_f64().unwrap() <= 1e-8 * top["scale"].as_f64().unwrap());
    assert_eq!(read(&sandbox, "+both-4_heigenvectors").shape, [P, 4]);
    let some = read(&sandbox, "+both-4_overlaps").into_c_order().values;
    for n in 0..N {
        assert!((some[n].abs() - overlaps[(k - 1) * N + n].abs()).abs() < 1e-6, "sample {n}");
    }
    // Eigenpairs of a block agree in the same way: here the alignments are those with the gradients by its parameters.
    sandbox.ok(&["hessian", &plain, "--layers", "fc2"]);
    sandbox.ok(&["hessian", &plain, "--layers", "fc2", "--method", "lanczos", "--top-k", "1", "--tolerance", "1e-10"]);
    let whole = read(&sandbox, "+layers-fc2_overlaps");
    let (k, whole) = (whole.shape[0], whole.into_c_order().values);
    let one = read(&sandbox, "+layers-fc2+largest-1_overlaps").values;
    for n in 0..N {
        assert!((one[n].abs() - whole[(k - 1) * N + n].abs()).abs() < 1e-6, "sample {n}");
    }
}

#[test]
fn estimates_are_near_what_they_estimate() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let s = summary(
        &sandbox
            .ok(&[
                "hessian",
                &plain,
                "--json",
                "--trace=60",
                "--density",
                "--steps",
                "40",
                "--diagonal",
                "--save-hessian",
            ])
            .stdout,
    );
    let trace = s["trace"].as_f64().unwrap();
    let t = &s["estimates"]["trace"];
    let (value, error) = (t["value"].as_f64().unwrap(), t["standard_error"].as_f64().unwrap());
    assert!((value - trace).abs() <= 6.0 * error, "{value} +- {error}, {trace}");
    let d = &s["estimates"]["density"];
    assert!((d["range"][1].as_f64().unwrap() - s["lambda_max"].as_f64().unwrap()).abs() < 1e-6);
    // The curve is [1000, 3], column by column; the density integrates to 1.
    let curve = read(&sandbox, "_density");
    assert_eq!(curve.shape, [1000, 3]);
    let (grid, density) = (&curve.values[..1000], &curve.values[1000..2000]);
    let integral: f64 = density.iter().sum::<f64>() * (grid[1] - grid[0]);
    assert!((integral - 1.0).abs() < 1e-3, "{integral}");
    // 1000 products are more than P, so the diagonal is exact.
    let (diagonal, h) = (read(&sandbox, "_diagonal"), matrix(&sandbox, "_hessian"));
    assert_eq!(diagonal.shape, [P, 2]);
    for i in 0..P {
        assert!((diagonal.values[i] - h(i, i)).abs() < 1e-13);
        assert_eq!(diagonal.values[P + i], 0.0);
    }
}

#[test]
fn reuse_and_what_is_said() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &changed(&[("/seed", json!(2))]));
    let mut talk = Vec::new();
    for args in [
        &["--top-k", "2"][..],
        &["--top-k", "2"],
        &["--top-k", "2", "--trace"],
        &["--top-k", "2", "--trace"],
        &["--top-k", "2", "--tolerance", "1e-6"],
        &["--operator", "ggn", "--classes", "0,2", "--density"],
        &["--operator", "ggn", "--classes", "0,2"],
    ] {
        let run = sandbox.ok(&[&["hessian", &plain], args].concat());
        talk.push(format!("# {}\n{}", args.join(" "), run.stderr));
    }
    insta::with_settings!({filters => vec![("[0-9a-f]{12}", "[HASH]")]}, {
        assert_snapshot!("reuse", talk.join("\n"));
    });
    assert_snapshot!("files", sandbox.names("results").join("\n"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let other = sandbox.config("other", &small());
    let usage: Vec<String> = [
        &["--top-k", "3", "--method", "dense"][..],
        &["--which", "both"],
        &["--top-k", "3", "--full-basis"],
        &["--method", "lanczos", "--save-hessian"],
        &["--decay-only", "fc1"],
        &["--method", "exact", "--dtype", "float32"],
        &["--samples", "5..5"],
        &["--samples", "some"],
        &["--loss", "l7"],
        &["--reparameterize", "1,2"],
        &["--tolerance", "0"],
        &["--probes", "3"],
        &["--seed", "-1"],
        &[other.as_str(), "--model", "theirs.safetensors"],
    ]
    .iter()
    .map(|args| {
        let run = sandbox.run(&[&["hessian", plain.as_str()], *args].concat());
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        format!("# {}\n{}", args.join(" "), run.stderr)
    })
    .collect();
    assert_snapshot!("usage", usage.join("\n"));
    let failures: Vec<String> =
        [&["--layers", "fc9"][..], &["--classes", "3"], &["--samples", "100..200"], &["--reparameterize", "1,2,3"]]
            .iter()
            .map(|args| sandbox.error(&[&["hessian", plain.as_str()], *args].concat()))
            .collect();
    assert_snapshot!("failures", failures.join("\n"));
}
