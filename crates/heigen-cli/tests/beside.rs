//! Tests of what stands in the paper's report beside the paper: followed trainings and studies, and how what is not there is made.

mod common;

use common::{Sandbox, small};
use serde_json::{Value, json};

/// The report of the first figure, from what is there, without the places at which long names may break.
fn report(sandbox: &Sandbox) -> String {
    sandbox.ok(&["reproduce", "fig1", "--report-only"]);
    std::fs::read_to_string(sandbox.path("report/index.html")).unwrap().replace("<wbr>", "")
}

/// The section of a page with this address.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let begin = page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no section {id}"));
    let length = page[begin..].find("</section>").unwrap();
    &page[begin..begin + length]
}

/// Two starts at five seeds.
fn study() -> Value {
    json!({
        "title": "Two rates", "text": ["Ten *small* cells."], "seeds": {"count": 5}, "converged_loss": 2.0,
        "experiment": {
            "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 4, "num_neurons_layer2": 4}},
            "optimizer": {"type": "SGD", "args": {"lr": 0.1}}, "dataset": {"type": "gauss_mixtures"},
            "train_fraction": 0.5, "test_fraction": 0.5,
            "trainer": {"num_epochs": 6, "batch_size": 32, "how_often_print": 3}
        },
        "factors": {"rate": {"slow": {"optimizer": {"args": {"lr": 0.001}}}, "fast": {}}},
        "claims": [{"name": "loss", "statement": "A slow rate ends at a larger loss.", "source": "arXiv:2306.07104, Sec. 1",
                    "expect": "larger", "compare": {"measure": "train_loss", "factor": "rate", "levels": ["slow", "fast"]}}]
    })
}

#[test]
fn what_was_not_made_is_named_with_the_command_that_makes_it() {
    let sandbox = Sandbox::new();
    let page = report(&sandbox);
    let missing = section(&page, "not-made");
    for command in [
        "heigen reproduce classics",
        "heigen follow gauss/normal_training",
        "heigen study boundary",
        "heigen attribute gauss/normal_training",
        "heigen plot surface gauss/normal_training --directions filter-normalised",
        "heigen plot surface gauss/normal_training --directions trajectory",
        "heigen plot minibatches gauss/normal_training",
    ] {
        assert!(missing.contains(&format!("<code>{command}</code>")), "{command} in {missing}");
        // Each is a command that there is.
        let words: Vec<&str> = command.split(' ').skip(1).chain(["--help"]).collect();
        sandbox.ok(&words);
    }
    assert!(!page.contains("id=\"along\"") && !page.contains("id=\"study-0\""));
}

#[test]
fn followed_trainings_stand_in_the_report_with_pictures_and_numbers() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let args = ["follow", &plain, "--every", "6", "-k", "3", "--whole", "0", "--json"];
    let followed: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
    let page = report(&sandbox);
    assert!(!section(&page, "not-made").contains("heigen follow"));
    let along = section(&page, "along");
    let moments = followed["moments"].as_array().unwrap();
    let last = moments.last().unwrap();
    let lambda = |moment: &Value| moment["eigenvalues"][0].as_f64().unwrap();
    let most = moments.iter().map(lambda).fold(0.0, f64::max);
    let mean = moments.iter().map(|m| m["gradient_in_top"].as_f64().unwrap()).sum::<f64>() / moments.len() as f64;
    let cells: Vec<&str> = along.split("<td").map(|cell| cell.split("</td>").next().unwrap()).collect();
    let at = |what: &str| cells.iter().any(|cell| cell.contains(what));
    for value in [lambda(last), most, last["train"]["loss"].as_f64().unwrap(), last["margin"].as_f64().unwrap()] {
        // Three digits, as the page writes them.
        let digits = format!("{value:.2e}");
        let digits: String = digits.chars().take_while(|&c| c != 'e').filter(|&c| c != '.').collect();
        let shown = cells.iter().any(|cell| {
            let text: String = cell.chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            text.trim_start_matches('0').starts_with(digits.trim_end_matches('0'))
        });
        assert!(shown, "{value} in {cells:?}");
    }
    assert!(at(&format!("{:.1}\u{a0}%", 100.0 * mean)), "{cells:?}");
    assert!(at("3, to epoch 12"), "{cells:?}");
    for source in ["arXiv:2103.00065", "arXiv:1812.04754", "arXiv:2207.14484", "arXiv:2306.07104"] {
        assert!(along.contains(source), "{source}");
    }
    assert!(!along.contains('$') && !along.contains('\\'), "all mathematics is set: {along}");
    let pictures = |page: &str| section(page, "along").matches("<figure id=\"along-").count();
    assert_eq!(pictures(&page), 3, "spectra, subspaces and boundary");
    assert!(along.contains("href=\"my-plain_along.html\"") && sandbox.path("report/my-plain_along.html").exists());
    // A picture of something else does not stand beside these numbers, nor a record of an earlier version.
    let picture = sandbox.path("figures/along_spectra_my-plain.svg");
    let svg = std::fs::read_to_string(&picture).unwrap();
    std::fs::write(&picture, svg.replacen("<svg", "<svg ", 1)).unwrap();
    assert_eq!(pictures(&report(&sandbox)), 2);
    std::fs::remove_file(sandbox.path("results/grads/my/plain_along.json")).unwrap();
    let page = report(&sandbox);
    assert!(!page.contains("id=\"along\"") && section(&page, "not-made").contains("heigen follow"));
}

#[test]
fn studies_stand_in_the_report_with_claims_and_pictures() {
    let sandbox = Sandbox::new();
    let file = sandbox.file("rates.json", study().to_string().as_bytes());
    let found: Value = serde_json::from_str(&sandbox.ok(&["study", &file, "--json"]).stdout).unwrap();
    let page = report(&sandbox);
    assert!(!section(&page, "not-made").contains("heigen study"));
    let shown = section(&page, "study-0");
    let effect = &found["claims"][0]["over_all"]["effect"];
    let number = |key: &str| format!("{:.2}", effect[key].as_f64().unwrap()).replace('-', "\u{2212}");
    assert_eq!(number("value"), "1.00", "the slow rate is the worse one: {found}");
    let interval = format!("{} [{}, {}]", number("value"), number("low"), number("high"));
    for wanted in [
        "Study: Two rates",
        "Ten *small* cells.",
        "10 of 10 rows: 10 converged.",
        "A slow rate ends at a larger loss.",
        "arXiv:2306.07104</a>, Sec. 1",
        "Train_loss at the rate slow against fast, seed by seed; claimed: above 0",
        &interval,
        "<strong>strongly supported</strong>",
        "mean loss over the training samples at the end",
        "2,000 bootstrap samples",
        "href=\"study_rates.html\"",
        "heigen study rates.json",
    ] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(!shown.contains('$') && !shown.contains('\\'), "all mathematics is set");
    assert_eq!(shown.matches("<figure id=\"study-0-").count(), 2, "effects and rows");
    let own = std::fs::read(sandbox.path("results/studies/rates/report.html")).unwrap();
    assert!(std::fs::read(sandbox.path("report/study_rates.html")).unwrap() == own);
    // A figure of something else does not stand beside these numbers.
    let picture = sandbox.path("results/studies/rates/claims.svg");
    let svg = std::fs::read_to_string(&picture).unwrap();
    std::fs::write(&picture, svg.replacen("<svg", "<svg ", 1)).unwrap();
    assert_eq!(section(&report(&sandbox), "study-0").matches("<figure id=\"study-0-").count(), 1);
}
