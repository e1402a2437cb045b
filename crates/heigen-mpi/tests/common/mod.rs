//! A folder with experiments, and the program run there by the processes of a launcher.

#![allow(dead_code, reason = "every test file uses a part of this")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_heigen-mpi");

/// A folder with the experiments that the tests analyse.
pub(crate) struct Sandbox(tempfile::TempDir);

pub(crate) fn experiment(model: &Value, dataset: &Value, epochs: u32) -> Value {
    json!({
        "model": model,
        "optimizer": {"type": "SGD", "args": {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0}},
        "dataset": dataset,
        "init_model_at": "",
        "train_fraction": 0.7,
        "test_fraction": 0.2,
        "trainer": {"num_epochs": epochs, "how_often_save_model": 0, "how_often_compute_grads": 0,
                    "how_often_print": 6, "batch_size": 64}
    })
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        // The 560 training samples are eight leaves of the sums, so that several ranks have some.
        let moons = json!({"type": "half_moon", "args": {"random": false, "num_samples": 800}});
        let digits = json!({"type": "mnist2D", "args": {"class_list": [0, 1, 2], "num_samples_per_cls": 20}});
        let plain = json!({"type": "FNN_2layer", "args": {"num_neurons_layer1": 8, "num_neurons_layer2": 8}});
        sandbox.config("plain", &experiment(&plain, &moons, 12));
        // Vectors of eight tiles of rows, which seven processes may share.
        let wide = json!({"type": "FNN_2layer", "args": {"num_neurons_layer1": 200, "num_neurons_layer2": 150}});
        sandbox.config("wide", &experiment(&wide, &moons, 4));
        // Vectors of two tiles of rows, and few samples, so that the rank is small.
        let few = json!({"type": "half_moon", "args": {"random": false, "num_samples": 100}});
        let tiles = json!({"type": "FNN_2layer", "args": {"num_neurons_layer1": 60, "num_neurons_layer2": 70}});
        sandbox.config("tiles", &experiment(&tiles, &few, 12));
        // Vectors of four.
        let mut one_layer = experiment(&json!({"type": "FNN", "args": {"num_neurons": 20}}), &digits, 6);
        one_layer["optimizer"]["args"]["lr"] = json!(1e-3);
        sandbox.config("digits", &one_layer);
        sandbox.config("images", &experiment(&json!({"type": "CNN", "args": {}}), &digits, 2));
        sandbox
    }

    pub(crate) fn config(&self, name: &str, config: &Value) {
        let path = self.0.path().join(format!("my/{name}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, config.to_string()).unwrap();
    }

    /// The experiment in a file.
    pub(crate) fn read(&self, relative: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(relative)).unwrap()).unwrap()
    }

    /// The command `heigen-mpi ARGS` by `ranks` processes; 0 is the program without a launcher.
    pub(crate) fn command(&self, ranks: usize, args: &[&str]) -> Command {
        let mut command = if ranks == 0 {
            Command::new(PROGRAM)
        } else {
            let mut command = Command::new("mpirun");
            command.args(["--oversubscribe", "-n", &ranks.to_string(), PROGRAM]);
            command
        };
        self.set_up(&mut command);
        command.args(args);
        command
    }

    /// `heigen-mpi ARGS` by `ranks` processes, of which all but that of rank 0 work in another folder of the sandbox.
    pub(crate) fn apart(&self, ranks: usize, folder: &str, args: &[&str]) -> Output {
        let (mut command, others) = (Command::new("mpirun"), (ranks - 1).to_string());
        self.set_up(&mut command);
        command.args(["--oversubscribe", "-n", "1", PROGRAM]).args(args);
        command.args([":", "-n", &others, "--wdir"]).arg(self.path(folder)).arg(PROGRAM).args(args);
        command.output().unwrap()
    }

    fn set_up(&self, command: &mut Command) {
        // Tests may run as root in a container, on fewer cores than there are processes.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        command.env("OMPI_MCA_mpi_yield_when_idle", "1").env("OMPI_MCA_hwloc_base_binding_policy", "none");
        command.current_dir(self.0.path()).stdin(Stdio::null());
    }

    pub(crate) fn run(&self, ranks: usize, args: &[&str]) -> Output {
        self.command(ranks, args).output().expect("the tests need an MPI installation: `./test --install` installs it")
    }

    pub(crate) fn ok(&self, ranks: usize, args: &[&str]) -> Output {
        let output = self.run(ranks, args);
        assert!(output.status.success(), "{ranks} ranks, {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// The files below a folder with their bytes, without the times that records tell.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let (root, mut found) = (self.path(folder), BTreeMap::new());
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(&root).unwrap().to_owned(), timeless(&path));
                }
            }
        }
        found
    }
}

fn timeless(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "json") {
        return bytes;
    }
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    forget_times(&mut value);
    value.to_string().into_bytes()
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| key != "seconds");
            fields.values_mut().for_each(forget_times);
        }
        Value::Array(entries) => entries.iter_mut().for_each(forget_times),
        _ => {}
    }
}

/// Runs `args` by several numbers of processes, and compares what they wrote.
pub(crate) fn same_files(args: &[&str], ranks: &[usize]) {
    // Records name files by their paths, so that each has a folder of the same name.
    let into = |n: usize| {
        let sandbox = Sandbox::new();
        sandbox.ok(n, args);
        sandbox.files("results")
    };
    let alone = into(0);
    assert!(alone.len() > 1, "{args:?} wrote {:?}", alone.keys());
    for &n in ranks {
        let together = into(n);
        assert_eq!(alone.keys().collect::<Vec<_>>(), together.keys().collect::<Vec<_>>(), "{args:?}, {n} ranks");
        for (path, bytes) in &alone {
            assert!(*bytes == together[path], "{args:?}: {} differs with {n} ranks", path.display());
        }
    }
}
