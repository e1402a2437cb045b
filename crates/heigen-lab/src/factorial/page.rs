//! The page of a study, and its summary in Markdown.

use super::file::{ClaimSpec, Compare};
use super::judge::{Found, Judged, Rows, STATED, state};
use super::measures::MEASURES;
use super::{Factorial, NamedStudy};
use crate::page_text::{capital, machine};
use crate::statistics::{Estimate, median};
use crate::{Lab, LabError};
use heigen_figures::{Rendered, fixed, significant};
use heigen_report::{Cell, Claim, Figure, Folded, Report, Section, Table, literal};
use std::fmt::Write;

/// All that the page is about.
pub(super) struct About<'a> {
    pub(super) study: &'a NamedStudy,
    pub(super) done: &'a Factorial,
    pub(super) rows: Rows<'a>,
    pub(super) drawn: &'a [(&'static str, Rendered)],
    pub(super) command: &'a str,
}

/// A number with its interval.
fn interval(estimate: Option<Estimate>, number: impl Fn(f64) -> String) -> String {
    estimate.map_or_else(|| "–".to_owned(), |e| format!("{} [{}, {}]", number(e.value), number(e.low), number(e.high)))
}

/// The effect of a claim in some rows, with its interval.
pub(super) fn effect(found: &Found) -> String {
    interval(found.effect, |x| fixed(x, 2))
}

/// A sentence about what was found in some rows.
fn sentence(claim: &ClaimSpec, found: &Found) -> String {
    let of = if found.group.is_empty() { "Over all".to_owned() } else { capital(&found.group.replace('_', " ")) };
    if found.effect.is_none() {
        return format!("{of}: nothing to tell by ({} {})", found.n, rows_of(claim));
    }
    let difference = match found.difference {
        Some(difference) => format!(", median difference {}", interval(Some(difference), |x| significant(x, 3))),
        None => String::new(),
    };
    format!("{of}: {}{difference}, {} {}: {}", effect(found), found.n, rows_of(claim), found.support.words())
}

fn rows_of(claim: &ClaimSpec) -> &'static str {
    if claim.compare.is_some() { "pairs" } else { "rows" }
}

/// The effect of a claim in words.
pub(super) fn measured(claim: &ClaimSpec) -> String {
    let what = match (&claim.correlate, &claim.compare) {
        (Some([x, y]), _) => {
            let within =
                if claim.within.is_empty() { String::new() } else { format!(" within {}", claim.within.join(" and ")) };
            format!("rank correlation of `{x}` and `{y}`{within}")
        }
        (_, Some(Compare { measure, factor, levels: [a, b] })) => {
            format!("`{measure}` at the {factor} `{a}` against `{b}`, seed by seed")
        }
        _ => String::new(),
    };
    let sign = if claim.expect.sign() > 0.0 { "above 0" } else { "below 0" };
    format!("{what}; claimed: {sign}")
}

fn card(judged: &Judged) -> Claim {
    use super::judge::Support::{Contradicted, No, NotMeasured, Strong, Weak};
    let all: Vec<&Found> = std::iter::once(&judged.over_all).chain(&judged.groups).collect();
    let of = |wanted: &[super::judge::Support]| -> Vec<String> {
        let on_side = all.iter().filter(|found| wanted.contains(&found.support));
        on_side.map(|found| literal(&sentence(&judged.claim, found))).collect()
    };
    let mut open = of(&[No, NotMeasured]);
    open.extend(
        judged
            .besides
            .iter()
            .map(|found| literal(&format!("For comparison, {}: {}, {} rows", found.group, effect(found), found.n))),
    );
    Claim {
        statement: literal(&judged.claim.statement),
        source: literal(&judged.claim.source),
        verdict: judged.support.verdict(),
        basis: format!("{}: {}", judged.support.words(), effect(&judged.over_all)),
        rule: literal(&measured(&judged.claim).replace('`', "")),
        evidence_for: of(&[Strong, Weak]),
        evidence_against: of(&[Contradicted]),
        evidence_open: open,
        table: None,
    }
}

