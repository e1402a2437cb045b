//! Text in a given room: broken into lines where that helps, made smaller where it must be.

use super::Label;
use crate::error::FigureError;
use crate::fonts::Face;

/// The characters after which a line may end. The second list is for texts that do not fit when only the first is used.
const ENDS: [&[char]; 2] = [&[' ', '/'], &[' ', '/', '_', '-', '.', ',']];

/// Sets `text` on at most `max_lines` lines of at most `width` points, as large as it goes up to `size`.
///
/// Lines are broken after a space or `/`, or, where that does not suffice, after one of `_ - . ,`, so that they are about
/// equally wide; all lines have one size.
///
/// # Errors
/// Where a character is missing in the face, or `size` or `width` is not positive.
pub fn fit_lines(text: &str, face: Face, size: f64, width: f64, max_lines: usize) -> Result<Vec<Label>, FigureError> {
    if !(width.is_finite() && width > 0.0) {
        return Err(FigureError::value(format!("the room for label `{text}`"), width, "a positive number of points"));
    }
    let mut best: Option<(f64, Vec<Label>)> = None;
    for ends in ENDS {
        let pieces: Vec<&str> = text.split_inclusive(ends).collect();
        for lines in 1..=max_lines.clamp(1, pieces.len().max(1)) {
            let labels = balanced(&pieces, lines, face, size)?;
            let factor = (width / widest(&labels)).min(1.0);
            if best.as_ref().is_none_or(|(found, _)| factor > *found) {
                best = Some((factor, labels));
            }
            if factor >= 1.0 {
                return Ok(best.unwrap_or_default().1);
            }
        }
    }
    let (factor, labels) = best.unwrap_or_default();
    Ok(labels.into_iter().map(|label| label.scaled(factor)).collect())
}

/// Sets `text` as it stands in at most `width` points: as large as it goes between `smallest` and `size`, and where even
/// that is too wide, with its middle left out.
///
/// # Errors
/// Where a character is missing in the face.
pub(crate) fn elided(text: &str, face: Face, size: f64, smallest: f64, width: f64) -> Result<Label, FigureError> {
    let whole = Label::plain(text, face, size)?;
    if whole.width() * smallest <= width * size {
        return Ok(whole.shrunk_to(width));
    }
    let characters: Vec<char> = text.chars().collect();
    // About as many characters as have room, and some more in case those that are kept are narrow.
    let room = width * size / (whole.width() * smallest);
    let most = (room * characters.len() as f64) as usize + 5;
    for kept in (2..characters.len().min(most)).rev() {
        let (before, after) = (kept.div_ceil(2), kept / 2);
        let cut = characters[..before].iter().chain(['…'].iter()).chain(&characters[characters.len() - after..]);
        let label = Label::plain(&cut.collect::<String>(), face, smallest)?;
        if label.width() <= width {
            return Ok(label);
        }
    }
    Ok(whole.shrunk_to(width))
}

fn widest(labels: &[Label]) -> f64 {
    labels.iter().map(Label::width).fold(0.0, f64::max)
}

/// The pieces on exactly `lines` lines, the widest of them as narrow as possible.
fn balanced(pieces: &[&str], lines: usize, face: Face, size: f64) -> Result<Vec<Label>, FigureError> {
    if lines <= 1 {
        return Ok(vec![Label::plain(pieces.concat().trim(), face, size)?]);
    }
    let mut best: Option<Vec<Label>> = None;
    for first in 1..=pieces.len() + 1 - lines {
        let mut labels = vec![Label::plain(pieces[..first].concat().trim(), face, size)?];
        if best.as_ref().is_some_and(|best| widest(&labels) >= widest(best)) {
            break;
        }
        labels.extend(balanced(&pieces[first..], lines - 1, face, size)?);
        if best.as_ref().is_none_or(|best| widest(&labels) < widest(best)) {
            best = Some(labels);
        }
    }
    Ok(best.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: f64) -> Result<(Vec<String>, f64), FigureError> {
        let labels = fit_lines(text, Face::Italic, 10.0, width, 3)?;
        assert!(widest(&labels) <= width + 1e-9);
        Ok((labels.iter().map(Label::text).collect(), labels.first().map_or(0.0, Label::size)))
    }

    #[test]
    fn short_text_is_left_alone_long_text_broken_then_shrunk() -> Result<(), FigureError> {
        assert_eq!(lines("gaussian", 96.0)?, (vec!["gaussian".to_owned()], 10.0));
        assert_eq!(lines("gauss/normal_training", 80.0)?.0, ["gauss/", "normal_training"]);
        let (broken, size) = lines("gauss_checkerboard/normal_training", 96.0)?;
        assert_eq!(broken, ["gauss_checkerboard/", "normal_training"]);
        assert_eq!(size, 10.0);
        let (one, size) = lines(&"x".repeat(60), 96.0)?;
        assert!(one.len() == 1 && size < 5.0);
        assert_eq!(lines("", 96.0)?.0, [""]);
        Ok(())
    }

    #[test]
    fn long_names_lose_their_middle_and_not_their_size() -> Result<(), FigureError> {
        let set = |text: &str, width: f64| elided(text, Face::Upright, 10.0, 8.0, width);
        assert_eq!((set("fc1.weight", 90.0)?.text(), set("fc1.weight", 90.0)?.size()), ("fc1.weight".to_owned(), 10.0));
        let long = set("module.encoder.layers.11.self_attention.output.dense.weight", 80.0)?;
        assert_eq!((long.text(), long.size()), ("module.enc…nse.weight".to_owned(), 8.0));
        assert!(long.width() <= 80.0);
        Ok(())
    }

    #[test]
    fn no_room_is_an_error() {
        assert!(matches!(fit_lines("a", Face::Upright, 10.0, 0.0, 1), Err(FigureError::Value { .. })));
    }
}
