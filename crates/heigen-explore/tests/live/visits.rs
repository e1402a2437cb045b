//! Tests of visits to the page: a whole one, the settings, the keyboard, the first three minutes, the tour.

use crate::browser::Browser;
use crate::client::start;
use crate::steps::{number, settled, train};

#[test]
fn one_trains_looks_selects_moves_and_changes_samples() {
    let Some(browser) = Browser::start() else { return };
    let address = start();
    let mut page = browser.page(&address, 1400, 1000, false);
    settled(&mut page);
    let before = number(&mut page, "loss-train");
    train(&mut page, 40);
    assert!(number(&mut page, "loss-train") < before);
    settled(&mut page);
    page.until("document.querySelectorAll('#eigenvalues path').length >= 3");

    // An eigenvalue is clicked: its vector colours the plane and the samples.
    page.click("#spectrum .dot.outlier:last-of-type");
    page.until("document.getElementById('spectrum-note').textContent.startsWith('selected: v₁')");
    page.until("document.getElementById('legend').textContent.includes('alignment with v₁')");

    // A slider is dragged: the loss rises, and the spectrum there is shown.
    let resting = number(&mut page, "loss-train");
    let [x, y] = page.middle("#sliders .slider:first-child input");
    page.drag([x, y], [x + 50.0, y]);
    page.until("document.getElementById('facts').classList.contains('moved')");
    page.until("document.querySelectorAll('#spectrum .there').length > 0");
    assert_ne!(number(&mut page, "loss-train"), resting);
    page.click("#back");
    page.until("!document.getElementById('facts').classList.contains('moved')");
    assert_eq!(number(&mut page, "loss-train"), resting);

    // The ring on the loss plane is dragged.
    page.until("document.getElementById('surface-note').textContent.includes('ring')");
    let [x, y] = page.middle("#surface");
    page.drag([x, y], [x + 60.0, y - 40.0]);
    page.until("document.getElementById('facts').classList.contains('moved')");
    page.click("#keep");
    page.until("!document.getElementById('facts').classList.contains('moved')");

    // A sample is added, and deleted.
    page.click("#tools [data-tool=add]");
    let [x, y] = page.middle("#plane");
    page.click_at([x + 150.0, y - 150.0]);
    page.until("import('./state.js').then(({ state }) => state.samples.classes.length === 301)");
    page.click("#tools [data-tool=delete]");
    let [x, y] = page.middle("#plane");
    page.click_at([x + 150.0, y - 150.0]);
    page.until("import('./state.js').then(({ state }) => state.samples.classes.length === 300)");

    // The whole spectrum, and what the outliers carry.
    page.click("#whole");
    page.until("document.getElementById('spectrum-note').textContent.includes('certified')");
    page.click("#pieces");
    page.until("document.querySelectorAll('#pieces-table tbody tr').length >= 2");
    page.assert_no_complaints();
    assert!(browser.folder().exists());
}

/// An answer to earlier settings that comes before the answer to a change does not take the change back.
#[test]
fn two_quick_changes_of_settings_are_both_kept() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    page.value(
        "Promise.all([import('./settings.js'), import('./state.js')]).then(async ([{ begin }, { changed, nextFrame, state }]) => {
           const earlier = state.ground;
           begin({ activation: 'tanh' });
           nextFrame(() => (state.ground = earlier));
           changed('ground');
           await new Promise((done) => nextFrame(done));
           begin({ optimizer: 'Adam' });
         })",
    );
    page.until("import('./state.js').then(({ state }) => state.ground.setup.optimizer === 'Adam' && !!state.look)");
    let activation = page.value("import('./state.js').then(({ state }) => state.ground.setup.activation)");
    assert_eq!(activation, "tanh");
    page.assert_no_complaints();
}

