//! Tests of links, drawings and experiment files that a page gives away.

use crate::browser::Browser;
use crate::client::start;
use crate::steps::{settled, train};

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
    // What there is nothing of yet cannot be saved yet.
    let saved_units = "document.querySelector('[data-save=units] button').disabled";
    let saved_minima = "document.querySelector('[data-save=compare] button').disabled";
    assert!(page.value(saved_units) == true && page.value(saved_minima) == true);
    page.choose("units-layer", "1");
    page.choose("compare-with", "SAM");
    page.until("document.getElementById('compare-note').textContent.includes('as many epochs')");
    page.until(&format!("!{saved_units} && !{saved_minima}"));
    let mut count = 0;
    for of in ["plane", "spectrum", "course", "surface", "pieces", "units", "compare"] {
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
    // The experiment has the epochs that the page has trained.
    page.click("#save");
    count += 1;
    page.until(&format!("window.files.length === {count}"));
    let saved = page.value(&format!("JSON.parse(window.files[{}][1]).trainer.num_epochs", count - 1));
    assert_eq!(saved.to_string(), page.text("epoch"));
    page.choose("start", "adversarial");
    page.until("import('./state.js').then(({ state }) => !!state.ground.before && !!state.look)");
    page.click("#save");
    page.until(&format!("window.files.length === {}", count + 2));
    let names = page.value(&format!("window.files.slice({count}).map(([name]) => name).sort().join()"));
    assert_eq!(names, "gauss_mixtures.json,gauss_mixtures_random_labels.json");
    assert!(page.text("notice").contains("has to lie beside it"));
    page.assert_no_complaints();
}
