//! Sessions beside each other, clients that leave, and messages that make no sense.

use crate::client::{Client, loss, parts, start};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn two_clients_have_sessions_of_their_own() {
    let address = start();
    let (mut one, mut other) = (Client::new(&address), Client::new(&address));
    let before = loss(&other.wait("picture", |_| true));
    one.send(json!({ "do": "play" }));
    one.wait("picture", |picture| picture["epoch"].as_u64() >= Some(20));
    let picture = other.picture(json!({ "do": "view", "view": { "by": "classes" } }));
    assert_eq!((picture["epoch"].as_u64(), loss(&picture)), (Some(0), before));
    drop(other);
    one.wait("picture", |picture| picture["epoch"].as_u64() >= Some(40));
}

#[test]
fn a_client_that_vanishes_leaves_its_place_to_another() {
    let address = start();
    let origin = format!("http://{}", parts(&address).0);
    let mut clients: Vec<Client> = (0..8).map(|_| Client::new(&address)).collect();
    assert_eq!(Client::open(&address, Some(&origin)).err(), Some(503));
    // One of them is in the midst of things.
    clients[0].send(json!({ "do": "whole", "on": true }));
    clients[1].send(json!({ "do": "play" }));
    clients[1].wait("picture", |picture| picture["epoch"].as_u64() >= Some(5));
    clients.truncate(0);
    let begun = Instant::now();
    while Client::open(&address, Some(&origin)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "no place became free");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Numbers that look random and are the same every time.
struct Stream(u64);

impl Stream {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Sends a command that makes sense and waits for its answer; returns the number of errors before it.
fn answered(client: &mut Client) -> usize {
    let id = client.send(json!({ "do": "speed", "epochs": 7 }));
    let mut errors = 0;
    loop {
        let got = client.next();
        errors += usize::from(got["is"] == "error");
        if got["is"] == "playing" && got["since"] == id {
            assert_eq!(got["epochs"], 7);
            return errors;
        }
    }
}

#[test]
fn a_thousand_messages_without_sense_leave_the_session_alive() {
    let valid = [
        r#"{"id":1,"do":"move","along":[0.5,-1e300,1e-300],"random":1e99}"#,
        r#"{"id":1,"do":"speed","epochs":4294967295}"#,
        r#"{"id":1,"do":"view","view":{"by":"alignment","vector":18446744073709551615}}"#,
        r#"{"id":1,"do":"view","view":{"by":"unit","layer":18446744073709551615,"unit":3}}"#,
        r#"{"id":1,"do":"surface","axes":[{"vector":18446744073709551615},"random"]}"#,
        r#"{"id":1,"do":"add","x":1e308,"y":-1e308,"class":18446744073709551615}"#,
        r#"{"id":1,"do":"shift","sample":18446744073709551615,"x":0,"y":0}"#,
        r#"{"id":1,"do":"delete","sample":18446744073709551615}"#,
        r#"{"id":1,"do":"tune","lr":1e308,"weight_decay":-1}"#,
        r#"{"id":1,"do":"setup","setup":{"data":"circle","noise":1e308,"random_labels":true,"train_fraction":0.5,"hidden":[1,18446744073709551615],"activation":"relu","optimizer":"SGD","lr":1,"momentum":0,"weight_decay":0,"batch_size":0,"seed":1}}"#,
        r#"{"id":1,"do":"setup","setup":{"data":"circle","noise":-1,"random_labels":true,"train_fraction":0.5,"hidden":[],"activation":"relu","optimizer":"SGD","lr":1e999,"momentum":0,"weight_decay":0,"batch_size":18446744073709551615,"seed":1}}"#,
    ];
    let address = start();
    let mut client = Client::new(&address);
    client.wait("look", |_| true);
    let mut stream = Stream(7);
    let mut errors = 0;
    for i in 0..1000 {
        // What has been said is heard from time to time, since nobody is written to who does not read.
        if i % 20 == 0 {
            errors += answered(&mut client);
        }
        let mut bytes = valid[stream.below(valid.len())].as_bytes().to_vec();
        if i >= valid.len() {
            for _ in 0..=stream.below(4) {
                let at = stream.below(bytes.len());
                match stream.below(3) {
                    0 => bytes[at] = b"{}[],:\"0-9eE.truenull \\u"[stream.below(24)],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
                if bytes.is_empty() {
                    break;
                }
            }
        }
        match stream.below(50) {
            0 => client.binary(bytes),
            1 => client.raw(&"[".repeat(60_000)),
            2 => client.raw(&"x".repeat(100_000)),
            _ => client.raw(&String::from_utf8_lossy(&bytes)),
        }
    }
    errors += answered(&mut client);
    assert!(errors > 500, "{errors}");
    // It can still do everything.
    client.send(json!({ "do": "restart" }));
    while client.next()["is"] != "look" {}
}

#[test]
fn a_message_that_is_none_is_answered_in_words() {
    let mut client = Client::new(&start());
    client.raw("{\"do\":\"play\"}");
    assert!(client.wait("error", |_| true)["message"].as_str().unwrap().contains("`id`"));
    let id = client.send(json!({ "do": "dance" }));
    let error = client.wait("error", |error| error["id"] == id);
    assert!(error["message"].as_str().unwrap().contains("dance"), "{error}");
}
