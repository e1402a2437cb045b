//! `heigen analyze` on files as people have them, and on files made to mislead: each case is named after what once went
//! wrong. The numbers are float64 PyTorch's.

mod common;

use common::Sandbox;
use serde_json::Value;
use std::path::PathBuf;

fn fixture(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/as_people_have_them");
    folder.canonicalize().expect("the folder is there").join(file).to_str().expect("UTF-8").to_owned()
}

/// P, the loss and lambda_1.
type Numbers = (u64, f64, f64);

const CIRCLE: Numbers = (42, 0.004958159130957707, 0.1438769190767591);
const IRIS: Numbers = (67, 0.039670505414884476, 34.277501140945766);
const INDEXED: Numbers = (67, 0.045561126144976836, 39.070808029114325);
const ONE_CLASS: Numbers = (67, 0.0006425095191927318, 0.017820495353123883);
const IMAGES: Numbers = (204, 0.021374068629479756, 0.49684968751442404);
const TAKEN: Numbers = (376, 1.5737186592338248, 3.0711712991828723);

/// A call that gives PyTorch's numbers.
struct Read {
    model: &'static str,
    arch: &'static str,
    data: &'static str,
    more: &'static [&'static str],
    numbers: Numbers,
    /// Parts of the notes that must be said.
    said: &'static [&'static str],
}

const fn read(
    files: [&'static str; 3],
    more: &'static [&'static str],
    numbers: Numbers,
    said: &'static [&'static str],
) -> Read {
    let [model, arch, data] = files;
    Read { model, arch, data, more, numbers, said }
}

