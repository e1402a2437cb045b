//! Two minima side by side on one page.

use crate::browser::{Browser, Page};
use crate::client::start;
use crate::steps::{settled, train};

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
