//! A process that is killed: the job ends with a message that names it, results stay whole, and the next run goes on.
#![cfg(target_os = "linux")]

mod common;

use common::{Sandbox, experiment};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RANKS: usize = 3;

/// The processes of the program that were started in `folder`, with their ranks.
fn processes_in(folder: &Path) -> Vec<(u32, usize)> {
    let folder = folder.canonicalize().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_heigen-mpi")).canonicalize().unwrap();
    let of_program = |id: u32| {
        let at = PathBuf::from(format!("/proc/{id}"));
        let is = |link: &str, wanted: &Path| fs::read_link(at.join(link)).is_ok_and(|found| found == wanted);
        let environment = fs::read(at.join("environ")).ok().filter(|_| is("cwd", &folder) && is("exe", &program))?;
        let rank = environment.split(|&b| b == 0).find_map(|v| v.strip_prefix(b"OMPI_COMM_WORLD_RANK="))?;
        Some((id, std::str::from_utf8(rank).ok()?.parse().ok()?))
    };
    let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.filter_map(of_program).collect()
}

/// Fails if a file has its name and is not complete.
fn check_whole(folder: &Path) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() {
                folders.push(path);
            } else if !hidden && path.extension().is_some_and(|ending| ending == "json") {
                let text = fs::read(&path).unwrap();
                assert!(serde_json::from_slice::<Value>(&text).is_ok(), "{} is no JSON", path.display());
            }
        }
    }
}

/// Kills a process of a job so many times, each time another one at another moment; in the end the results are those of one process
/// that nobody has killed. Returns the number of jobs that it took.
fn killed(kills: usize) -> usize {
    let args = ["hessian", "my/net.json", "--top-k", "6", "--density", "--checkpoint-every", "0.05"];
    let (alone, sandbox) = (Sandbox::new(), Sandbox::new());
    let digits = json!({"type": "mnist2D", "args": {"class_list": [0, 1, 2], "num_samples_per_cls": 20}});
    let net = experiment(&json!({"type": "CNN", "args": {}}), &digits, 3);
    alone.config("net", &net);
    sandbox.config("net", &net);
    alone.ok(0, &args);
    let begun = Instant::now();
    sandbox.ok(RANKS, &args);
    let whole = begun.elapsed();
    let wanted = alone.files("results");
    assert!(sandbox.files("results") == wanted);

    let anew = || fs::remove_dir_all(sandbox.path("results")).unwrap();
    anew();
    let (mut killed, mut jobs) = (0, 0);
    while killed < kills {
        jobs += 1;
        assert!(jobs <= 6 * kills + 6, "{killed} of {jobs} jobs were killed");
        let mut job = sandbox.command(RANKS, &args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let mut processes = vec![];
        while processes.len() < RANKS && job.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "the job has not begun");
            std::thread::sleep(Duration::from_millis(2));
            processes = processes_in(&sandbox.path(""));
        }
        // At all moments of a job, one after the other in steps of the golden section.
        std::thread::sleep(whole.mul_f64(0.9 * (jobs as f64 * 0.618_034).fract()));
        let victim = jobs % RANKS;
        if let Some((id, _)) = processes.iter().find(|&&(_, rank)| rank == victim) {
            // It may have ended by itself.
            let _ = Command::new("kill").args(["-9", &id.to_string()]).stderr(Stdio::null()).status().unwrap();
        }
        let output = job.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        check_whole(&sandbox.path("results"));
        if output.status.success() {
            // All was done before: it begins again.
            assert!(sandbox.files("results") == wanted);
            anew();
            continue;
        }
        assert!(said.contains("exited on signal 9") && said.contains(&format!("rank {victim}")), "{said}");
        killed += 1;
    }
    sandbox.ok(RANKS, &args);
    let found = sandbox.files("results");
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    assert!(found == wanted);
    jobs
}

#[test]
fn a_rank_that_is_killed_ends_the_job_and_the_next_run_goes_on() {
    killed(3);
}

/// The same twenty times: `cargo test -p heigen-mpi --test faults -- --ignored`.
#[test]
#[ignore = "takes a minute"]
fn twenty_kills() {
    println!("20 kills in {} jobs", killed(20));
}
