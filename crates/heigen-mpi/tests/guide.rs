//! The scripts of the guide's chapter on clusters, followed literally, but for the size of their work: stand-ins for Slurm's commands run them
//! on this machine.
#![cfg(unix)]

mod common;

use common::Sandbox;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

const CHAPTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/src/clusters.md");

/// Two processes for every step of a job, an array's jobs one after the other, and nothing to load.
const STAND_INS: [(&str, &str); 3] = [
    ("module", "exit 0"),
    ("srun", "exec mpirun --oversubscribe -n 2 \"$@\""),
    (
        "sbatch",
        r#"script="${!#}"; range=$(sed -n 's/^#SBATCH --array=//p' "$script"); echo 1
for i in $(seq ${range%-*} ${range#*-}); do SLURM_ARRAY_TASK_ID=$i bash "$script" >>job.log 2>&1 || exit 1; done"#,
    ),
];

/// The chapter's scripts with less to do, in order.
fn scripts() -> Vec<String> {
    let chapter = fs::read_to_string(CHAPTER).unwrap();
    let all: Vec<String> = chapter
        .split("```bash\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .map(|block| {
            block
                .replace("reproduce --seeds 0..31", "reproduce fig1 --seeds 0..2")
                .replace("study boundary", "study tiny.json")
                .replace("my/network.json --top-k 50", "my/plain.json --top-k 5")
        })
        .collect();
    assert!(all.iter().all(|script| !script.contains("0..31") && !script.contains("study boundary")));
    all
}

fn bash(sandbox: &Sandbox, script: &Path) {
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.arg(script).current_dir(sandbox.path("")).env("PATH", path).env("SCRATCH", sandbox.path(""));
    command
        .env("SLURM_CPUS_PER_TASK", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command.env("OMPI_MCA_mpi_yield_when_idle", "1").env("OMPI_MCA_hwloc_base_binding_policy", "none");
    let output = command.output().unwrap();
    let log = fs::read_to_string(sandbox.path("job.log")).unwrap_or_default();
    assert!(output.status.success(), "{}: {}{log}", script.display(), String::from_utf8_lossy(&output.stderr));
}

/// A folder with the programs on the path, and stand-ins for Slurm's.
fn cluster() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("bin")).unwrap();
    for (name, script) in STAND_INS {
        let path = sandbox.path(&format!("bin/{name}"));
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Without a launcher the program for MPI is the plain one.
    for name in ["heigen", "heigen-mpi"] {
        symlink(env!("CARGO_BIN_EXE_heigen-mpi"), sandbox.path(&format!("bin/{name}"))).unwrap();
    }
    let study = r#"{"title": "Tiny", "seeds": {"count": 2}, "converged_loss": 0.9,
        "experiment": {"model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 5, "num_neurons_layer2": 5}},
                       "optimizer": {"type": "SGD", "args": {"lr": 0.1}}, "dataset": {"type": "half_moon"},
                       "train_fraction": 0.5, "test_fraction": 0.5,
                       "trainer": {"num_epochs": 10, "batch_size": 32, "how_often_print": 10}},
        "factors": {"rate": {"slow": {}, "fast": {"optimizer": {"args": {"lr": 0.2}}}}},
        "claims": [{"name": "sharper", "statement": "A high rate ends flatter.", "expect": "smaller",
                    "compare": {"measure": "lambda_1", "factor": "rate", "levels": ["fast", "slow"]}}]}"#;
    fs::write(sandbox.path("tiny.json"), study).unwrap();
    sandbox
}

#[test]
fn the_scripts_for_slurm_do_what_the_guide_says() {
    let scripts = scripts();
    let with = |words: &[&str]| {
        let fits = |script: &&String| words.iter().all(|word| script.contains(word));
        scripts.iter().find(fits).unwrap_or_else(|| panic!("no script with {words:?}"))
    };
    let alone = cluster();
    alone.ok(0, &["reproduce", "fig1", "--seeds", "0..2"]);
    alone.ok(0, &["study", "tiny.json", "--threads", "1"]);

    let one = cluster();
    fs::write(one.path("job.sh"), with(&["srun heigen-mpi hessian"])).unwrap();
    bash(&one, &one.path("job.sh"));
    assert!(one.files("results/grads").len() > 2, "eigenvalues, eigenvectors and their record");

    let dealt = cluster();
    fs::write(dealt.path("job.sh"), with(&["srun heigen-mpi reproduce"])).unwrap();
    bash(&dealt, &dealt.path("job.sh"));
    assert!(dealt.files("results") == alone.files("results") && dealt.files("figures") == alone.files("figures"));
    assert!(dealt.path("report/index.html").is_file());

    let array = cluster();
    fs::write(array.path("share.sh"), with(&["--array", "--shard"])).unwrap();
    fs::write(array.path("gather.sh"), with(&["#SBATCH", "heigen gather"])).unwrap();
    fs::write(array.path("submit.sh"), with(&["sbatch --parsable"])).unwrap();
    // The second job is no array.
    let gather = format!("{}#SBATCH --array=1-1\n", with(&["#SBATCH", "heigen gather"]));
    fs::write(array.path("gather.sh"), gather).unwrap();
    bash(&array, &array.path("submit.sh"));
    let results = |sandbox: &Sandbox| {
        let mut all = sandbox.files("results");
        all.retain(|path, _| !path.starts_with("studies"));
        all
    };
    assert!(results(&array) == results(&alone) && array.files("figures") == alone.files("figures"));
    assert!(array.path("report/index.html").is_file());
}