#[test]
fn settings_begin_anew_and_the_rate_does_not() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    train(&mut page, 5);
    let epoch = number(&mut page, "epoch");
    page.value(
        "(() => { const e = document.getElementById('lr'); e.value = -1; e.dispatchEvent(new Event('input')); })()",
    );
    page.until("document.getElementById('lr-value').textContent === '0.10'");
    page.until("import('./state.js').then(({ state }) => state.look?.threshold === 20)");
    assert!(number(&mut page, "epoch") >= epoch);
    for set in
        ["hierachical", "circle", "half_moon", "gauss_checkerboard_linear_close", "gauss_checkerboard_noisy_close"]
    {
        page.click(&format!("#gallery [data-set={set}]"));
        page.until(&format!(
            "import('./state.js').then(({{ state }}) => state.ground.setup.data === '{set}' && !!state.look)"
        ));
        page.until("document.getElementById('epoch').textContent === '0'");
    }
    page.click("#fewer-layers");
    page.until("import('./state.js').then(({ state }) => state.ground.widths.length === 3 && !!state.look)");
    page.choose("activation", "tanh");
    page.choose("optimizer", "Adam");
    page.until(
        "import('./state.js').then(({ state }) => state.ground.experiment.optimizer.type === 'Adam' && !!state.look)",
    );
    // The address restores the settings, and the file that is saved is the experiment.
    page.until("decodeURIComponent(location.hash).includes('\"optimizer\":\"Adam\"')");
    page.call("Page.reload", &serde_json::json!({}));
    page.until("document.readyState === 'complete' && document.getElementById('activation').value === 'tanh'");
    page.until(
        "import('./state.js').then(({ state }) => state.ground?.experiment.optimizer.type === 'Adam' && !!state.look)",
    );
    let file = page.value("import('./save.js').then(({ experimentFile }) => experimentFile())");
    let name = heigen::config::ExperimentName::new("my", "saved").unwrap();
    let saved =
        heigen::config::Experiment::parse(file.as_str().unwrap(), name, "saved", &heigen::config::AnyName).unwrap();
    assert_eq!(saved.experiment.optimizer.lr(), 0.1);
    // A unit of the hidden layer colours the plane.
    page.choose("colour", r#"{"by":"unit","layer":0,"unit":2}"#);
    page.until("document.getElementById('legend').textContent.includes('unit 3 of layer 1')");
    page.assert_no_complaints();
}

#[test]
fn the_keyboard_suffices() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    page.value("document.getElementById('spectrum').focus()");
    page.key("ArrowRight", 39);
    page.until("document.getElementById('spectrum-note').textContent.startsWith('selected: v₁')");
    page.key("ArrowRight", 39);
    page.until("document.getElementById('spectrum-note').textContent.startsWith('selected: v₂')");
    page.key("Escape", 27);
    page.until("!document.getElementById('spectrum-note').textContent.startsWith('selected')");
    page.value("document.querySelector('#sliders input').focus()");
    page.key("ArrowRight", 39);
    page.until("document.getElementById('facts').classList.contains('moved')");
    page.click("#tools [data-tool=add]");
    page.value("document.getElementById('plane').focus()");
    page.key("ArrowUp", 38);
    page.key("Enter", 13);
    page.until("import('./state.js').then(({ state }) => state.samples.classes.length === 301)");
    page.value("document.activeElement.blur()");
    page.key("l", 76);
    page.until("!document.getElementById('latency-box').hidden");
    // Everything that is pressed or chosen has a name.
    let nameless = page.value(
        "[...document.querySelectorAll('button, select, input, [tabindex]')].filter((e) => e.checkVisibility() && !(e.textContent.trim() \
         || e.getAttribute('aria-label') || e.labels?.length || e.getAttribute('aria-describedby'))).map((e) => e.id).join()",
    );
    assert_eq!(nameless, "");
    page.assert_no_complaints();
}

#[test]
fn samples_of_four_features_are_shown_by_their_neighbourhoods() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    page.click("#gallery [data-set=iris]");
    page.until("document.getElementById('plane-title').textContent === 'Samples by t-SNE'");
    train(&mut page, 30);
    settled(&mut page);
    page.click("#spectrum .dot.outlier:last-of-type");
    page.until("document.getElementById('legend').textContent.includes('alignment with v₁')");
    page.click("#pieces");
    page.until("document.querySelectorAll('#pieces-table tbody tr').length >= 1");
    assert_eq!(page.value("[...document.querySelectorAll('#tools button')].filter((e) => !e.hidden).length"), 2);
    page.screenshot("iris");
    // Back on the plane, all tools are there again.
    page.click("#gallery [data-set=circle]");
    page.until("document.getElementById('plane-title').textContent === 'Plane of the samples'");
    assert_eq!(page.value("[...document.querySelectorAll('#tools button')].filter((e) => !e.hidden).length"), 4);
    page.assert_no_complaints();
}

