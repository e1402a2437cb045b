//! Tests of `heigen figure 2`.

mod common;

use common::{Sandbox, changed, small};
use serde_json::{Value, json};

const QUICK: [&str; 4] = ["--resolution", "20", "--eigenvectors", "2"];

fn circle(sandbox: &Sandbox) -> String {
    sandbox.config("circle", &changed(&[("/dataset", json!({"type": "circle", "args": {}}))]))
}

#[test]
fn figure_2_is_drawn_for_one_and_for_two_experiments() {
    let sandbox = Sandbox::new();
    let (plain, circle) = (sandbox.config("plain", &small()), circle(&sandbox));
    for (names, stem) in [(&[&*plain][..], "figure2_my-plain"), (&[&plain, &circle], "figure2_my-plain+my-circle")] {
        let run = sandbox.ok(&[&["figure", "2"], names, &QUICK].concat());
        let paths: Vec<String> = ["svg", "pdf", "png"].map(|e| format!("figures/{stem}.{e}")).into();
        assert_eq!(run.stdout.lines().collect::<Vec<_>>(), paths);
        let [svg, pdf, png] = [0, 1, 2].map(|i| std::fs::read(sandbox.path(&paths[i])).unwrap());
        assert!(svg.starts_with(b"<svg") || svg.starts_with(b"<?xml"));
        assert!(pdf.starts_with(b"%PDF") && png.starts_with(b"\x89PNG"));
    }
    // Nothing is computed twice, and equal results give equal bytes.
    let before = sandbox.files("figures");
    let run = sandbox.ok(&[&["figure", "2", &plain], &QUICK[..]].concat());
    let reused = "my/plain: reused results/models/my/plain.safetensors\n\
                  my/plain: reused results/grads/my/plain_analysis.json\n\
                  figure 2: reused figures/figure2_my-plain.svg\n";
    assert_eq!(run.stderr, reused);
    assert!(sandbox.files("figures") == before);
    assert_eq!(sandbox.names("figures").len(), 8);
    // A figure whose file somebody changed is drawn again.
    let svg = sandbox.path("figures/figure2_my-plain.svg");
    let drawn = std::fs::read(&svg).unwrap();
    std::fs::write(&svg, b"<svg/>").unwrap();
    sandbox.ok(&[&["figure", "2", &plain], &QUICK[..]].concat());
    assert!(std::fs::read(&svg).unwrap() == drawn);
}

#[test]
fn the_options_of_an_analysis_hold_for_figures_too() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let args = ["figure", "2", &plain, "--dtype", "float32", "--seed", "2", "--figures", "drawn/here", "--json"];
    let run = sandbox.ok(&[&args[..], &QUICK].concat());
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&summary["name"], &summary["dtype"]), (&json!("my/plain"), &json!("float32")));
    assert_eq!(sandbox.names("drawn/here").len(), 4);
}

#[test]
fn experiments_off_the_plane_are_refused_before_anything_is_trained() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let iris = sandbox.config("iris", &changed(&[("/dataset", json!({"type": "iris", "args": {}}))]));
    assert_eq!(
        sandbox.error(&["figure", "2", &plain, &iris]),
        "error: my/iris has 4 features; Figure 2 draws the plane of experiments with 2, e.g. gauss/normal_training\n"
    );
    assert_eq!(sandbox.names("results"), Vec::<String>::new());
}

/// A change of the bytes of a file.
type Damage = fn(&mut Vec<u8>);

#[test]
fn damaged_results_are_noticed_by_their_hashes_and_computed_anew() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["hessian", &plain]);
    let whole = sandbox.files("results");
    // One flipped bit, or a file that is cut: every array and the record itself.
    let damage: [(&str, Damage); 6] = [
        ("heigenvectors.npy", |bytes| bytes.truncate(300)),
        ("heigenvalues.npy", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("overlaps.npy", |bytes| *bytes.last_mut().unwrap() ^= 0x40),
        ("coherence.npy", |bytes| bytes.truncate(bytes.len() / 2)),
        ("logit_coherence.npy", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("analysis.json", |bytes| {
            let place = bytes.windows(8).position(|w| w == b"\"trace\":").unwrap() + 9;
            bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
        }),
    ];
    for (i, (ending, damage)) in damage.iter().enumerate() {
        let path = format!("results/grads/my/plain_{ending}");
        let mut bytes = std::fs::read(sandbox.path(&path)).unwrap();
        damage(&mut bytes);
        sandbox.file(&path, &bytes);
        let run = if i == 0 { sandbox.ok(&["figure", "2", &plain]) } else { sandbox.ok(&["hessian", &plain]) };
        assert!(run.stderr.contains(&format!("again: {path} is not as it was written")), "{ending}: {}", run.stderr);
        assert!(sandbox.files("results") == whole, "{ending}");
    }
    let run = sandbox.ok(&["hessian", &plain]);
    assert!(run.stderr.contains("reused") && !run.stderr.contains("again"), "{}", run.stderr);
}