const fn circle(model: &'static str, more: &'static [&'static str], said: &'static [&'static str]) -> Read {
    read([model, "circle.arch.json", "circle.npz"], more, CIRCLE, said)
}

const fn iris(data: &'static str, more: &'static [&'static str], said: &'static [&'static str]) -> Read {
    read(["iris.pt", "iris.arch.json", data], more, IRIS, said)
}

const WEIGHTS: [Read; 8] = [
    circle("module_prefix.pt", &[], &["begin with `module.`"]),
    circle("module_prefix.pt", &["--map", "module.="], &[]),
    circle("averaged.pt", &[], &["begin with `module.`"]),
    circle("checkpoint.pth.tar", &[], &["the entry `state_dict`", "begin with `module.`"]),
    circle("hyper_parameters.ckpt", &[], &["the entry `state_dict`", "begin with `model.`"]),
    circle("checkpoint_epoch_0010.pt", &[], &[]),
    circle("extra_tensors.pt", &["--leave-out", "aux_head.,criterion.,mean"], &["begin with `criterion.`"]),
    read(["taken_for_pickle.safetensors", "taken_for_pickle.arch.json", "taken_for_pickle.npz"], &[], TAKEN, &[]),
];

const SAMPLES: [Read; 14] = [
    iris("semicolons.csv", &[], &["semicolons", "0 is setosa, 1 is versicolor, 2 is virginica"]),
    iris("decimal_commas.csv", &[], &["semicolons, and numbers have decimal commas"]),
    iris("row_names.csv", &[], &["names the rows"]),
    iris("id_column.csv", &["--drop", "Id"], &[]),
    iris("objects.npz", &[], &["0 is setosa, 1 is versicolor, 2 is virginica"]),
    iris("objects.npz", &["--class-names", "setosa,versicolor,virginica"], &["in the order of the given names"]),
    iris("from_one.npz", &[], &["count from 1: 0 is 1, 1 is 2, 2 is 3"]),
    iris("one_hot.npz", &[], &["one-hot"]),
    iris("column.npz", &[], &[]),
    read(["iris.pt", "iris.arch.json", "named_index.parquet"], &[], INDEXED, &["index of the pandas frame", "`id`"]),
    read(["iris.pt", "iris.arch.json", "one_class.npz"], &[], ONE_CLASS, &[]),
    read(["circle.pt", "circle.arch.json", "signs.csv"], &[], CIRCLE, &["0 is -1, 1 is 1"]),
    read(
        ["images.pt", "images.arch.json", "channels_last_bytes.npz"],
        &["--divide-by", "255"],
        IMAGES,
        &["taken to the front"],
    ),
    read(
        ["images.pt", "images.arch.json", "channels_last_bytes.npz"],
        &["--divide-by", "255", "--channels-last"],
        IMAGES,
        &["taken to the front"],
    ),
];

fn compare(cases: &[Read]) {
    for case in cases {
        let sandbox = Sandbox::new();
        let what = format!("{} on {} {:?}", case.model, case.data, case.more);
        let [model, arch, data] = [case.model, case.arch, case.data].map(fixture);
        let mut args = vec!["analyze", "--model", &model, "--arch", &arch, "--data", &data, "--json", "--top-k", "3"];
        args.extend(case.more);
        let run = sandbox.ok(&args);
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        let top = &json["top_k"];
        let (p, loss, largest) = case.numbers;
        let close = |got: &Value, wanted: f64| (got.as_f64().unwrap() - wanted).abs() <= 1e-9 * wanted.abs().max(1e-3);
        assert_eq!(top["n_params"], p, "{what}");
        assert!(close(&top["loss"], loss), "{what}: loss {}", top["loss"]);
        assert!(close(&top["eigenvalues"][0], largest), "{what}: lambda_1 {}", top["eigenvalues"][0]);
        for said in case.said {
            assert!(run.stderr.contains(said), "{what}: `{said}` is not said: {}", run.stderr);
        }
    }
}

#[test]
fn weights_in_wrappers_and_checkpoints_have_pytorchs_eigenvalues() {
    compare(&WEIGHTS);
}

#[test]
fn samples_as_people_write_them_have_pytorchs_eigenvalues() {
    compare(&SAMPLES);
}

#[test]
fn what_cannot_be_read_is_refused_in_a_short_message_that_says_how_to_mend_it() {
    let refused: [(&str, &str, &str, &[&str]); 6] = [
        ("extra_tensors.pt", "circle.arch.json", "circle.npz", &["--leave-out aux_head.weight,criterion.weight,mean"]),
        ("repeated_key.safetensors", "two_layers.arch.json", "circle.npz", &["the key `0.bias` twice"]),
        ("terminal_escapes.safetensors", "two_layers.arch.json", "circle.npz", &["\\u001b[31mx\\u000a"]),
        ("iris.pt", "iris.arch.json", "quoted_decimal_commas.csv", &["decimal comma", "decimal points"]),
        ("iris.pt", "iris.arch.json", "id_column.csv", &["`Id`", "numbers the rows", "0.weight is [8, 4]"]),
        ("iris.csv", "iris.arch.json", "one_hot.npz", &["cannot read", "check the path"]),
    ];
    for (model, arch, data, said) in refused {
        let sandbox = Sandbox::new();
        let [model, arch, data] = [model, arch, data].map(fixture);
        let message = sandbox.error(&["analyze", "--model", &model, "--arch", &arch, "--data", &data]);
        for said in said {
            assert!(message.contains(said), "`{said}` is not said: {message}");
        }
        assert!(message.len() < 2000, "{message}");
        assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
        assert_eq!(sandbox.names("results"), Vec::<String>::new(), "nothing was written");
    }
}

#[test]
fn networks_of_other_names_are_offered_the_exact_renaming() {
    let sandbox = Sandbox::new();
    let named = r#"{"layers": [{"type": "linear", "name": "fc1", "out_features": 8}, {"type": "tanh"},
        {"type": "linear", "name": "fc2", "out_features": 2}]}"#;
    sandbox.file("named.json", named.as_bytes());
    let [model, data] = ["circle.pt", "circle.npz"].map(fixture);
    let args = ["analyze", "--model", &model, "--arch", "named.json", "--data", &data, "--top-k", "3"];
    let message = sandbox.error(&args);
    assert!(message.contains("--map 0.=fc1. --map 2.=fc2."), "{message}");
    sandbox.ok(&[&args[..], &["--map", "0.=fc1.", "--map", "2.=fc2."]].concat());
}

#[cfg(unix)]
#[test]
fn devices_pipes_and_folders_are_refused_and_nothing_waits_for_them() {
    let sandbox = Sandbox::new();
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("pipe.csv")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo is there");
    sandbox.file("folder/inside.txt", b"");
    let [model, arch, data] = ["circle.pt", "circle.arch.json", "circle.npz"].map(fixture);
    let refused = |model: &str, arch: &str, data: &str, said: &str| {
        let message = sandbox.error(&["analyze", "--model", model, "--arch", arch, "--data", data]);
        assert!(message.contains(said), "{message}");
    };
    for (path, said) in
        [("/dev/zero", "a device or a pipe"), ("pipe.csv", "a device or a pipe"), ("folder", "a folder")]
    {
        refused(&model, &arch, path, said);
        // A folder of networks is analysed whole; this one holds none.
        let said_of_model = if path == "folder" { "folder holds no file that may be a network" } else { said };
        refused(path, &arch, &data, said_of_model);
        refused(&model, path, &data, said);
    }
    let message =
        sandbox.error(&["analyze", "--model", &model, "--arch", &arch, "--data", "X.npy", "--labels", "/dev/zero"]);
    assert!(message.contains("cannot read X.npy"), "{message}");
}
