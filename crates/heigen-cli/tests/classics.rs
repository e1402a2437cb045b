//! Tests of `heigen reproduce classics`.

mod common;

use common::Sandbox;
use serde_json::Value;

#[test]
fn ranks_of_deep_linear_networks_are_the_published_ones() {
    let sandbox = Sandbox::new();
    let run = sandbox.ok(&["reproduce", "classics", "linear-rank", "--json"]);
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let claims = found.pointer("/classics/0/claims").unwrap().as_array().unwrap();
    assert_eq!(claims.len(), 2);
    for claim in claims {
        assert_eq!(claim["verdict"], "supported", "{claim}");
        assert_eq!(claim.pointer("/claim/findings").unwrap().as_array().unwrap().len(), 12);
    }
    // The published example: ranks 150 and 250, beside the 175 of H - GGN.
    let first = |i: usize| claims[i].pointer("/claim/findings/0/text").unwrap().as_str().unwrap();
    assert!(first(0).contains("rank 150 of P = 275, predicted 150"), "{}", first(0));
    assert!(first(1).contains("rank 250 of P = 275, predicted 250"), "{}", first(1));
    assert_eq!(
        sandbox.names("figures"),
        ["classic_linear-rank.pdf", "classic_linear-rank.png", "classic_linear-rank.svg"]
    );
    let page = std::fs::read_to_string(sandbox.path("report/classics.html")).unwrap();
    assert!(page.contains("2106.16225") && page.contains("Supported"), "the claims stand on the page");
    let again = sandbox.ok(&["reproduce", "classics", "linear-rank"]);
    assert!(!again.stderr.contains("linear-rank: measur"), "{}", again.stderr);
    assert!(again.stdout.contains("supported") && again.stdout.contains("report/classics.html"), "{}", again.stdout);
}

#[test]
fn classics_that_were_done_stand_in_the_report_of_the_paper() {
    let sandbox = Sandbox::new();
    let report = || {
        sandbox.ok(&["reproduce", "fig1", "--report-only"]);
        std::fs::read_to_string(sandbox.path("report/index.html")).unwrap()
    };
    assert!(!report().contains("id=\"classics\"") && !report().contains("classics.html"));
    sandbox.ok(&["reproduce", "classics", "linear-rank"]);
    let page = report().replace("<wbr>", "");
    assert!(page.contains("id=\"classics\"") && page.contains(r#"<a class="address" href="classics.html">"#), "a link");
    assert!(page.contains("2106.16225") && page.contains("supported") && page.contains("picture-linear-rank"));
    assert!(!page.contains("2010.01412"), "nothing of what was not done");
}

#[test]
fn classics_that_there_are_not_are_named_with_those_that_there_are() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["reproduce", "classics", "grokking"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no classic experiment grokking; there are edge-of-stability,"), "{}", run.stderr);
    let run = sandbox.run(&["reproduce", "classics", "--seeds", "0..4"]);
    assert_eq!(run.code, 2);
}
