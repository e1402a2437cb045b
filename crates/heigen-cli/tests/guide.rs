//! Tests of the guide in `docs/guide`: its commands print the output that it shows, heigen reads its files, its paths
//! and links exist, and its Python runs.

mod common;

use common::Sandbox;
use heigen::config::ModelSpec;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Beginnings of inline code that name a file or folder of the repository.
const FOLDERS: [&str; 5] = ["crates/", "configs/", "docs/", "tests/", "datasets/"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn source() -> PathBuf {
    root().join("docs/guide/src")
}

/// Every chapter by the name of its file, with the files that it includes put in.
fn chapters() -> BTreeMap<String, String> {
    let files = fs::read_dir(source()).unwrap().map(|entry| entry.unwrap().path());
    let chapters = files.filter(|path| path.extension().is_some_and(|e| e == "md"));
    chapters
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(|line| {
                let file = line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
                file.map_or_else(|| line.to_owned(), |file| included(&name, file))
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            (name, text)
        })
        .collect()
}

fn included(chapter: &str, file: &str) -> String {
    let text = fs::read_to_string(source().join(file)).unwrap_or_else(|e| panic!("{chapter} includes {file}: {e}"));
    text.trim_end().to_owned()
}

/// A fenced block: the text behind the opening fence, the number of its first line, and its lines.
struct Block<'a> {
    info: &'a str,
    line: usize,
    lines: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = vec![];
    let mut open = false;
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                found.push(Block { info, line: i + 2, lines: vec![] });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => found.last_mut().unwrap().lines.push(line),
            (None, false) => {}
        }
    }
    assert!(!open, "a block without end");
    found
}

/// The text outside of fenced blocks.
fn prose(text: &str) -> String {
    let mut open = false;
    let outside = |line: &&str| {
        let fence = line.starts_with("```");
        open ^= fence;
        !open && !fence
    };
    text.lines().filter(outside).collect::<Vec<_>>().join("\n")
}

/// A folder that holds the files of `examples`, as the chapters say.
fn sandbox() -> Sandbox {
    fn copy(from: &Path, below: &str, sandbox: &Sandbox) {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                copy(&path, &format!("{name}/"), sandbox);
            } else {
                sandbox.file(&name, &fs::read(&path).unwrap());
            }
        }
    }
    let sandbox = Sandbox::new();
    copy(&source().join("examples"), "", &sandbox);
    sandbox
}

/// Whether `got` matches `wanted`, in which a line `...` stands for any lines and `[..]` for any characters.
fn fits(wanted: &[&str], got: &[&str]) -> bool {
    match (wanted.split_first(), got.split_first()) {
        (None, None) => true,
        (Some((&"...", rest)), _) => (0..=got.len()).any(|skipped| fits(rest, &got[skipped..])),
        (Some((wanted, rest)), Some((got, others))) => line_fits(wanted, got) && fits(rest, others),
        _ => false,
    }
}

fn line_fits(wanted: &str, got: &str) -> bool {
    let Some((before, after)) = wanted.split_once("[..]") else {
        return wanted == got;
    };
    let Some(rest) = got.strip_prefix(before) else {
        return false;
    };
    rest.char_indices().map(|(i, _)| i).chain([rest.len()]).any(|i| line_fits(after, &rest[i..]))
}

#[test]
fn dots_stand_for_lines_and_brackets_for_characters() {
    assert!(fits(&["a", "...", "b"], &["a", "b"]) && fits(&["a", "...", "b"], &["a", "x", "b", "b"]));
    assert!(!fits(&["a", "..."], &["b"]) && !fits(&["a"], &["a", "b"]) && !fits(&["a", "b"], &["a"]));
    assert!(line_fits("in [..] s, [..]", "in 1.2 s, 3") && !line_fits("in [..] s", "in 1.2 ms"));
}

