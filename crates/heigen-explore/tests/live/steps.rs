//! Steps that several tests of the page take.

use crate::browser::Page;
use std::fmt::Write;

/// Waits until a look at resting weights has come and the plane is drawn finely.
pub(crate) fn settled(page: &mut Page) {
    page.until("document.querySelectorAll('#spectrum .dot').length >= 10");
    page.until("document.querySelectorAll('#sliders input').length === 6");
}

pub(crate) fn number(page: &mut Page, id: &str) -> f64 {
    let text = page.text(id);
    text.replace('\u{2212}', "-").trim_end_matches([' ', '%']).parse().unwrap_or_else(|_| panic!("{id}: {text}"))
}

/// Trains for about so many epochs, and pauses.
pub(crate) fn train(page: &mut Page, epochs: u32) {
    page.click("#play");
    page.until(&format!("Number(document.getElementById('epoch').textContent) >= {epochs}"));
    page.click("#play");
    page.until("document.getElementById('play').textContent.includes('Train')");
}

/// The part of an address that has the page show a view.
pub(crate) fn link(view: &serde_json::Value) -> String {
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
