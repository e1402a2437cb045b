//! The page in a browser: what people do there, wide and narrow, light and dark. Pictures of it are kept under
//! the folder `explorer` of the tests' temporary files.

use crate::browser::{Browser, Page};
use crate::client::start;
use crate::likeness::assert_alike;
use serde_json::json;
use std::fmt::Write;

/// Waits until a look at resting weights has come and the plane is drawn finely.
fn settled(page: &mut Page) {
    page.until("document.querySelectorAll('#spectrum .dot').length >= 10");
    page.until("document.querySelectorAll('#sliders input').length === 6");
}

fn number(page: &mut Page, id: &str) -> f64 {
    let text = page.text(id);
    text.replace('\u{2212}', "-").trim_end_matches([' ', '%']).parse().unwrap_or_else(|_| panic!("{id}: {text}"))
}

/// Trains for about so many epochs, and pauses.
fn train(page: &mut Page, epochs: u32) {
    page.click("#play");
    page.until(&format!("Number(document.getElementById('epoch').textContent) >= {epochs}"));
    page.click("#play");
    page.until("document.getElementById('play').textContent.includes('Train')");
}

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
    page.until("import('./state.js').then(({ state }) => state.look.threshold === 20)");
    assert!(number(&mut page, "epoch") >= epoch);
    for set in
        ["hierachical", "circle", "half_moon", "gauss_checkerboard_linear_close", "gauss_checkerboard_noisy_close"]
    {
        page.click(&format!("#gallery [data-set={set}]"));
        page.until(&format!(
            "import('./state.js').then(({{ state }}) => state.ground.setup.data === '{set}' && !!state.look)"
        ));
        assert_eq!(number(&mut page, "epoch"), 0.0);
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

/// The part of an address that has the page show a view.
fn link(view: &serde_json::Value) -> String {
    let mut text = "#".to_owned();
    for byte in view.to_string().bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(byte.into());
        } else {
            write!(text, "%{byte:02X}").unwrap();
        }
    }
    text
}

/// The relative luminance of an sRGB colour, by WCAG 2.
fn luminance(color: &[u8]) -> f64 {
    let channel = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(color[0]) + 0.7152 * channel(color[1]) + 0.0722 * channel(color[2])
}

#[test]
fn it_is_whole_in_wide_and_narrow_windows_and_both_schemes() {
    let Some(browser) = Browser::start() else { return };
    let address = start();
    for dark in [false, true] {
        for width in [1400, 900] {
            // A link makes the same weights every time, and so the same pictures.
            let link = link(&json!({ "setup": null, "changes": [], "epochs": 60, "pieces": true, "units": 0 }));
            let mut page = browser.page(&format!("{address}{link}"), width, 1000, dark);
            page.until("document.getElementById('epoch').textContent === '60'");
            settled(&mut page);
            page.until("document.querySelectorAll('#units canvas').length === 30");
            page.until("import('./state.js').then(({ state }) => state.picture.fine)");
            page.until("document.querySelectorAll('#pieces-table tbody tr').length >= 2");
            page.until("document.getElementById('surface-note').textContent.includes('ring')");
            let scheme = if dark { "dark" } else { "light" };
            let (w, h, pixels) = page.screenshot(&format!("classes-{scheme}-{width}"));
            assert!(w == width && h >= 1000, "{w} x {h}");
            let ground = luminance(&pixels[4 * (w as usize * (h as usize - 2) + 3)..]);
            assert_eq!(ground < 0.1, dark, "the paper's luminance is {ground}");
            assert_alike(&format!("classes-{scheme}-{width}"), w, h, &pixels);
            page.click("#spectrum .dot.outlier:last-of-type");
            page.until("document.getElementById('legend').textContent.includes('alignment with v₁')");
            page.until("import('./state.js').then(({ state }) => state.picture.fine && !!state.picture.values)");
            let name = format!("alignment-{scheme}-{width}");
            let (w, h, pixels) = page.screenshot(&name);
            assert_alike(&name, w, h, &pixels);
            // Nothing is wider than the window, nothing that is written is cut off, and no panel covers another.
            assert_eq!(page.value("document.documentElement.scrollWidth <= innerWidth"), true, "{width} {scheme}");
            let cut = page.value(
                "[...document.querySelectorAll('button, h2, label, p, dd, td, th, summary')].filter((e) => \
                 e.offsetParent && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')\
                 .map((e) => e.id + e.className + e.textContent).join('; ')",
            );
            assert_eq!(cut, "", "{width} {scheme}");
            let covered = page.value(
                "(() => { const boxes = [...document.querySelectorAll('.panel')].map((e) => e.getBoundingClientRect()); \
                 let count = 0; boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => { \
                 if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) count += 1; })); \
                 return count; })()",
            );
            assert_eq!(covered, 0, "{width} {scheme}");
            page.assert_no_complaints();
        }
    }
}

