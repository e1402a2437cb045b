//! The page of the classic experiments.

use super::title_of;
use crate::LabError;
use crate::call::Call;
use crate::page_text::machine;
use crate::watch::NoteKind;
use heigen_report::{Cell, Claim, Figure, Report, Section, Table, Timing, Verdict, literal};
use heigen_store::classic_record::{ClassicClaim, ClassicRecord, Finding};
use heigen_store::{atomic, files};
use std::path::{Path, PathBuf};

/// The verdict to which the findings about a claim come.
pub(super) fn verdict(claim: &ClassicClaim) -> Verdict {
    Verdict::of_findings(claim.findings.iter().map(|finding| finding.supports))
}

/// Writes the page and returns its path.
pub(super) fn write(
    call: &Call,
    records: &[ClassicRecord],
    figures: &[PathBuf],
    folder: &Path,
) -> Result<PathBuf, LabError> {
    let path = folder.join("classics.html");
    let report = Report {
        title: "Classic experiments on loss landscapes, done again".to_owned(),
        subtitle: "By heigen, on networks and samples that are built into it".to_owned(),
        intro: vec![
            "Each section is a small version of a published experiment: what was claimed, what is measured here, and a \
             verdict. A small network on few samples can contradict a claim about large ones, and cannot prove it; what it shows \
             is that the measurement can be made, and what it gives here."
                .to_owned(),
        ],
        facts: vec![
            ("Program".to_owned(), format!("heigen {}", heigen::VERSION)),
            ("Machine".to_owned(), machine(call.lab)),
        ],
        rules: vec![
            "A claim is *supported* if there are findings for it and none against it, *contradicted* if there are findings against \
             it and none for it, *mixed* if there are both, *undecided* if no finding tells. The rule of each claim says what speaks \
             for it; what does not, speaks against it."
                .to_owned(),
        ],
        claims: records.iter().flat_map(|record| record.claims.iter().map(move |claim| judged(record, claim))).collect(),
        sections: records.iter().map(|record| section(record, figures)).collect(),
        timings: records.iter().map(timing).collect(),
        footer: "Drawn and written by heigen, from its results alone; the page needs no network.".to_owned(),
        ..Report::default()
    };
    atomic::write(&path, heigen_report::html(&report)?.as_bytes())?;
    call.note("classics", NoteKind::Reported { path: path.clone() });
    Ok(path)
}

fn judged(record: &ClassicRecord, claim: &ClassicClaim) -> Claim {
    let texts = |side: Option<bool>| -> Vec<String> {
        let of_side = |finding: &&Finding| finding.supports == side;
        claim.findings.iter().filter(of_side).map(|finding| finding.text.clone()).collect()
    };
    Claim {
        statement: claim.statement.clone(),
        source: claim.source.clone(),
        verdict: verdict(claim),
        basis: title_of(&record.name).to_owned(),
        rule: claim.rule.clone(),
        evidence_for: texts(Some(true)),
        evidence_against: texts(Some(false)),
        evidence_open: texts(None),
        table: None,
    }
}

fn section(record: &ClassicRecord, figures: &[PathBuf]) -> Section {
    let file = format!("classic_{}.svg", record.name);
    let svg = figures.iter().find(|path| path.file_name().is_some_and(|name| name == file.as_str()));
    let figure = svg.and_then(|path| picture(record, path));
    Section {
        id: format!("classic-{}", record.name),
        title: title_of(&record.name).to_owned(),
        text: vec![literal(&record.setup)],
        figures: figure.into_iter().collect(),
        ..Section::default()
    }
}

/// The figure of a record, read from its drawing.
fn picture(record: &ClassicRecord, svg: &Path) -> Option<Figure> {
    Some(Figure {
        id: format!("picture-{}", record.name),
        title: title_of(&record.name).to_owned(),
        svg: files::read_to_string(svg).ok()?,
        alt: String::new(),
        caption: String::new(),
        command: Some(format!("heigen reproduce classics {}", record.name)),
        live: vec![],
    })
}

/// The classic experiments that stand in a store, as a section of another report: every claim with its verdict, and the figures; `None`
/// where there are none.
pub(super) fn summary(records: &[ClassicRecord], figures: &Path, report: &Path) -> Option<Section> {
    let row = |record: &ClassicRecord, claim: &ClassicClaim| {
        let verdict = Cell::text(verdict(claim).words()).strong();
        vec![
            Cell::text(title_of(&record.name)),
            Cell::text(claim.statement.clone()),
            Cell::text(claim.source.clone()),
            verdict,
        ]
    };
    let rows: Vec<_> =
        records.iter().flat_map(|record| record.claims.iter().map(move |claim| row(record, claim))).collect();
    if rows.is_empty() {
        return None;
    }
    let mut text = vec![
        "Published experiments on loss landscapes, done again in small on networks and samples that are built into the program. A \
         small network on few samples can contradict a claim about large ones, and cannot prove it."
            .to_owned(),
    ];
    if files::is_file(&report.join("classics.html")) {
        text.push("The rule of each claim, and every finding, stand on page:classics.html.".to_owned());
    }
    let drawn = |record: &ClassicRecord| picture(record, &figures.join(format!("classic_{}.svg", record.name)));
    Some(Section {
        id: "classics".to_owned(),
        title: "The field's classics".to_owned(),
        text,
        figures: records.iter().filter_map(drawn).collect(),
        tables: vec![Table {
            caption: "The claims of the classic experiments and what was found here".to_owned(),
            head: ["experiment", "claim", "source", "here"].map(str::to_owned).to_vec(),
            rows,
            note: None,
        }],
        ..Section::default()
    })
}

fn timing(record: &ClassicRecord) -> Timing {
    Timing { task: record.name.clone(), seconds: Some(record.seconds), ..Timing::default() }
}
