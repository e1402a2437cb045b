//! Who may ask.

use crate::client::{Client, get, parts, start};
use heigen_explore::{Explorer, Options, Server};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn nothing_is_answered_without_the_token() {
    let address = start();
    let (host, token) = parts(&address);
    let (status, page) = get(host, &format!("/{token}/"), &[("Host", host)]);
    assert_eq!(status, 200);
    assert!(page.contains("<title>heigen explorer</title>") && page.contains("frame-ancestors 'none'"), "{page}");
    let other = if token.starts_with('0') { token.replacen('0', "1", 1) } else { format!("0{}", &token[1..]) };
    for path in [
        "/",
        "/main.js",
        "//main.js",
        "/socket",
        &format!("/{other}/"),
        &format!("/{other}/main.js"),
        "/guide",
        &format!("/{other}/guide"),
    ] {
        let (status, body) = get(host, path, &[("Host", host)]);
        assert!(status == 404 && !body.contains("explorer</title>"), "{path}: {status}");
    }
    for file in ["main.js", "style.css", "plane.js", "icon.svg", "guide"] {
        assert_eq!(get(host, &format!("/{token}/{file}"), &[("Host", host)]).0, 200, "{file}");
    }
    for file in ["nothing.js", "../Cargo.toml", "%2e%2e/Cargo.toml", "..%2fCargo.toml"] {
        assert_ne!(get(host, &format!("/{token}/{file}"), &[("Host", host)]).0, 200, "{file}");
    }
    let wrong = address.replace(token, &other);
    assert_eq!(Client::open(&wrong, Some(&format!("http://{host}"))).err(), Some(404));
}

/// A page of another site that has its own name point at this machine knows no token; but even one that did would be refused.
#[test]
fn names_and_origins_of_others_are_refused() {
    let address = start();
    let (host, token) = parts(&address);
    let path = format!("/{token}/");
    let port = host.rsplit_once(':').unwrap().1;
    let localhost = format!("localhost:{port}");
    assert_eq!(get(host, &path, &[("Host", &localhost)]).0, 200);
    assert_eq!(get(host, &path, &[("Host", &localhost), ("Origin", &format!("http://{localhost}"))]).0, 200);
    for other in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1.evil.example"] {
        assert_eq!(get(host, &path, &[("Host", other)]).0, 403, "{other}");
    }
    for origin in ["http://evil.example", "https://127.0.0.1", "null", "http://127.0.0.1:1"] {
        assert_eq!(get(host, &path, &[("Host", host), ("Origin", origin)]).0, 403, "{origin}");
        assert_eq!(Client::open(&address, Some(origin)).err(), Some(403), "{origin}");
    }
    assert_eq!(Client::open(&address, None).err(), Some(403));
    assert!(Client::open(&address, Some(&format!("http://{host}"))).is_ok());
}

#[test]
fn frames_of_this_machine_only_and_only_if_asked_for() {
    let server = Server::bind(Explorer::default(), Options { framed: true, ..Options::default() }).unwrap();
    let address = server.address();
    std::thread::spawn(move || server.run());
    for (address, wanted) in [(start(), "frame-ancestors 'none'"), (address, "frame-ancestors http://localhost:* ")] {
        let (host, token) = parts(&address);
        let answer = get(host, &format!("/{token}/"), &[("Host", host)]).1;
        assert!(answer.contains(wanted) && answer.contains("default-src 'none'"), "{answer}");
    }
}

#[test]
fn tokens_are_new_for_every_server() {
    let (one, other) = (start(), start());
    assert_ne!(parts(&one).1, parts(&other).1);
}

#[test]
fn clients_that_are_slow_or_say_nothing_do_not_hold_the_server() {
    let address = start();
    let (host, token) = parts(&address);
    // More than there are places for: some silent, some with half a request, some that send a byte from time to time.
    let mut slow: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(host).unwrap()).collect();
    for stream in slow.iter_mut().skip(30) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    }
    let begun = Instant::now();
    let dripping = slow.split_off(90);
    let thread = std::thread::spawn(move || {
        let mut open = dripping;
        while !open.is_empty() && begun.elapsed() < Duration::from_secs(40) {
            open.retain_mut(|stream| stream.write_all(b"x").is_ok());
            std::thread::sleep(Duration::from_millis(500));
        }
        open.len()
    });
    assert_eq!(get(host, &format!("/{token}/"), &[("Host", host)]).0, 200);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // They were cut off, every one of them.
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // What is read before the end is at most an answer that it took too long.
        let mut said = vec![];
        let ended = stream.read_to_end(&mut said);
        assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    }
    assert_eq!(thread.join().unwrap(), 0, "connections that drip");
}
