//! The description of what eigenvectors carry.

use heigen::analysis::{BoundaryPiece, Fate};
use heigen::curvature::ClassShares;
use heigen_lab::number;
use heigen_store::attribution_record::{AttributionRecord, Move, VectorAttribution};

/// The most pairs of classes, and the most pieces of the boundary, that are told of an eigenvector.
const MOST: usize = 4;

/// The description of an attribution: the pieces of the boundary, then one block for each eigenvector.
pub(crate) fn attribution(record: &AttributionRecord) -> String {
    let mut lines = vec![record.name.to_string()];
    for (i, piece) in record.pieces.iter().enumerate() {
        lines.push(format!(
            "  piece {:<6} length {}, between {}: carried by {}",
            i + 1,
            number(piece.length),
            pair(record, piece.classes),
            carriers(piece)
        ));
    }
    if let Some(spectra) = &record.spectra {
        let descending = |values: &[f64]| values.iter().rev().take(MOST).map(|v| number(*v)).collect::<Vec<_>>();
        lines.push(format!("  class part   {}", descending(&spectra.class).join(", ")));
        if !spectra.cross.is_empty() {
            lines.push(format!("  cross part   {}", descending(&spectra.cross).join(", ")));
        }
    }
    if let Some(why) = &record.without_classes {
        lines.push(format!("  classes      not told apart: {why}"));
    }
    for vector in &record.vectors {
        lines.push(format!("  v_{:<10} lambda = {}", vector.index, number(vector.eigenvalue)));
        if let Some(shares) = &vector.shares {
            lines.extend(of_classes(record, vector, shares));
        }
        for (sign, moved) in ["+", "-"].iter().zip(&vector.moved) {
            lines.push(format!("    {sign}v_{:<7} {}", vector.index, fates(record, moved)));
        }
    }
    lines.join("\n")
}

/// The names of two classes.
fn pair(record: &AttributionRecord, classes: [usize; 2]) -> String {
    let name = |c: usize| record.class_names.get(c).cloned().unwrap_or_else(|| c.to_string());
    format!("{} and {}", name(classes[0]), name(classes[1]))
}

/// The eigenvectors that carry a tenth of a piece or more, the strongest first.
fn carriers(piece: &BoundaryPiece) -> String {
    let mut order: Vec<usize> = (0..piece.carried.len()).filter(|&i| piece.carried[i] >= 0.1).collect();
    order.sort_by(|&a, &b| piece.carried[b].total_cmp(&piece.carried[a]));
    let of =
        |&i: &usize| format!("v_{} ({:.0} %, |alignment| {:.2})", i + 1, 100.0 * piece.carried[i], piece.alignment[i]);
    if order.is_empty() { "none".to_owned() } else { order.iter().map(of).collect::<Vec<_>>().join(", ") }
}

fn of_classes(record: &AttributionRecord, vector: &VectorAttribution, shares: &ClassShares) -> Vec<String> {
    let percent = |part: f64, of: f64| format!("{:.1} %", if of == 0.0 { 0.0 } else { 100.0 * part / of });
    let mut lines = vec![
        format!(
            "    G          {} of lambda; {} of v lies in the span of the class means",
            percent(shares.total, vector.eigenvalue),
            percent(shares.in_class_means, 1.0)
        ),
        format!(
            "    parts      class {}, cross-class {}, within {}, own label {}",
            percent(shares.class, shares.total),
            percent(shares.cross, shares.total),
            percent(shares.within, shares.total),
            percent(shares.own, shares.total)
        ),
    ];
    // Samples of c as if labelled d, and samples of d as if labelled c, with both classes' own labels left out.
    let classes = shares.pairs.len();
    let mut pairs: Vec<([usize; 2], f64)> = (0..classes)
        .flat_map(|c| (c + 1..classes).map(move |d| [c, d]))
        .map(|[c, d]| ([c, d], shares.pairs[c][d] + shares.pairs[d][c]))
        .collect();
    let all: f64 = pairs.iter().map(|(_, share)| share).sum();
    pairs.sort_by(|a, b| b.1.total_cmp(&a.1));
    let told: Vec<String> = pairs
        .iter()
        .take(MOST)
        .filter(|(_, share)| *share > 0.0)
        .map(|(classes, share)| format!("{} {}", pair(record, *classes), percent(*share, all)))
        .collect();
    if !told.is_empty() {
        lines.push(format!("    pairs      {}", told.join(", ")));
    }
    lines
}

/// The fates of the pieces of the boundary after a move.
fn fates(record: &AttributionRecord, moved: &Move) -> String {
    let Some(step) = moved.step else {
        return format!("the loss does not rise by {} within 16 lengths of theta", number(record.rise));
    };
    let of = |(i, fate): (usize, &heigen::analysis::PieceFate)| match fate.fate {
        Fate::Removed => format!("piece {} removed ({:.0} %)", i + 1, 100.0 * fate.lost),
        Fate::Shifted => format!("piece {} shifted by {}", i + 1, number(fate.shift)),
        Fate::Unmoved => format!("piece {} unmoved", i + 1),
    };
    let mut told: Vec<String> = moved.fates.iter().enumerate().take(2 * MOST).map(of).collect();
    if moved.fates.len() > told.len() {
        told.push(format!("{} more pieces", moved.fates.len() - told.len()));
    }
    if told.is_empty() {
        told.push("there is no boundary".to_owned());
    }
    format!("step {}: {}", number(step), told.join(", "))
}
