//! The program `heigen`.

fn main() {}
