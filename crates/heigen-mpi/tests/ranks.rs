//! The program under `mpirun`: any number of processes writes the files of one, and a process that is lost ends the job.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder with the experiments that the tests analyse.
struct Sandbox(tempfile::TempDir);

fn experiment(model: &Value, dataset: &Value, epochs: u32) -> Value {
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
    fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        let gauss = json!({"type": "gauss_mixtures", "args": {"random": false}});
        let digits = json!({"type": "mnist2D", "args": {"class_list": [0, 1, 2], "num_samples_per_cls": 20}});
        let plain = json!({"type": "FNN_2layer", "args": {"num_neurons_layer1": 8, "num_neurons_layer2": 8}});
        sandbox.config("plain", &experiment(&plain, &gauss, 12));
        sandbox.config("images", &experiment(&json!({"type": "CNN", "args": {}}), &digits, 2));
        sandbox
    }

    fn config(&self, name: &str, config: &Value) {
        let path = self.0.path().join(format!("my/{name}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, config.to_string()).unwrap();
    }

    /// The command `heigen-mpi ARGS` by `ranks` processes; 0 is the program without a launcher.
    fn command(&self, ranks: usize, args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_heigen-mpi");
        let mut command = if ranks == 0 {
            Command::new(program)
        } else {
            let mut command = Command::new("mpirun");
            command.args(["--oversubscribe", "-n", &ranks.to_string(), program]);
            command
        };
        // Tests may run as root in a container, on fewer cores than there are processes.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        command.env("OMPI_MCA_mpi_yield_when_idle", "1").env("OMPI_MCA_hwloc_base_binding_policy", "none");
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, ranks: usize, args: &[&str]) -> Output {
        self.command(ranks, args).output().expect("the tests need an MPI installation: `./test --install` installs it")
    }

    fn ok(&self, ranks: usize, args: &[&str]) -> Output {
        let output = self.run(ranks, args);
        assert!(output.status.success(), "{ranks} ranks, {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// The files below a folder with their bytes, without the times that records tell.
    fn files(&self, folder: &str) -> BTreeMap<PathBuf, Vec<u8>> {
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
fn same_files(args: &[&str], ranks: &[usize]) {
    // Records name files by their paths, so that each has a folder of the same name.
    let into = |n: usize| {
        let sandbox = Sandbox::new();
        sandbox.ok(n, args);
        sandbox.files("results")
    };
    let alone = into(0);
    assert!(alone.len() > 2, "{args:?} wrote {:?}", alone.keys());
    for &n in ranks {
        let together = into(n);
        assert_eq!(alone.keys().collect::<Vec<_>>(), together.keys().collect::<Vec<_>>(), "{args:?}, {n} ranks");
        for (path, bytes) in &alone {
            assert!(*bytes == together[path], "{args:?}: {} differs with {n} ranks", path.display());
        }
    }
}

#[test]
fn a_whole_spectrum_has_the_same_bytes() {
    same_files(&["hessian", "my/plain.json"], &[1, 2, 3, 7]);
}

#[test]
fn eigenpairs_and_estimates_have_the_same_bytes() {
    same_files(&["hessian", "my/plain.json", "--top-k", "5", "--trace", "--density", "--diagonal"], &[2, 3, 4]);
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

#[test]
fn what_is_wrong_is_said_once_and_ends_the_job() {
    let sandbox = Sandbox::new();
    let failed = sandbox.run(3, &["hessian", "my/missing.json"]);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.matches("my/missing.json").count() == 1, "{said}");
    let usage = sandbox.run(2, &["hessian", "--no-such-option"]);
    let said = String::from_utf8_lossy(&usage.stderr).into_owned();
    assert!(!usage.status.success() && said.matches("unexpected argument").count() == 1, "{said}");
    for command in [&["reproduce"][..], &["study", "boundary"], &["explore"]] {
        let refused = sandbox.run(2, command);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("which processes cannot share"), "{said}");
    }
    assert!(sandbox.ok(2, &["--help"]).stdout.starts_with(b"What does"), "{:?}", sandbox.ok(2, &["--help"]));
}

/// The processes of the program that were started in `folder`.
#[cfg(target_os = "linux")]
fn processes_in(folder: &Path) -> Vec<u32> {
    let folder = folder.canonicalize().unwrap();
    let of_program = |id: &u32| {
        let at = PathBuf::from(format!("/proc/{id}"));
        let is = |link: &str, wanted: &Path| fs::read_link(at.join(link)).is_ok_and(|found| found == wanted);
        is("cwd", &folder) && is("exe", &Path::new(env!("CARGO_BIN_EXE_heigen-mpi")).canonicalize().unwrap())
    };
    let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = ids.filter(of_program).collect();
    found.sort_unstable();
    found
}

#[cfg(target_os = "linux")]
#[test]
fn a_rank_that_is_killed_ends_the_job_and_the_next_run_goes_on() {
    let sandbox = Sandbox::new();
    let args = ["hessian", "my/images.json", "--top-k", "6", "--density", "--checkpoint-every", "0.1"];
    sandbox.ok(0, &["train", "my/images.json"]);
    for (victim, wait) in [(1, 300), (0, 600), (2, 900)] {
        let mut job = sandbox.command(3, &args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while processes_in(sandbox.0.path()).len() < 3 && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(wait));
        let processes = processes_in(sandbox.0.path());
        let Some(id) = processes.get(victim) else {
            // It was done before.
            assert!(job.wait().unwrap().success());
            continue;
        };
        assert!(Command::new("kill").args(["-9", &id.to_string()]).status().unwrap().success());
        let output = job.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("exited on signal 9"), "{said}");
    }
    sandbox.ok(3, &args);
    let other = Sandbox::new();
    other.ok(0, &args);
    assert_eq!(sandbox.files("results"), other.files("results"));
}
