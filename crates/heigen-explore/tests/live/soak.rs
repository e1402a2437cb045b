//! Long use, with memory looked at. Not a test of the suite, since it takes half an hour:
//! `cargo test -p heigen-explore --test live -- --ignored --nocapture soak`, with `HEIGEN_SOAK_MINUTES` for another time.
//!
//! It runs in a process whose allocator gives memory back at once. With the C library's own settings, every thread keeps what it has
//! freed, so that memory rises to some 300 MiB within ten minutes and goes up and down by a third of that: in that noise, no loss of
//! memory would be seen.

use crate::client::{Client, setup, start};
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// The settings of the C library with which its threads share one arena, and freed memory goes back to the system.
const GIVES_BACK: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "1000000"), ("MALLOC_MMAP_THRESHOLD_", "131072")];

/// The memory of this process that is in use, in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a system with /proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

/// One visit: everything that a person does, in half a minute or less.
fn visit(address: &str, number: u32) {
    let mut client = Client::new(address);
    client.wait("picture", |_| true);
    let sets = ["gauss_mixtures", "circle", "half_moon", "hierachical", "iris"];
    let units = [10, 30, 50][number as usize % 3];
    let change = json!({
        "data": sets[number as usize % sets.len()], "hidden": [units, units], "activation": "relu", "lr": 0.05, "batch_size": 0,
        "start": if number.is_multiple_of(7) { "adversarial" } else { "fresh" },
    });
    let id = client.send(json!({ "do": "setup", "setup": setup(&change) }));
    client.since("look", id);
    client.send(json!({ "do": "units", "layer": 0 }));
    client.send(json!({ "do": "surface", "axes": [{ "vector": 0 }, { "vector": 1 }] }));
    client.send(json!({ "do": "pieces", "on": true }));
    client.send(json!({ "do": "play" }));
    client.wait("picture", |picture| picture["epoch"].as_u64() >= Some(100));
    let id = client.send(json!({ "do": "pause" }));
    client.since("look", id);
    client.wait("pieces", |_| true);
    client.send(json!({ "do": "view", "view": { "by": "alignment", "vector": 0 } }));
    for i in 0..30 {
        client.picture(json!({ "do": "move", "along": [0.01 * f64::from(i)], "random": 0.0 }));
        std::thread::sleep(Duration::from_millis(20));
    }
    client.picture(json!({ "do": "move", "along": [], "random": 0.0 }));
    client.picture(json!({ "do": "flip", "sample": 1 }));
    let id = client.send(json!({ "do": "whole", "on": true }));
    client.since("spectrum", id);
    for what in ["plane", "spectrum", "surface"] {
        let id = client.send(json!({ "do": "draw", "what": { "of": what }, "form": "png" }));
        client.since("drawing", id);
    }
}

#[test]
#[ignore = "takes half an hour"]
fn soak_with_memory_that_stays() {
    if GIVES_BACK.iter().any(|(name, value)| std::env::var(name).as_deref() != Ok(value)) {
        let own = std::env::current_exe().expect("a program");
        let arguments = ["--ignored", "--nocapture", "--exact", "soak::soak_with_memory_that_stays"];
        let ended = Command::new(own).args(arguments).envs(GIVES_BACK).status().expect("a process");
        assert!(ended.success(), "memory has not stayed: see above");
        return;
    }
    let minutes = std::env::var("HEIGEN_SOAK_MINUTES").ok().and_then(|m| m.parse::<f64>().ok()).unwrap_or(30.0);
    let address = start();
    let begun = Instant::now();
    let (mut visits, mut readings, mut next) = (0, vec![], 0.0);
    while begun.elapsed().as_secs_f64() < 60.0 * minutes {
        visit(&address, visits);
        visits += 1;
        let now = begun.elapsed().as_secs_f64() / 60.0;
        if now >= next {
            println!("{now:5.1} min: {:6.1} MiB after {visits} visits", resident());
            readings.push(resident());
            next = now + minutes / 30.0;
        }
        // Little load, so that the machine can do something else.
        std::thread::sleep(Duration::from_secs(4));
    }
    // After a tenth of the time everything that is kept once is there.
    // Medians, since a reading now and then meets a session at its height.
    let median = |mut part: Vec<f64>| {
        part.sort_by(f64::total_cmp);
        part[part.len() / 2]
    };
    let quarter = readings.len() / 4;
    let early = median(readings.iter().skip(readings.len() / 10).take(quarter).copied().collect());
    let late = median(readings.iter().rev().take(quarter).copied().collect());
    assert!(late < 1.15 * early + 10.0, "{early} MiB at first, {late} MiB at last");
}
