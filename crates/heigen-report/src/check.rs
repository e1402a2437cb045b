//! Checks of a report before its page is written.

use crate::error::ReportError;
use crate::report::{Report, Table, Timing};
use crate::svg;
use std::collections::BTreeMap;

/// Addresses that the page itself uses.
const RESERVED: [&str; 6] = ["content", "contents", "problems", "run", "claims", "timings"];

/// The first thing that keeps `report` from being a page.
pub(crate) fn check(report: &Report) -> Result<(), ReportError> {
    filled("the title of the report", &report.title)?;
    let mut ids = Ids::new(report.claims.len());
    for (i, claim) in report.claims.iter().enumerate() {
        filled(&format!("the statement of claim {}", i + 1), &claim.statement)?;
        claim.table.iter().try_for_each(rows)?;
    }
    for section in &report.sections {
        let what = format!("the section `{}`", section.title);
        filled(&format!("the title of the section with the id `{}`", section.id), &section.title)?;
        ids.take(&section.id, &what)?;
        for figure in &section.figures {
            let what = format!("the figure `{}`", figure.title);
            filled(&format!("the title of the figure with the id `{}`", figure.id), &figure.title)?;
            ids.take(&figure.id, &what)?;
            ids.take(&format!("{}-large", figure.id), &format!("the large view of {what}"))?;
            if let Some(problem) = svg::problem(&figure.svg) {
                return Err(ReportError::Svg { figure: figure.id.clone(), problem });
            }
        }
        for film in &section.films {
            let what = format!("the film `{}`", film.title);
            filled(&format!("the title of the film with the id `{}`", film.id), &film.title)?;
            ids.take(&film.id, &what)?;
            if film.frames.is_empty() {
                return Err(ReportError::Empty { what });
            }
            for (i, frame) in film.frames.iter().enumerate() {
                filled(&format!("the name of drawing {} of {what}", i + 1), &frame.name)?;
                ids.take(&format!("{}-{i}", film.id), &format!("drawing {} of {what}", i + 1))?;
                if let Some(problem) = svg::problem(&frame.svg) {
                    return Err(ReportError::Svg { figure: film.id.clone(), problem });
                }
            }
        }
        section.tables.iter().try_for_each(rows)?;
        for folded in &section.folded {
            filled(&format!("the summary of folded tables in {what}"), &folded.summary)?;
            folded.tables.iter().try_for_each(rows)?;
        }
    }
    report.timings.iter().try_for_each(seconds)
}

fn filled(what: &str, text: &str) -> Result<(), ReportError> {
    if text.trim().is_empty() { Err(ReportError::Empty { what: what.to_owned() }) } else { Ok(()) }
}

/// Every id of the page with what has it.
struct Ids(BTreeMap<String, String>);

impl Ids {
    fn new(n_claims: usize) -> Self {
        let own = RESERVED.map(str::to_owned).into_iter().chain((1..=n_claims).map(|i| format!("claim-{i}")));
        Self(own.map(|id| (id, "the page itself".to_owned())).collect())
    }

    fn take(&mut self, id: &str, what: &str) -> Result<(), ReportError> {
        let sound = id.starts_with(|c: char| c.is_ascii_alphabetic())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if !sound {
            return Err(ReportError::Id { what: what.to_owned(), got: id.to_owned() });
        }
        match self.0.insert(id.to_owned(), what.to_owned()) {
            Some(other) => Err(ReportError::DuplicateId { id: id.to_owned(), what: what.to_owned(), other }),
            None => Ok(()),
        }
    }
}

fn rows(table: &Table) -> Result<(), ReportError> {
    let wanted = table.head.len();
    match table.rows.iter().position(|row| row.len() != wanted) {
        Some(i) => {
            Err(ReportError::RowLength { table: table.caption.clone(), row: i + 1, got: table.rows[i].len(), wanted })
        }
        None => Ok(()),
    }
}

fn seconds(timing: &Timing) -> Result<(), ReportError> {
    for (what, value) in [("seconds", timing.seconds), ("reference_seconds", timing.reference_seconds)] {
        if let Some(got) = value.filter(|value| !value.is_finite() || *value < 0.0) {
            return Err(ReportError::Seconds { what, task: timing.task.clone(), got });
        }
    }
    Ok(())
}
