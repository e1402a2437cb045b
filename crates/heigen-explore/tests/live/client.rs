//! A client of the explorer that is no browser.

use heigen_explore::{Explorer, Options, Server};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(90);

/// Starts a server that lives as long as the tests; returns the page's address.
pub(crate) fn start() -> String {
    start_with(Explorer::default())
}

pub(crate) fn start_with(explorer: Explorer) -> String {
    let server = Server::bind(explorer, Options { threads: 2, ..Options::default() }).expect("a free port");
    let address = server.address();
    std::thread::spawn(move || server.run());
    address
}

/// The host with its port, and the token, of a page's address.
pub(crate) fn parts(address: &str) -> (&str, &str) {
    let rest = address.strip_prefix("http://").expect("an address");
    rest.trim_end_matches('/').split_once('/').expect("a token")
}

/// The status and the answer that a plain request gets.
pub(crate) fn get(host: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    request("GET", host, path, headers)
}

/// Whether an answer has its headers and as many bytes after them as these say.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((headers, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| answer.len() >= headers.len() + 4 + length)
}

pub(crate) fn request(method: &str, host: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut stream = TcpStream::connect(host).expect("the server");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            request.push_str(part);
        }
    }
    stream.write_all((request + "\r\n").as_bytes()).unwrap();
    let (mut answer, mut part) = (vec![], [0; 4096]);
    // Chromium's tools leave the connection open.
    while !is_whole(&answer) {
        match stream.read(&mut part).expect("an answer") {
            0 => break,
            n => answer.extend_from_slice(&part[..n]),
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    (status, answer)
}

/// One session.
pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
    id: u32,
    /// Whether arrays are left out, which takes time that is not the program's.
    pub(crate) headers_only: bool,
}

/// A message of the program: its fields; the arrays of a frame are lists of numbers among them.
pub(crate) type Got = Value;

impl Client {
    /// Opens a socket; fails with the status that the server answered.
    pub(crate) fn open(address: &str, origin: Option<&str>) -> Result<Self, u16> {
        let (host, _) = parts(address);
        let mut request = format!("{}socket", address.replace("http", "ws")).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let stream = TcpStream::connect(host).expect("the server");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, id: 0, headers_only: false }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A session with its page's own origin.
    pub(crate) fn new(address: &str) -> Self {
        Self::open(address, Some(&format!("http://{}", parts(address).0))).expect("a session")
    }

    /// Sends a text as it is.
    pub(crate) fn raw(&mut self, text: &str) {
        self.socket.send(Message::Text(text.into())).expect("the server reads");
    }

    pub(crate) fn binary(&mut self, bytes: Vec<u8>) {
        self.socket.send(Message::Binary(bytes.into())).expect("the server reads");
    }

    /// Sends a command, the fields of `command` with a number, which is returned.
    pub(crate) fn send(&mut self, mut command: Value) -> u32 {
        self.id += 1;
        command["id"] = self.id.into();
        self.raw(&command.to_string());
        self.id
    }

    /// The next message. Pictures are answered as the page does.
    pub(crate) fn next(&mut self) -> Got {
        let got = match self.socket.read().expect("a message") {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            Message::Binary(bytes) if self.headers_only => header(&bytes).0,
            Message::Binary(bytes) => read_frame(&bytes),
            other => panic!("{other:?}"),
        };
        if got["is"] == "picture" {
            self.send(json!({ "do": "shown", "picture": got["picture"] }));
        }
        got
    }

    /// The first message of a kind that fits.
    pub(crate) fn wait(&mut self, kind: &str, fits: impl Fn(&Got) -> bool) -> Got {
        let begun = Instant::now();
        loop {
            let got = self.next();
            if got["is"] == kind && fits(&got) {
                return got;
            }
            assert!(got["is"] != "error" || kind == "error", "{got}");
            assert!(begun.elapsed() < PATIENCE, "no {kind} came that fits");
        }
    }

    /// The first message of a kind that takes the command `id` into account.
    pub(crate) fn since(&mut self, kind: &str, id: u32) -> Got {
        self.wait(kind, |got| got["since"].as_u64().is_some_and(|since| since >= id.into()))
    }

    /// Waits until nothing is said any more but what is asked for.
    pub(crate) fn until_quiet(&mut self) {
        let mut quiet = 0;
        while quiet < 3 {
            std::thread::sleep(Duration::from_millis(150));
            let id = self.send(json!({ "do": "speed", "epochs": 1 }));
            let mut others = 0;
            loop {
                let got = self.next();
                if got["is"] == "playing" && got["since"] == id {
                    break;
                }
                others += 1;
            }
            quiet = if others == 0 { quiet + 1 } else { 0 };
        }
    }

    /// Sends a command and waits for the picture that follows it.
    pub(crate) fn picture(&mut self, command: Value) -> Got {
        let id = self.send(command);
        self.since("picture", id)
    }
}

/// The header of a frame, and where its arrays begin.
fn header(bytes: &[u8]) -> (Got, usize) {
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[4..4 + length]).expect("a header"), 4 + length)
}

fn read_frame(bytes: &[u8]) -> Got {
    let (mut header, mut at) = header(bytes);
    for array in header["arrays"].as_array().expect("arrays").clone() {
        let (name, kind) = (array[0].as_str().unwrap(), array[1].as_str().unwrap());
        let count = array[2].as_u64().unwrap() as usize;
        let size = if kind == "u8" { 1 } else { 4 };
        let own = bytes[at..at + count * size].chunks_exact(size);
        let numbers: Vec<f64> = match kind {
            "u8" => own.map(|b| f64::from(b[0])).collect(),
            "u32" => own.map(|b| f64::from(u32::from_le_bytes(b.try_into().unwrap()))).collect(),
            _ => own.map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect(),
        };
        at += (count * size).next_multiple_of(8);
        header[name] = numbers.into();
    }
    assert_eq!(at, bytes.len());
    header
}

/// The training loss of a picture.
pub(crate) fn loss(picture: &Got) -> f64 {
    picture["parts"][0]["loss"].as_f64().expect("a loss")
}

/// Settings of the page, some of them changed.
pub(crate) fn setup(changes: &Value) -> Value {
    let mut setup = json!({
        "data": "half_moon", "noise": 0.1, "random_labels": false, "train_fraction": 0.6, "hidden": [8], "activation": "tanh",
        "optimizer": "SGD", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "batch_size": 16, "seed": 3, "start": "fresh",
    });
    for (key, value) in changes.as_object().expect("settings") {
        setup[key] = value.clone();
    }
    setup
}

/// The numbers of a list.
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value}")).iter().map(|v| v.as_f64().unwrap()).collect()
}
