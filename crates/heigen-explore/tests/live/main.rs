//! The explorer over its real server: who may ask, what sessions do, and the page in a browser.

mod browser;
mod client;
mod guard;
mod moves;
mod pages;
mod sessions;
mod training;
