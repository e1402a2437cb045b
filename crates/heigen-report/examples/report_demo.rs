//! Writes an example page: `cargo run --example report_demo -- PAGE.html [DRAWING.svg]`; the drawing takes the place of the
//! made-up ones.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let page = arguments.next().ok_or("expected the name of the page to write")?;
    let mut report = common::example();
    if let Some(drawing) = arguments.next() {
        let svg = std::fs::read_to_string(drawing)?;
        report
            .sections
            .iter_mut()
            .flat_map(|section| &mut section.figures)
            .for_each(|figure| figure.svg.clone_from(&svg));
    }
    std::fs::write(page, heigen_report::html(&report)?)?;
    Ok(())
}
