//! The explorer over its real server: who may ask, what sessions do, and the page in a browser.

mod browser;
#[path = "../../../../tests/chromium.rs"]
mod chromium;
mod client;
mod drawings;
mod guard;
mod kinds;
mod likeness;
mod links;
mod moves;
mod pages;
mod sessions;
mod soak;
mod speed;
mod training;
