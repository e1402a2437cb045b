//! Tests of `heigen explore`: it serves its page until Ctrl-C, and says in words what it cannot explore.

mod common;

use common::Sandbox;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Starts the explorer; returns the process and the page's address.
fn started(sandbox: &Sandbox, arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.arg("explore").args(arguments).current_dir(sandbox.path(""));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
    (child, address.trim().to_owned())
}

/// The answer to a request for the page at `address`.
fn page(address: &str) -> String {
    let (host, path) = address.strip_prefix("http://").expect("an address").split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(unix)]
#[test]
fn it_serves_its_page_until_ctrl_c() {
    let sandbox = Sandbox::new();
    let of_four_features = &["iris/normal_training", "--framed"];
    for arguments in [&[][..], of_four_features, &["gauss/normal_training", "--listen", "0.0.0.0"]] {
        let (child, address) = started(&sandbox, arguments);
        let local = address.replace("0.0.0.0", "127.0.0.1");
        let answer = page(&local);
        assert!(answer.contains("<title>heigen explorer</title>"), "{address}");
        assert_eq!(answer.contains("frame-ancestors 'none'"), !arguments.contains(&"--framed"), "{answer}");
        let status = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
        assert!(status.success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(said.contains("Ctrl-C ends it"), "{said}");
        assert_eq!(said.contains("others than this machine reach the page"), arguments.len() == 3, "{said}");
    }
    assert!(sandbox.names("results").is_empty(), "nothing is written");
}

#[test]
fn what_cannot_be_explored_is_said_in_words() {
    let sandbox = Sandbox::new();
    let fails = |arguments: &[&str]| {
        let run = sandbox.run(&[&["explore"], arguments].concat());
        assert_ne!(run.code, 0, "{}", run.stdout);
        run.stderr
    };
    let line = fails(&["intro1D/normal_training"]);
    assert!(line.contains("samples of 1 features; the explorer takes 2, or more"), "{line}");
    assert!(fails(&["gauss/normal_trainin"]).contains("gauss/normal_training"));
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let taken = fails(&["--port", &port]);
    assert!(taken.contains("cannot listen at 127.0.0.1:") && taken.contains("--port"), "{taken}");
    assert!(fails(&["--model", "net.onnx"]).contains("--data"));
}

#[cfg(unix)]
#[test]
fn a_network_of_the_users_is_explored_on_its_own_samples() {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|i| {
        let (x, y) = (f64::from(i % 8) - 3.5, f64::from(i / 8) - 2.0);
        format!("{x},{y},{}\n", if x > y { "right" } else { "left" })
    });
    sandbox.file("points.csv", format!("x,y,label\n{}", rows.collect::<String>()).as_bytes());
    let experiment = r#"{
        "model": {"type": "FNN", "args": {"num_neurons": 4}},
        "optimizer": {"type": "SGD", "args": {"lr": 0.1}},
        "dataset": {"type": "file", "args": {"path": "points.csv"}},
        "train_fraction": 1.0, "test_fraction": 0.0,
        "trainer": {"num_epochs": 5, "how_often_save_model": 0, "how_often_compute_grads": 0, "how_often_print": 5, "batch_size": 8}
    }"#;
    let file = sandbox.file("my/points.json", experiment.as_bytes());
    sandbox.ok(&["train", &file]);
    let arguments = ["--model", "results/models/my/points.safetensors", "--arch", "FNN", "--data", "points.csv"];
    let (mut child, address) = started(&sandbox, &arguments);
    let answer = if address.is_empty() { String::new() } else { page(&address) };
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(answer.contains("<title>heigen explorer</title>"), "{}", String::from_utf8_lossy(&output.stderr));
}
