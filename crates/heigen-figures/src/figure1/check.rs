//! Checks of the numbers of Figure 1 before it is drawn.

use super::InputLine;
use crate::check;
use crate::error::FigureError;
use crate::surface;

pub(super) fn line(line: &InputLine) -> Result<(), FigureError> {
    let n_x = line.x.len();
    check::range(|| "x_range of figure 1".to_owned(), line.x_range)?;
    if n_x < 2 {
        return Err(FigureError::value("the number of inputs of figure 1", n_x, "at least 2"));
    }
    ascending("the inputs", &line.x)?;
    ascending("the boundaries", &line.boundaries)?;

    check::not_empty(|| "the logits of figure 1".to_owned(), line.logits.len(), "class")?;
    for (class, curve) in line.logits.iter().enumerate() {
        check::length(|| format!("logits of class {class}"), curve.len(), Some(n_x), "one for each input")?;
        check::finite(|| format!("a logit of class {class}"), curve)?;
    }
    let regions = line.boundaries.len() + 1;
    check::length(|| "regions".to_owned(), line.regions.len(), Some(regions), "one more than boundaries")?;
    check::classes("figure 1", &line.classes, line.points.len())?;
    let all: Vec<usize> = line.classes.iter().chain(&line.regions).copied().chain([line.logits.len() - 1]).collect();
    check::classes("figure 1", &all, all.len())?;
    check::class_names("figure 1", &all, &line.class_names)?;
    check::finite(|| "a training input of figure 1".to_owned(), &line.points)?;
    parameters(line, n_x)?;

    check::not_empty(|| "the spectrum of figure 1".to_owned(), line.eigenvalues.len(), "eigenvalue")?;
    check::finite(|| "an eigenvalue of figure 1".to_owned(), &line.eigenvalues)?;
    check::outliers("figure 1", line.outliers, line.eigenvalues.len())?;
    surface::check(&line.surface)
}

/// Gradients, eigenvectors and alignments.
fn parameters(line: &InputLine, n_x: usize) -> Result<(), FigureError> {
    check::not_empty(|| "figure 1".to_owned(), line.eigenvectors.len(), "eigenvector")?;
    let n_params = line.eigenvectors[0].len();
    check::not_empty(|| "eigenvector 1 of figure 1".to_owned(), n_params, "entry")?;
    for (i, v) in line.eigenvectors.iter().enumerate() {
        let because = "as many as eigenvector 1";
        check::length(|| format!("entries of eigenvector {}", i + 1), v.len(), Some(n_params), because)?;
        check::unit(|| format!("an entry of eigenvector {}", i + 1), v)?;
    }
    let because = "number of parameters times number of inputs";
    check::length(|| "gradients".to_owned(), line.gradients.len(), n_params.checked_mul(n_x), because)?;
    check::unit(|| "an entry of a normalised gradient".to_owned(), &line.gradients)?;
    let wanted = Some(line.eigenvectors.len());
    check::length(|| "alignments".to_owned(), line.alignments.len(), wanted, "one curve for each eigenvector")?;
    for (i, curve) in line.alignments.iter().enumerate() {
        check::length(|| format!("alignments with v_{}", i + 1), curve.len(), Some(n_x), "one for each input")?;
        check::unit(|| format!("an alignment with v_{}", i + 1), curve)?;
    }
    Ok(())
}

fn ascending(what: &str, values: &[f64]) -> Result<(), FigureError> {
    check::finite(|| format!("one of {what} of figure 1"), values)?;
    match values.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            let what = format!("what follows {} in {what} of figure 1", pair[0]);
            Err(FigureError::value(what, pair[1], "a larger number"))
        }
        None => Ok(()),
    }
}
