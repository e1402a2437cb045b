//! The studies that stand in a store, as sections of the paper's report.

use super::judge::{Judged, STATED};
use super::measures::MEASURES;
use super::page::{About, effect, figure, measured};
use super::run::JUDGED;
use crate::page_text::capital;
use crate::{LabError, Store};
use heigen_report::{Cell, Folded, Section, Table, literal};
use heigen_store::record::hash_file;
use heigen_store::study_record::StudyRecord;
use heigen_store::{atomic, files};
use std::collections::BTreeMap;
use std::path::Path;

/// The record of a study with its claims judged.
type Record = StudyRecord<Judged>;

/// The record of a study; `files` are the hashes of its figures.
pub(super) fn record(about: &About, files: BTreeMap<String, String>) -> Record {
    let About { study, done, command, .. } = about;
    StudyRecord {
        title: study.file.title.clone(),
        text: study.file.text.clone(),
        command: (*command).to_owned(),
        code_version: heigen::VERSION.to_owned(),
        cells: done.cells,
        rows: done.rows,
        states: done.states.iter().map(|(state, n)| ((*state).to_owned(), *n)).collect(),
        claims: done.claims.clone(),
        files,
    }
}

/// A section for each study of a store whose rows were judged by this version of the program. The page of the study is copied
/// to the folder `report`, where the section links to it.
///
/// # Errors
/// [`LabError::Store`] if the page cannot be written there.
pub(crate) fn summaries(store: &Store, report: &Path) -> Result<Vec<Section>, LabError> {
    let mut sections = Vec::new();
    for folder in files::list(&store.dir().join("studies")).unwrap_or_default() {
        let Ok(record) = Record::load(&folder.join(JUDGED)) else { continue };
        if record.code_version == heigen::VERSION {
            sections.push(section(sections.len(), &record, &folder, report)?);
        }
    }
    Ok(sections)
}

fn section(number: usize, record: &Record, folder: &Path, report: &Path) -> Result<Section, LabError> {
    let id = format!("study-{number}");
    let states: Vec<String> = record.states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let counts = format!("{} of {} rows: {}.", record.rows, record.cells, states.join(", "));
    let page = copied(folder, report)?.map(|page| format!("Its rows, medians and further correlations: page:{page}."));
    let paragraphs = record.text.iter().map(|text| literal(text)).chain([counts]).chain(page);
    let drawn = |name: &str| {
        let file = format!("{name}.svg");
        let path = folder.join(&file);
        let whole = hash_file(&path).is_ok_and(|hash| record.files.get(&file) == Some(&hash));
        let svg = files::read_to_string(&path).ok().filter(|_| whole)?;
        Some(figure(format!("{id}-{name}"), name, svg, &record.command))
    };
    let measured = || Folded { summary: "What the measures are".to_owned(), tables: vec![measures(record)] };
    let (tables, folded) =
        if record.claims.is_empty() { (vec![], vec![]) } else { (vec![claims(record)], vec![measured()]) };
    Ok(Section {
        title: format!("Study: {}", literal(&record.title)),
        text: paragraphs.collect(),
        figures: ["claims", "rows"].into_iter().filter_map(drawn).collect(),
        tables,
        folded,
        id,
        ..Section::default()
    })
}

/// Copies the page of a study beside the report, if it is there and has a name that can be linked to; returns the copy's name.
fn copied(folder: &Path, report: &Path) -> Result<Option<String>, LabError> {
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let Some(bytes) = files::read(&folder.join("report.html")).ok().filter(|_| name.chars().all(plain)) else {
        return Ok(None);
    };
    let page = format!("study_{name}.html");
    atomic::write(&report.join(&page), &bytes)?;
    Ok(Some(page))
}

/// Every claim with its effect and its verdict, and how they are made.
fn claims(record: &Record) -> Table {
    let row = |judged: &Judged| {
        let claim = &judged.claim;
        vec![
            Cell::text(literal(&claim.statement)),
            Cell::text(literal(&claim.source)),
            Cell::text(capital(&literal(&measured(claim).replace('`', "")))),
            Cell::number(effect(&judged.over_all)),
            Cell::number(judged.over_all.n.to_string()),
            Cell::text(judged.support.words()).strong(),
        ]
    };
    let formulas = "Spearman's rank correlation of two measures is $\\rho = \\sum_i r_i s_i / (\\sum_i r_i^2 \\sum_i s_i^2)^{1/2}$ with \
                    the ranks $r_i$ and $s_i$ of the rows less their means; the dominance over $n$ pairs is \
                    $(n_+ - n_-) / n$, with $n_+$ pairs in which the first level has the larger number and $n_-$ in which it \
                    has the smaller one.";
    Table {
        caption: "The claims of the study, the effects with their intervals, and the verdicts".to_owned(),
        head: ["claim", "source", "measured by", "effect [95 %]", "n", "verdict"].map(str::to_owned).to_vec(),
        rows: record.claims.iter().map(row).collect(),
        note: Some([&STATED[..], &[formulas]].concat().join(" ")),
    }
}

/// The measures that the claims are about, with their signs and definitions.
fn measures(record: &Record) -> Table {
    let meant = |name: &str| {
        let about = |judged: &Judged| judged.claim.measures().contains(&name);
        record.claims.iter().any(about)
    };
    let row = |measure: &super::Measure| {
        vec![
            Cell::text(format!("`{}`", measure.name)),
            Cell::text(measure.label.to_owned()),
            Cell::text(literal(measure.about)),
        ]
    };
    Table {
        caption: "The measures of the claims".to_owned(),
        head: ["measure", "sign", "definition"].map(str::to_owned).to_vec(),
        rows: MEASURES.iter().filter(|measure| meant(measure.name)).map(row).collect(),
        note: Some(
            "Eigenvalues are those of the Hessian $H = \\nabla^2 L(\\theta)$ of the mean training loss, $H v_i = \\lambda_i v_i$; \
             outliers, $G_\\theta$ and the estimated margin as in arXiv:2306.07104."
                .to_owned(),
        ),
    }
}