/// The page.
pub(super) fn html(lab: &Lab, about: &About) -> Result<String, LabError> {
    let About { study, done, drawn, .. } = about;
    let states: Vec<String> = done.states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let drawing =
        |name: &str, picture: &Rendered| figure(format!("picture-{name}"), name, picture.svg.clone(), about.command);
    let mut sections = Vec::new();
    if !drawn.is_empty() {
        sections.push(Section {
            id: "figures".to_owned(),
            title: "The figures".to_owned(),
            figures: drawn.iter().map(|(name, picture)| drawing(name, picture)).collect(),
            ..Section::default()
        });
    }
    sections.push(Section {
        id: "rows".to_owned(),
        title: "The rows".to_owned(),
        text: vec![
            "Medians over the seeds of the rows that count. The table with all rows and measures stands beside this page as \
             `table.csv` and `table.parquet`."
                .to_owned(),
        ],
        tables: medians(about.rows),
        folded: vec![Folded { summary: "What the measures are".to_owned(), tables: vec![legend()] }],
        ..Section::default()
    });
    if !done.pairs.is_empty() {
        sections.push(Section {
            id: "pairs".to_owned(),
            title: "Further rank correlations".to_owned(),
            tables: vec![pairs(done)],
            ..Section::default()
        });
    }
    let report = Report {
        title: literal(&study.file.title),
        subtitle: "A study by heigen over factors and seeds".to_owned(),
        intro: study.file.text.iter().map(|text| literal(text)).collect(),
        facts: vec![
            ("Program".to_owned(), format!("heigen {}", heigen::VERSION)),
            ("Machine".to_owned(), machine(lab)),
            ("Command".to_owned(), literal(about.command)),
            ("Rows".to_owned(), format!("{} of {}: {}", done.rows, done.cells, states.join(", "))),
        ],
        rules: STATED.map(str::to_owned).to_vec(),
        claims: done.claims.iter().map(card).collect(),
        sections,
        footer: "Drawn and written by heigen, from its rows alone; the page needs no network.".to_owned(),
        ..Report::default()
    };
    Ok(heigen_report::html(&report)?)
}

/// A figure of a study by its name; `id` is its address on the page.
pub(super) fn figure(id: String, name: &str, svg: String, command: &str) -> Figure {
    let (title, caption) = match name {
        "claims" => (
            "Effects with their intervals",
            "Diamonds: over all rows of a claim; circles: in its groups, with numbers of rows or pairs in brackets. Dashed: 0 and \
             the effect from which on support is strong.",
        ),
        _ => {
            ("The rows behind them", "Each marker is one training that counts, or one pair of trainings of equal seed.")
        }
    };
    Figure {
        id,
        title: title.to_owned(),
        svg,
        alt: String::new(),
        caption: caption.to_owned(),
        command: Some(command.to_owned()),
        live: vec![],
    }
}

/// The measures that the claims are about, in the order of the table.
fn of_claims(rows: Rows) -> Vec<&'static str> {
    let all: Vec<&str> = rows.file.claims.iter().flat_map(ClaimSpec::measures).collect();
    let always = ["train_loss", "train_accuracy", "test_accuracy"];
    let wanted = |name: &&str| always.contains(name) || all.contains(name);
    MEASURES.iter().map(|measure| measure.name).filter(wanted).collect()
}

/// Medians over the seeds of every combination.
fn medians(rows: Rows) -> Vec<Table> {
    let measures = of_claims(rows);
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (i, (cell, _)) in rows.cells.iter().enumerate() {
        let name = cell.group(&[]);
        match groups.last_mut() {
            Some((last, rows)) if *last == name => rows.push(i),
            _ => groups.push((name, vec![i])),
        }
    }
    let row = |(name, of): &(String, Vec<usize>)| -> Vec<Cell> {
        let counted: Vec<_> =
            of.iter().map(|&i| rows.cells[i].1).filter(|record| state(rows.file, record) == "converged").collect();
        let value = |measure: &&str| {
            let values: Vec<f64> = counted.iter().filter_map(|record| record.measures.get(*measure).copied()).collect();
            Cell::number(median(&values).map_or_else(|| "–".to_owned(), |m| format!("${}$", significant(m, 3))))
        };
        let count = Cell::number(format!("{} of {}", counted.len(), of.len()));
        [Cell::text(literal(&name.replace('_', " "))), count].into_iter().chain(measures.iter().map(value)).collect()
    };
    let label = |name: &&str| MEASURES.iter().find(|m| m.name == *name).map_or("", |m| m.label).to_owned();
    let head = [String::new(), "rows".to_owned()].into_iter().chain(measures.iter().map(label)).collect();
    let table = Table {
        caption: "Medians over the seeds".to_owned(),
        head,
        rows: groups.iter().map(row).collect(),
        note: None,
    };
    vec![table]
}