/// An ordinary user's first three minutes, as the guide lists them: the beginning of each step there, what is clicked, and what is to
/// be seen after it.
const FIRST_THREE_MINUTES: [(&str, &str, &str); 18] = [
    ("*Train*: regions", "#play", "Number(document.getElementById('epoch').textContent) > 50"),
    ("*Pause*: the spectrum", "#play", "document.getElementById('play').textContent.includes('Train')"),
    (
        "The largest dot",
        "#spectrum .dot.outlier:last-of-type",
        "document.getElementById('legend').textContent.includes('alignment with v₁')",
    ),
    (
        "*whole*",
        "#spectrum-title ~ .tail label",
        "document.getElementById('spectrum-note').textContent.includes('certified')",
    ),
    (
        "*v₂* beside",
        "#sliders .slider:nth-child(2) button",
        "document.getElementById('legend').textContent.includes('alignment with v₂')",
    ),
    ("The second slider", "#sliders .slider:nth-child(2) input", "true"),
    ("The *Loss plane*", "#surface", "true"),
    ("*Formula* below", "#surface-panel summary", "document.querySelector('#surface-panel details').open"),
    (
        "*Add* below",
        "#tools [data-tool=add]",
        "document.querySelector('#tools [data-tool=add]').getAttribute('aria-checked') === 'true'",
    ),
    ("The plane: a sample", "#plane", "import('./state.js').then(({ state }) => state.samples.classes.length === 301)"),
    ("*Train*: the boundary", "#play", "import('./state.js').then(({ state }) => state.playing)"),
    (
        "*two circles* among",
        "#gallery [data-set=circle]",
        "import('./state.js').then(({ state }) => state.ground.n_classes === 2 && !!state.look)",
    ),
    (
        "*Labels at random*",
        "#random-labels",
        "import('./state.js').then(({ state }) => state.ground.setup.random_labels && !!state.look)",
    ),
    (
        "*+* beside",
        "#more-layers",
        "import('./state.js').then(({ state }) => state.ground.widths.length === 5 && !!state.look)",
    ),
    ("*Train* once more", "#play", "Number(document.getElementById('epoch').textContent) > 50"),
    ("*show* at", "#pieces", "document.getElementById('pieces-table').textContent.length > 20"),
    ("*Pause*: the pieces", "#play", "document.querySelectorAll('#pieces-table tbody tr').length >= 1"),
    ("*Restart*", "#restart", "document.getElementById('epoch').textContent === '0'"),
];

#[test]
fn the_first_three_minutes_meet_no_dead_end() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1280, 800, false);
    settled(&mut page);
    let guide = include_str!("../../guide/explorer.md");
    let steps =
        guide.split_once("{#the-first-minutes}").and_then(|(_, rest)| rest.split_once("\n## ")).expect("the steps").0;
    assert_eq!(
        steps.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count(),
        FIRST_THREE_MINUTES.len()
    );
    for (number, (step, what, seen)) in (1..).zip(FIRST_THREE_MINUTES) {
        assert!(steps.contains(&format!("\n{number}. {step}")), "the guide's step {number} is not {step}");
        page.click(what);
        page.until(seen);
        // Whatever was clicked, nothing that went wrong is to be read, and training can go on.
        assert_eq!(page.value("document.getElementById('notice').hidden"), true, "{what}: {}", page.text("notice"));
        assert_eq!(page.value("document.getElementById('play').disabled"), false, "{what}");
    }
    // Every view has its formula and its place in the guide.
    let without = page.value(
        "[...document.querySelectorAll('main section')].filter((e) => !e.querySelector('details.formula a[href^=\"guide#\"]')).map((e) => e.id).join()",
    );
    assert_eq!(without, "");
    let lost = page.value(
        "fetch('guide').then((answer) => answer.text()).then((text) => [...document.querySelectorAll('a[href^=\"guide#\"]')]\
         .map((a) => a.getAttribute('href').slice(6)).filter((id) => !text.includes(`id=\"${id}\"`)).join())",
    );
    assert_eq!(lost, "", "places of the guide that are not there");
    page.assert_no_complaints();
}

#[test]
fn the_tour_has_seven_steps_that_can_be_done() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    page.click("#tour-open");
    let after = [
        "Number(document.getElementById('epoch').textContent) >= 30",
        "document.getElementById('play').textContent.includes('Train') && document.querySelectorAll('#spectrum .dot').length >= 10",
        "document.getElementById('legend').textContent.includes('alignment with v₁')",
        "document.getElementById('facts').classList.contains('moved')",
        "import('./state.js').then(({ state }) => state.random > 0 && state.along[0] === 0)",
        "import('./state.js').then(({ state }) => state.ground.n_classes === 4 && state.playing && state.picture?.epoch > 20)",
        "import('./state.js').then(({ state }) => Math.abs(state.look?.threshold - 4) < 1e-9)",
    ];
    for (i, done) in after.into_iter().enumerate() {
        assert!(page.text("tour-title").starts_with(&format!("{} of 7", i + 1)));
        page.click("#tour-act");
        page.until(done);
        if i == 3 {
            page.screenshot("tour");
        }
        page.click("#tour-next");
    }
    page.until("document.getElementById('tour').hidden");
    page.assert_no_complaints();
}