/// Checks every ```console block: lines `$ heigen ...`, each followed by its output (messages, then results).
#[test]
fn commands_print_what_the_guide_shows() {
    for (name, text) in chapters() {
        let sandbox = sandbox();
        for block in blocks(&text).iter().filter(|block| block.info == "console") {
            let place = format!("{name}, line {}", block.line);
            let mut lines = block.lines.iter().copied().peekable();
            while let Some(line) = lines.next() {
                let mut command = line.strip_prefix("$ heigen").unwrap_or_else(|| panic!("{place}: {line}")).to_owned();
                while let Some(more) = command.strip_suffix('\\') {
                    command = format!("{more} {}", lines.next().unwrap());
                }
                let mut wanted = vec![];
                while let Some(shown) = lines.next_if(|line| !line.starts_with("$ ")) {
                    wanted.push(shown);
                }
                let run = sandbox.run(&command.split_whitespace().collect::<Vec<_>>());
                let fails = wanted.iter().any(|line| line.starts_with("error: "));
                let got = format!("{}{}", run.stderr, run.stdout);
                assert_eq!(run.code != 0, fails, "{place}: heigen{command}\n{got}");
                let got: Vec<&str> = got.trim_end().lines().collect();
                let shown = || format!("{place}: heigen{command}\nprints\n{}", got.join("\n"));
                assert!(fits(&wanted, &got), "{}\ninstead of\n{}", shown(), wanted.join("\n"));
            }
        }
    }
}

/// Checks that heigen reads the blocks ```json,architecture and ```json,experiment.
#[test]
fn architectures_and_experiments_are_read() {
    let mut read = 0;
    for (name, text) in chapters() {
        let sandbox = sandbox();
        for block in blocks(&text) {
            let json = block.lines.join("\n");
            match block.info {
                "json,architecture" => {
                    let spec = ModelSpec::parse(&json, &format!("{name}, line {}", block.line));
                    spec.unwrap_or_else(|e| panic!("{e}"));
                }
                "json,experiment" => {
                    let file = sandbox.file(&format!("my/line_{}.json", block.line), json.as_bytes());
                    sandbox.ok(&["show", &file]);
                }
                _ => continue,
            }
            read += 1;
        }
    }
    assert!(read > 0);
}

/// The anchor that mdBook gives a heading.
fn anchor(heading: &str) -> String {
    // A heading may name its anchor itself.
    if let Some((_, own)) = heading.rsplit_once("{#") {
        return own.trim_end().trim_end_matches('}').to_owned();
    }
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " _-".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_to_chapters_headings_and_files() {
    let chapters = chapters();
    let anchors = |text: &str| -> Vec<String> {
        let text = prose(text);
        text.lines().filter(|l| l.starts_with('#')).map(|l| anchor(l.trim_start_matches('#'))).collect()
    };
    for (name, text) in &chapters {
        for link in prose(text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { name } else { file };
            assert!(source().join(target).is_file(), "{name}: {link}");
            if let Some(heading) = heading {
                assert!(anchors(&chapters[target]).iter().any(|a| a == heading), "{name}: {link}");
            }
        }
    }
    let summary = &chapters["SUMMARY.md"];
    for name in chapters.keys().filter(|name| *name != "SUMMARY.md") {
        assert!(summary.contains(&format!("({name})")), "{name} is missing from the summary");
    }
}

/// Checks that inline code that begins like a path of the repository is such a path.
#[test]
fn paths_of_the_repository_exist() {
    for (name, text) in chapters() {
        for code in prose(&text).split('`').skip(1).step_by(2) {
            let is_path = FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.contains(['*', '<', ' ']);
            assert!(!is_path || root().join(code).exists(), "{name}: {code}");
        }
    }
}

/// Runs the first chapter with PyTorch in an empty folder; skipped where python3 has no torch, unless
/// CI is set.
#[test]
fn python_examples_run() {
    let sandbox = Sandbox::new();
    let python = |args: &[&str]| Command::new("python3").args(args).current_dir(sandbox.path("")).output();
    let there = python(&["-c", "import numpy, torch"]).is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "python3 has no numpy and torch, and with CI set nothing is skipped");
        eprintln!("skipped: python3 has no numpy and torch");
        return;
    }
    let run = |script: &str| {
        let path = source().join("examples").join(script).canonicalize().unwrap();
        let output = python(&[path.to_str().unwrap()]).unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run("moons.py");
    sandbox.ok(&["analyze", "--model", "net.pt", "--arch", "arch.json", "--data", "moons.npz"]);
    let printed = run("read_results.py");
    assert_eq!(printed.matches(": True").count(), 3, "{printed}");
    if sandbox.path("net.onnx").exists() {
        sandbox.ok(&["analyze", "--model", "net.onnx", "--data", "moons.npz", "--name", "own/onnx"]);
    }
}
