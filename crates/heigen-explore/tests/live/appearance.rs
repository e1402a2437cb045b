//! The page wide and narrow, light and dark. Pictures of it are kept under the folder `explorer` of the tests' temporary files.

use crate::browser::Browser;
use crate::client::start;
use crate::likeness::assert_alike;
use crate::steps::{link, settled, train};
use serde_json::json;

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

/// `docs/explorer.png`, which is then copied from the folder of the pictures: a training that was seen, so that its curves are there.
#[test]
#[ignore = "makes the README's picture"]
fn picture_of_the_readme() {
    let Some(browser) = Browser::start() else { return };
    let mut page = browser.page(&start(), 1200, 760, false);
    settled(&mut page);
    train(&mut page, 300);
    settled(&mut page);
    page.click("#pieces");
    page.until("document.querySelectorAll('#pieces-table tbody tr').length >= 2");
    page.click("#spectrum .dot.outlier:last-of-type");
    page.until("import('./state.js').then(({ state }) => state.picture.fine && !!state.picture.values)");
    page.value("(() => { document.activeElement.blur(); scrollTo(0, 0); return true; })()");
    page.value("new Promise((done) => setTimeout(() => done(true), 300))");
    page.screenshot_of_window("readme");
}
