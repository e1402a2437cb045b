//! The explorer over its real server: who may ask, what sessions do, and the page in a browser.

mod appearance;
mod browser;
#[path = "../../../../tests/chromium.rs"]
mod chromium;
mod client;
mod drawings;
mod guard;
mod kept;
mod kinds;
mod likeness;
mod links;
mod minima;
mod moves;
mod sessions;
mod several;
mod soak;
mod speed;
mod steps;
mod training;
mod visits;
