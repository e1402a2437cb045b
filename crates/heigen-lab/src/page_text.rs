//! Numbers and words in the form in which reports show them.

use crate::Lab;
use heigen_figures::significant;
use heigen_report::Cell;

/// A number with three significant digits, followed by its deviation over seeds where there is one.
pub(crate) fn with_deviation(value: Option<(f64, Option<f64>)>) -> String {
    match value {
        None => "–".to_owned(),
        Some((mean, None)) => math(mean, 3),
        Some((mean, Some(deviation))) => format!("{} ± {}", math(mean, 3), math(deviation, 2)),
    }
}

/// A mean of whole numbers, followed by its deviation over seeds where there is one. Whole numbers have no decimals.
pub(crate) fn count_with_deviation(value: Option<(f64, Option<f64>)>) -> String {
    match value {
        None => "–".to_owned(),
        Some((mean, None)) => count(mean),
        Some((mean, Some(deviation))) => format!("{} ± {}", count(mean), count(deviation)),
    }
}

/// A table's cell with a number, or a dash where there is none.
pub(crate) fn cell(value: Option<f64>) -> Cell {
    Cell::number(value.map_or_else(|| "–".to_owned(), |v| math(v, 3)))
}

/// A table's cell with a number and its deviation over seeds, or a dash where there is none.
pub(crate) fn cell_with_deviation(value: Option<(f64, Option<f64>)>) -> Cell {
    Cell::number(with_deviation(value))
}

/// A table's cell with a mean of whole numbers and its deviation over seeds, or a dash where there is none.
pub(crate) fn count_cell(value: Option<(f64, Option<f64>)>) -> Cell {
    Cell::number(count_with_deviation(value))
}

/// A number with `digits` significant digits, in the report's mathematics.
pub(crate) fn math(value: f64, digits: usize) -> String {
    format!("${}$", significant(value, digits))
}

/// A mean of counts: without decimals where it is a whole number, else with one.
pub(crate) fn count(value: f64) -> String {
    // One decimal decides: 1.99 is 2.
    let rounded = (10.0 * value).round() / 10.0;
    if rounded.fract() == 0.0 { whole(rounded as usize) } else { format!("{rounded:.1}") }
}

/// A whole number, its digits in groups of three from 10,000 on.
pub(crate) fn whole(value: usize) -> String {
    let digits = value.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A fraction as text in percent; the sign stays with its number.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * fraction)
}

/// The machine's processor, number of threads and operating system.
pub(crate) fn machine(lab: &Lab) -> String {
    let system = std::env::consts::OS;
    heigen_report::literal(&format!("{}, {} threads, {system}", lab.machine, lab.threads()))
}

/// The text with its first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Words in plain text that stand for mathematics, such as `v_1`, `lambda_1`, `x_b` and `G_theta`, typeset; `v_1..v_5` is
/// a range.
pub(crate) fn typeset(text: &str) -> String {
    let name = |word: &str| -> Option<String> {
        let (base, index) = word.split_once('_')?;
        let greek = |letters: &str| ["lambda", "theta"].contains(&letters);
        let base = match base {
            "v" | "x" | "G" | "P" | "A" => base.to_owned(),
            letters if greek(letters) => format!("\\{letters}"),
            _ => return None,
        };
        let index = match index {
            letters if greek(letters) => format!("\\{letters}"),
            index if !index.is_empty() && index.len() <= 3 && index.chars().all(char::is_alphanumeric) => {
                index.to_owned()
            }
            _ => return None,
        };
        Some(format!("{base}_{{{index}}}"))
    };
    let word = |word: &str| -> String {
        // Punctuation at the end belongs to the sentence.
        let bare = word.trim_end_matches([',', '.', ':', ';', ')']);
        let after = &word[bare.len()..];
        let formula = match bare.split_once("..") {
            Some((first, last)) => name(first).zip(name(last)).map(|(first, last)| format!("{first}, \\dots, {last}")),
            None => name(bare),
        };
        formula.map_or_else(|| word.to_owned(), |formula| format!("${formula}${after}"))
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A sentence about what the figure of this name marks, where its own legend does not say it in full; with a space before.
pub(crate) fn read_as(figure: &str) -> &'static str {
    match figure {
        "1" | "line" | "spectrum" => " The axis of the eigenvalues is linear around 0 and logarithmic beyond (symlog).",
        "coherence" | "logit-coherence" => " The colours are linear around 0 and logarithmic beyond (symlog).",
        "eigenvectors" => " Dashed lines separate the tensors of the network, which are named below.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_no_decimals_where_they_are_whole() {
        for (value, text) in [
            (Some((2.0, None)), "2"),
            (Some((2.0, Some(0.0))), "2 ± 0"),
            (Some((2.4, Some(0.5477))), "2.4 ± 0.5"),
            (Some((10_703.0, None)), "10,703"),
            (Some((1.9999, None)), "2"),
            (None, "–"),
        ] {
            assert_eq!(count_with_deviation(value), text);
        }
        assert_eq!([0, 999, 7203, 10_000, 1_234_567].map(whole), ["0", "999", "7203", "10,000", "1,234,567"]);
    }

    #[test]
    fn names_of_vectors_in_captions_are_typeset() {
        for (plain, typeset_text) in [
            ("alignment with v_1..v_5, for planes", "alignment with $v_{1}, \\dots, v_{5}$, for planes"),
            ("v_1 and lambda_1: x_b.", "$v_{1}$ and $\\lambda_{1}$: $x_{b}$."),
            ("G_theta", "$G_{\\theta}$"),
            ("normal_training_c017 is no formula, x_ neither", "normal_training_c017 is no formula, x_ neither"),
        ] {
            assert_eq!(typeset(plain), typeset_text);
        }
    }
}
