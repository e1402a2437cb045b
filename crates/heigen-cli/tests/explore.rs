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
    assert!(fails(&["circle/normal_training", "--model", "no.safetensors"]).contains("no.safetensors"));
    assert!(
        fails(&["circle/normal_training", "--data", "points.csv", "--model", "net.onnx"]).contains("cannot be used")
    );
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
    serves(&sandbox, &arguments);
    // The same network as the weights of its experiment.
    serves(&sandbox, &["my/points.json", "--model", "results/models/my/points.safetensors"]);
    let other =
        sandbox.file("my/other.json", experiment.replace("\"num_neurons\": 4", "\"num_neurons\": 5").as_bytes());
    let run = sandbox.run(&["explore", &other, "--model", "results/models/my/points.safetensors"]);
    assert!(run.code != 0 && run.stderr.contains("points.safetensors"), "{}", run.stderr);
}

/// Starts the explorer, looks at its page, and ends it.
fn serves(sandbox: &Sandbox, arguments: &[&str]) {
    let (mut child, address) = started(sandbox, arguments);
    let answer = if address.is_empty() { String::new() } else { page(&address) };
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(answer.contains("<title>heigen explorer</title>"), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The commands of a page that open the explorer, without the places at which they may break.
fn live_commands(page: &str) -> Vec<Vec<String>> {
    let page = page.replace("<wbr>", "");
    let codes = page.split("<code>").skip(1).filter_map(|rest| rest.split_once("</code>"));
    let commands = codes.filter_map(|(code, _)| code.strip_prefix("heigen explore "));
    commands.map(|rest| rest.split(' ').map(str::to_owned).collect()).collect()
}

#[cfg(unix)]
#[test]
fn reports_say_how_to_open_the_explorer_for_what_they_show() {
    let sandbox = Sandbox::new();
    let page = |path: &str| std::fs::read_to_string(sandbox.path(path)).unwrap();
    // The paper's figures: at the minimum that they show; where samples have one feature there is no such page.
    sandbox.ok(&["reproduce", "fig1", "fig2"]);
    let commands = live_commands(&page("report/index.html"));
    let weights = "results/models/gauss/normal_training.safetensors";
    assert_eq!(commands, [["gauss/normal_training", "--model", weights]]);
    // A network from elsewhere, and the training of an experiment from its beginning.
    let experiment = sandbox.file("my/small.json", serde_json::to_string(&common::small()).unwrap().as_bytes());
    sandbox.ok(&["follow", &experiment]);
    let of_training = live_commands(&page("report/my-small_along.html"));
    assert_eq!(of_training, [[sandbox.path("my/small.json").to_str().unwrap()]]);
    let rows = (0..40).map(|i| format!("{},{},{}\n", i % 8, i / 8, if i % 8 > i / 8 { "right" } else { "left" }));
    sandbox.file("points.csv", format!("x,y,label\n{}", rows.collect::<String>()).as_bytes());
    let layers = r#"{"layers": [{"type": "linear", "name": "fc", "out_features": 2}]}"#;
    sandbox.file("arch.json", layers.as_bytes());
    let tensor = |name: &str, shape: &[usize], values: &[f64]| heigen_store::weights::NamedTensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        values: values.to_vec(),
    };
    let tensors = [tensor("fc.weight", &[2, 2], &[1.0, -1.0, -1.0, 1.0]), tensor("fc.bias", &[2], &[0.1, 0.0])];
    let file = sandbox.path("net.safetensors");
    heigen_store::weights::stage(&file, &tensors, &std::collections::BTreeMap::new()).unwrap().commit().unwrap();
    sandbox.ok(&["analyze", "--model", "net.safetensors", "--arch", "arch.json", "--data", "points.csv"]);
    let own = live_commands(&page("report/own-net.html"));
    assert_eq!(own, [["results/experiments/own/net.json", "--model", "results/models/own/net.safetensors"]]);
    for command in commands.iter().chain(&of_training).chain(&own) {
        serves(&sandbox, &command.iter().map(String::as_str).collect::<Vec<_>>());
    }
    // Without weights the experiment of a network from elsewhere begins at those that were taken in with it.
    serves(&sandbox, &["own/net"]);
}

#[test]
fn it_ends_with_its_input() {
    let sandbox = Sandbox::new();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.args(["explore", "--until-input-ends"]).current_dir(sandbox.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"what comes here is not looked at\n").unwrap();
    assert!(page(address.trim()).contains("<title>heigen explorer</title>"));
    assert!(child.try_wait().unwrap().is_none());
    drop(input);
    let begun = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "it goes on without its input");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