fn legend() -> Table {
    let row = |name: &&str| {
        let about = MEASURES.iter().find(|measure| measure.name == *name).map_or("", |measure| measure.about);
        vec![Cell::text(literal(name)), Cell::text(literal(about))]
    };
    let all: Vec<&str> = MEASURES.iter().map(|measure| measure.name).collect();
    Table {
        caption: "The columns of the table".to_owned(),
        head: vec!["column".to_owned(), "meaning".to_owned()],
        rows: all.iter().map(row).collect(),
        note: None,
    }
}

fn pairs(done: &Factorial) -> Table {
    let number = |estimate| Cell::number(interval(estimate, |x| fixed(x, 2)));
    let row = |pair: &super::Pair| {
        let [x, y] = &pair.measures;
        let name = Cell::text(literal(&format!("{x}, {y}")));
        vec![name, Cell::number(pair.n.to_string()), number(pair.across), number(pair.within)]
    };
    Table {
        caption: "Rank correlations with intervals".to_owned(),
        head: ["measures", "rows", "across all rows", "over seeds alone"].map(str::to_owned).to_vec(),
        rows: done.pairs.iter().map(row).collect(),
        note: Some("Over seeds alone: within every combination of levels.".to_owned()),
    }
}

/// The summary in Markdown.
pub(super) fn markdown(study: &NamedStudy, done: &Factorial) -> String {
    let mut text = format!("# {}\n\n", study.file.title);
    for paragraph in &study.file.text {
        text += paragraph;
        text += "\n\n";
    }
    let states: Vec<String> = done.states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} of {} rows: {}.\n", done.rows, done.cells, states.join(", "));
    text += "| claim | effect [95 %] | n | verdict |\n|---|---|---|---|\n";
    for judged in &done.claims {
        let (all, claim) = (&judged.over_all, &judged.claim);
        let words = judged.support.words();
        let _ = writeln!(text, "| {} | {} | {} | **{words}** |", claim.statement, effect(all), all.n);
    }
    for judged in &done.claims {
        let claim = &judged.claim;
        let _ = writeln!(text, "\n## {}\n\n{} {}", claim.name, claim.statement, claim.source);
        let _ = writeln!(text, "{}.\n", capital(&measured(claim)));
        text +=
            "| rows | n | effect [95 %] | median difference [95 %] | Cliff's delta | |\n|---|---|---|---|---|---|\n";
        let groups = judged.besides.iter().chain(&judged.groups).map(|found| (found.group.as_str(), found));
        for (name, found) in std::iter::once(("over all", &judged.over_all)).chain(groups) {
            let difference = interval(found.difference, |x| format!("{x:.3e}"));
            let delta = found.cliffs_delta.map_or_else(|| "–".to_owned(), |d| fixed(d, 2));
            let (n, words) = (found.n, found.support.words());
            let _ = writeln!(text, "| {name} | {n} | {} | {difference} | {delta} | {words} |", effect(found));
        }
    }
    if !done.pairs.is_empty() {
        text += "\n## Further rank correlations\n\n| measures | n | across all rows | over seeds alone |\n|---|---|---|---|\n";
        for pair in &done.pairs {
            let [across, within] = [pair.across, pair.within].map(|e| interval(e, |x| fixed(x, 2)));
            let _ = writeln!(text, "| {}, {} | {} | {across} | {within} |", pair.measures[0], pair.measures[1], pair.n);
        }
    }
    let _ = writeln!(text, "\n## How verdicts are made\n\n{}", STATED.join("\n\n").replace('$', ""));
    text
}
