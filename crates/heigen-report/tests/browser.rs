//! The example page in a real browser: nothing is wider than a narrow window, no word of a table is broken, texts stand
//! out from their ground and those of drawings are large enough, both colour schemes apply, the large view covers the
//! window, and it prints. Skipped where there is no `chromium` on the path, unless CI is set.

#[path = "../../../tests/chromium.rs"]
mod chromium;
mod common;

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(2);

/// Opens the page in a frame of each width and writes what it measures into its own title, one line a frame.
const WRAPPER: &str = r##"<!DOCTYPE html><meta charset="utf-8"><title>waiting</title>
<body style="color-scheme: light dark"><script>
const cases = [[360, ""], [390, ""], [1280, ""], [1600, ""], [360, "#figure-2-large"]];
const least = { contrast: 4.5, text: 9 };
// The words of tables that stand on more than one line. Text nodes end where a name may be broken.
function brokenWords(page) {
  const words = [];
  for (const cell of page.querySelectorAll("td, th")) {
    const walker = page.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode()); ) {
      for (const word of node.data.matchAll(/[^\s\u2009\u2005\u2013-]+/g)) {
        const range = page.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top / 4)));
        if (lines.size > 1) words.push("broken: " + word[0]);
      }
    }
  }
  return words;
}
function luminance(color) {
  const channel = (c) => (c /= 255, c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = color.map(channel);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
}
// The texts that stand out too little from their ground.
function faintTexts(page, style) {
  const numbers = (text) => text.match(/[\d.]+/g).map(Number);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = numbers(style(element).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const texts = [];
  for (const element of page.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || style(element).opacity === "0") continue;
    const pair = [numbers(style(element).color).slice(0, 3), ground(element)].map(luminance);
    const ratio = Math.max(...pair) / Math.min(...pair);
    if (ratio < least.contrast) texts.push(`faint: ${element.className} ${element.textContent} ${ratio}`);
  }
  return texts;
}
// The drawings whose smallest text has too few pixels.
function smallTexts(page) {
  const size = (image) => {
    const tag = atob(image.src.split(",")[1]).split(">")[0];
    const units = Number(/viewBox="0 0 ([\d.]+)/.exec(tag)[1]);
    return image.getBoundingClientRect().width / units * Number(/data-smallest-text="([\d.]+)/.exec(tag)[1]);
  };
  return [...page.images].map(size).filter((pixels) => pixels < least.text).map((pixels) => `small: ${pixels}`);
}
const lines = [];
for (const [width, hash] of cases) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width: ${width}px; height: 800px; border: 0`;
  frame.onload = () => {
    const page = frame.contentDocument, style = (element) => frame.contentWindow.getComputedStyle(element);
    lines.push([
      width + hash, page.scrollingElement.scrollWidth <= frame.contentWindow.innerWidth,
      frame.contentWindow.matchMedia("(prefers-color-scheme: dark)").matches, style(page.body).backgroundColor,
      style(page.getElementById("figure-2-large")).position, style(page.getElementById("contents")).position,
      style(page.getElementById("figure-2-large")).backgroundColor, page.images[0].naturalWidth > 0, Math.round(page.images[0].getBoundingClientRect().width),
      [...brokenWords(page), ...faintTexts(page, style), ...smallTexts(page)].slice(0, 5).join("; "),
    ].join("|"));
    if (lines.length === cases.length) document.title = lines.sort().join("\n");
  };
  frame.src = "page.html" + hash;
  document.body.append(frame);
}
</script>"##;

/// The standard output of a fresh Chromium, or nothing where there is no Chromium.
fn run(folder: &Path, arguments: &[&str]) -> Option<String> {
    let profile = tempfile::tempdir().expect("a folder for the profile");
    let output = folder.join("stdout");
    let mut child = chromium::chromium(profile.path())?
        .arg("--allow-file-access-from-files")
        .args(arguments)
        .current_dir(folder)
        .stdout(std::fs::File::create(&output).expect("a file for the output"))
        .spawn()
        .expect("chromium starts");
    assert!(finished(&mut child), "chromium {arguments:?} did not end well within {PATIENCE:?}");
    Some(std::fs::read_to_string(output).expect("its output"))
}

fn finished(child: &mut Child) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("the state of chromium") {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().expect("chromium ends");
    child.wait().expect("chromium has ended");
    false
}

fn folder_with_page() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the page");
    let page = heigen_report::html(&common::example()).expect("the example is a page");
    std::fs::write(folder.path().join("page.html"), page).expect("the page");
    std::fs::write(folder.path().join("wrapper.html"), WRAPPER).expect("the wrapper");
    folder
}

fn address(folder: &Path, file: &str) -> String {
    format!("file://{}", folder.join(file).display())
}

#[test]
fn it_fits_narrow_and_wide_windows_in_both_schemes() {
    for (scheme, dark, ground, paper) in
        [(0, true, "rgb(23, 23, 26)", "rgb(26, 26, 26)"), (1, false, "rgb(252, 252, 250)", "rgb(255, 255, 255)")]
    {
        let folder = folder_with_page();
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let wrapper = address(folder.path(), "wrapper.html");
        let arguments = [&scheme, "--window-size=1400,900", "--virtual-time-budget=20000", "--dump-dom", &wrapper];
        let Some(document) = run(folder.path(), &arguments) else { return };
        let title = document.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        let lines: Vec<&str> = title.expect("a title").0.lines().collect();
        // In a window of 1,280 pixels with a scroll bar a drawing has 887: the tests of the figures count on it.
        let wanted = [
            format!("1280|true|{dark}|{ground}|static|sticky|{paper}|true|887|"),
            format!("1600|true|{dark}|{ground}|static|sticky|{paper}|true|1094|"),
            format!("360#figure-2-large|true|{dark}|{ground}|fixed|static|{paper}|true|980|"),
            format!("360|true|{dark}|{ground}|static|static|{paper}|true|882|"),
            format!("390|true|{dark}|{ground}|static|static|{paper}|true|882|"),
        ];
        assert_eq!(lines, wanted);
    }
}

#[test]
fn it_prints() {
    let folder = folder_with_page();
    let page = address(folder.path(), "page.html");
    let arguments = ["--print-to-pdf=page.pdf", "--no-pdf-header-footer", &page];
    if run(folder.path(), &arguments).is_some() {
        let pdf = std::fs::read(folder.path().join("page.pdf")).expect("a PDF");
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 10_000, "{} bytes", pdf.len());
    }
}
