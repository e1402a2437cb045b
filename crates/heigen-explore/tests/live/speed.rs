//! How long answers take. Not a test of the suite, since times depend on the machine:
//! `cargo test -p heigen-explore --test live -- --ignored --nocapture speed` prints the table of the guide.

use crate::client::{Client, setup, start};
use serde_json::json;
use std::time::{Duration, Instant};

/// Median and largest of milliseconds.
fn in_words(mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    format!("{:.0} ms ({:.0})", times[times.len() / 2], times[times.len() - 1])
}

/// Milliseconds from moves to the first answer of a kind that takes each of them into account.
fn after_moves(client: &mut Client, kind: &str, count: u32) -> Vec<f64> {
    let timed = |i: u32| {
        let begun = Instant::now();
        let step = 0.01 * f64::from(i + 1);
        let id = client.send(json!({ "do": "move", "along": [step, -step], "random": 0.0 }));
        client.since(kind, id);
        let time = begun.elapsed().as_secs_f64() * 1e3;
        // A hand that moves on.
        std::thread::sleep(Duration::from_millis(15));
        time
    };
    (0..count).map(timed).collect()
}

#[test]
#[ignore = "measures times, which depend on the machine"]
fn speed_of_answers() {
    println!("| network | picture and map | top ten | whole spectrum | pictures a second |");
    println!("| --- | --- | --- | --- | --- |");
    for units in [30, 100] {
        let mut client = Client::new(&start());
        client.headers_only = true;
        client.wait("picture", |_| true);
        let change = json!({ "data": "gauss_mixtures", "hidden": [units, units], "activation": "relu", "lr": 0.05, "batch_size": 0 });
        client.send(json!({ "do": "setup", "setup": setup(&change) }));
        client.send(json!({ "do": "until", "epochs": 200 }));
        let at = client.wait("restored", |_| true);
        client.wait("look", |look| look["version"] == at["version"]);
        client.send(json!({ "do": "view", "view": { "by": "alignment", "vector": 0 } }));
        let pictures = after_moves(&mut client, "picture", 60);
        let looks = after_moves(&mut client, "look", 30);
        client.send(json!({ "do": "whole", "on": true }));
        let whole = after_moves(&mut client, "spectrum", 5);
        client.send(json!({ "do": "whole", "on": false }));
        client.send(json!({ "do": "play" }));
        client.wait("picture", |picture| picture["epoch"].as_u64() > Some(205));
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < Duration::from_secs(4) {
            count += usize::from(client.next()["is"] == "picture");
        }
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        let row = [in_words(pictures), in_words(looks), in_words(whole), format!("{rate:.0}")];
        println!("| 2-{units}-{units}-3 | {} |", row.join(" | "));
    }
}