#[test]
fn a_link_brings_back_settings_samples_selection_and_moves() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    page.choose("activation", "tanh");
    page.until(
        "import('./state.js').then(({ state }) => state.ground.experiment.model.args.layers[1].type === 'tanh')",
    );
    train(&mut page, 20);
    page.click("#tools [data-tool=add]");
    let [x, y] = page.middle("#plane");
    page.click_at([x + 150.0, y - 150.0]);
    page.until("import('./state.js').then(({ state }) => state.samples.classes.length === 301)");
    page.click("#step");
    page.value(
        "(() => { const e = document.getElementById('lr'); e.value = -1; e.dispatchEvent(new Event('input')); })()",
    );
    page.click("#step");
    page.until("import('./state.js').then(({ state }) => state.basis?.version === state.picture?.version && state.picture.fine)");
    page.click("#spectrum .dot.outlier:last-of-type");
    page.choose("units-layer", "1");
    page.choose("axis-y", "{\"vector\":2}");
    let [x, y] = page.middle("#sliders .slider:first-child input");
    page.drag([x, y], [x + 30.0, y]);
    page.until("document.getElementById('facts').classList.contains('moved')");
    page.click("#whole");
    page.until("document.getElementById('spectrum-note').textContent.includes('certified')");
    let facts = "[...document.querySelectorAll('#facts dd, #lr-value')].map((e) => e.textContent).join(' ')";
    page.until("decodeURIComponent(location.hash).includes('\"whole\":true')");
    let before = page.value(facts);
    // Once more in another window, where it has to be computed anew.
    let address = page.value("location.href");
    let mut other = browser.page(address.as_str().unwrap(), 1400, 1000, false);
    other.until("document.getElementById('facts').classList.contains('moved')");
    other.until("document.getElementById('legend').textContent.includes('alignment with v₁')");
    other.until("document.getElementById('spectrum-note').textContent.includes('certified')");
    other.until("document.querySelectorAll('#units canvas').length === 30");
    other.until(
        "import('./state.js').then(({ state }) => state.samples.classes.length === 301 && state.axes[1].vector === 2)",
    );
    assert_eq!(other.value(facts), before);
    other.assert_no_complaints();
    page.assert_no_complaints();
}

#[test]
fn two_minima_stand_side_by_side() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    page.choose("compare-with", "SAM");
    train(&mut page, 60);
    let done = "document.getElementById('compare-note').textContent.includes('as many epochs') && (() => { \
        const row = [...document.querySelectorAll('#compare-numbers tr')][1].textContent; \
        const own = document.getElementById('epoch').textContent; return row === `epoch${own}${own}`; })()";
    page.until(done);
    let cell = |page: &mut Page, row: u32, side: u32| {
        let text = page.value(&format!(
            "document.querySelector('#compare-numbers tbody tr:nth-child({row}) td:nth-child({})').textContent",
            side + 2
        ));
        text.as_str().unwrap().to_owned()
    };
    let heads =
        page.value("[...document.querySelectorAll('#compare-numbers thead th')].map((e) => e.textContent).join()");
    assert_eq!(heads, ",SGD,SAM");
    // Its own side is the page's, the other one is another minimum.
    assert_eq!(cell(&mut page, 2, 0), page.text("loss-train"));
    assert_ne!(cell(&mut page, 2, 1), page.text("loss-train"));
    page.choose("compare-with", "adversarial");
    page.until("[...document.querySelectorAll('#compare-numbers thead th')].map((e) => e.textContent).join() === ',fresh start,adversarial start'");
    page.until(done);
    page.until("document.querySelector('#compare-numbers tbody tr:nth-child(6) td:nth-child(3)').textContent !== '–'");
    page.screenshot("compare");
    let painted = page.value(
        "(() => { const pixels = (id) => { const c = document.getElementById(id); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data; }; \
         const [a, b] = ['compare-own', 'compare-other'].map(pixels); let count = 0; \
         for (let i = 0; i < a.length; i += 4) if (Math.abs(a[i] - b[i]) > 20) count += 1; return count / (a.length / 4); })()",
    );
    assert!(painted.as_f64().unwrap() > 0.01, "the two planes differ in {painted} of their pixels");
    // A change of the samples is one of both.
    page.click("#tools [data-tool=add]");
    let [x, y] = page.middle("#plane");
    page.click_at([x + 150.0, y - 150.0]);
    page.until("import('./state.js').then(({ state }) => state.samples.classes.length === 301)");
    page.until(done);
    page.choose("compare-with", "");
    page.until("document.getElementById('compare').hidden");
    page.assert_no_complaints();
}

#[test]
fn files_are_saved() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1400, 1000, false);
    settled(&mut page);
    // What would be handed to the person at the page is kept.
    page.value(
        "(() => { window.files = []; const make = URL.createObjectURL; URL.createObjectURL = (blob) => { window.last = blob; return make(blob); }; \
         HTMLAnchorElement.prototype.click = function () { const name = this.download; \
         window.last.text().then((text) => window.files.push([name, text])); }; })()",
    );
    train(&mut page, 10);
    page.until("document.getElementById('surface-note').textContent.includes('ring')");
    page.click("#pieces");
    page.until("document.querySelectorAll('#pieces-table tbody tr').length >= 2");
    let mut count = 0;
    for of in ["plane", "spectrum", "course", "surface", "pieces"] {
        for (form, begins) in [("svg", "<svg"), ("png", "\u{fffd}PNG")] {
            page.click(&format!("[data-save={of}] [data-form={form}]"));
            count += 1;
            page.until(&format!("window.files.length === {count}"));
            let file = page.value(&format!("window.files[{}]", count - 1));
            assert!(
                file[0].as_str().unwrap().ends_with(form) && file[1].as_str().unwrap().starts_with(begins),
                "{of} {form}"
            );
        }
    }
    page.choose("start", "adversarial");
    page.until("import('./state.js').then(({ state }) => !!state.ground.before && !!state.look)");
    page.click("#save");
    page.until(&format!("window.files.length === {}", count + 2));
    let names = page.value(&format!("window.files.slice({count}).map(([name]) => name).sort().join()"));
    assert_eq!(names, "gauss_mixtures.json,gauss_mixtures_random_labels.json");
    assert!(page.text("notice").contains("has to lie beside it"));
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

/// An ordinary user's first three minutes: what is clicked or dragged, and what is to be seen after it.
const FIRST_THREE_MINUTES: [(&str, &str); 18] = [
    ("#play", "Number(document.getElementById('epoch').textContent) > 50"),
    ("#play", "document.getElementById('play').textContent.includes('Train')"),
    (
        "#spectrum .dot.outlier:last-of-type",
        "document.getElementById('legend').textContent.includes('alignment with v₁')",
    ),
    ("#spectrum-title ~ .tail label", "document.getElementById('spectrum-note').textContent.includes('certified')"),
    (
        "#sliders .slider:nth-child(2) button",
        "document.getElementById('legend').textContent.includes('alignment with v₂')",
    ),
    ("#sliders .slider:nth-child(2) input", "true"),
    ("#surface", "true"),
    ("#surface-panel summary", "document.querySelector('#surface-panel details').open"),
    (
        "#tools [data-tool=add]",
        "document.querySelector('#tools [data-tool=add]').getAttribute('aria-checked') === 'true'",
    ),
    ("#plane", "import('./state.js').then(({ state }) => state.samples.classes.length === 301)"),
    ("#play", "import('./state.js').then(({ state }) => state.playing)"),
    (
        "#gallery [data-set=circle]",
        "import('./state.js').then(({ state }) => state.ground.n_classes === 2 && !!state.look)",
    ),
    ("#random-labels", "import('./state.js').then(({ state }) => state.ground.setup.random_labels && !!state.look)"),
    ("#more-layers", "import('./state.js').then(({ state }) => state.ground.widths.length === 5 && !!state.look)"),
    ("#play", "Number(document.getElementById('epoch').textContent) > 50"),
    ("#pieces", "document.getElementById('pieces-table').textContent.length > 20"),
    ("#play", "document.querySelectorAll('#pieces-table tbody tr').length >= 1"),
    ("#restart", "document.getElementById('epoch').textContent === '0'"),
];

#[test]
fn the_first_three_minutes_meet_no_dead_end() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1280, 800, false);
    settled(&mut page);
    for (what, seen) in FIRST_THREE_MINUTES {
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
fn two_pages_are_apart_and_one_that_is_closed_disturbs_no_other() {
    let Some(browser) = Browser::start() else { return };
    let address = start();
    let (mut one, mut other) = (browser.page(&address, 1400, 1000, false), browser.page(&address, 1000, 1000, true));
    settled(&mut one);
    settled(&mut other);
    one.click("#play");
    one.until("Number(document.getElementById('epoch').textContent) >= 10");
    assert_eq!(number(&mut other, "epoch"), 0.0);
    one.call("Page.close", &serde_json::json!({}));
    train(&mut other, 5);
    other.assert_no_complaints();
}

#[test]
fn a_page_behind_another_goes_on() {
    let Some(browser) = Browser::start() else { return };
    let address = start();
    let mut one = browser.page(&address, 1400, 1000, false);
    settled(&mut one);
    one.click("#play");
    let mut other = browser.page("about:blank", 800, 600, false);
    other.front();
    one.until("document.hidden");
    let epoch = one.value("Number(document.getElementById('epoch').textContent)").as_f64().unwrap();
    one.until(&format!("Number(document.getElementById('epoch').textContent) >= {} && document.hidden", epoch + 40.0));
    one.assert_no_complaints();
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
        "import('./state.js').then(({ state }) => Math.abs(state.look.threshold - 4) < 1e-9)",
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
