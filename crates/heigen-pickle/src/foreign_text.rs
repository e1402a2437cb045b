//! Texts from files of other programs in the form in which messages repeat them.
//!
//! A name in a file can be a million characters long, and it can hold the escape sequences by which a terminal is made to
//! hide or to invent lines. Every message that repeats a text from a file goes through this module.

use std::fmt::Write;

/// Most characters of one name.
const LONGEST: usize = 60;
/// Most names of a list.
const MOST: usize = 8;

/// Whether a character changes how a terminal or an editor shows others, instead of standing for itself.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text with every character that acts on a terminal written as its code, such as `\u001b` for escape; `keep` are
/// spared. A text without such characters is unchanged, whatever its length.
///
/// ```
/// assert_eq!(heigen_pickle::foreign_text::escaped("a\u{1b}[31m\n", &['\n']), "a\\u001b[31m\n");
/// ```
pub fn escaped(text: &str, keep: &[char]) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if is_active(c) && !keep.contains(&c) {
            // Writing to a text cannot fail.
            let _ = write!(clean, "\\u{:04x}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    clean
}

/// A name from a file: characters that act on a terminal are written as their codes, and of a long name the beginning and
/// the end are shown.
///
/// ```
/// use heigen_pickle::foreign_text::shown;
///
/// assert_eq!(shown("fc1.weight"), "fc1.weight");
/// assert_eq!(shown("a\u{7}b"), "a\\u0007b");
/// assert_eq!(shown(&"n".repeat(100_000)).chars().count(), 60);
/// ```
pub fn shown(text: &str) -> String {
    let mut start = text.chars();
    let head: String = start.by_ref().take(LONGEST).collect();
    if start.next().is_none() {
        return cut(&escaped(&head, &[]));
    }
    // Both ends are cut before they are escaped, so that the cost does not depend on the length of the name.
    let head: String = head.chars().take(LONGEST - 24).collect();
    let mut tail: Vec<char> = text.chars().rev().take(21).collect();
    tail.reverse();
    cut(&escaped(&head.chars().chain("...".chars()).chain(tail).collect::<String>(), &[]))
}

/// The text, or its beginning if the codes of its characters have made it too long.
fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 3).chain("...".chars()).collect()
}

/// A list of names from a file: the first few of them in backquotes, and how many more there are.
///
/// ```
/// assert_eq!(heigen_pickle::foreign_text::listed(["a", "b"]), "`a`, `b`");
/// ```
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let mut parts: Vec<String> = names.by_ref().take(MOST).map(|name| format!("`{}`", shown(name))).collect();
    match names.count() {
        0 => {}
        more => parts.push(format!("... ({more} more)")),
    }
    parts.join(", ")
}

/// Sentences or phrases about parts of a file, the first few of them joined by commas, and how many more there are.
pub fn joined(phrases: &[String]) -> String {
    let mut parts: Vec<String> = phrases.iter().take(MOST).map(|phrase| escaped(phrase, &[])).collect();
    if phrases.len() > MOST {
        parts.push(format!("... ({} more)", phrases.len() - MOST));
    }
    parts.join(", ")
}

/// Lengths of axes, as in `3 x 4`; of many axes the first ones.
pub fn axes(shape: &[usize]) -> String {
    let mut parts: Vec<String> = shape.iter().take(MOST).map(usize::to_string).collect();
    if shape.len() > MOST {
        parts.push(format!("... ({} axes)", shape.len()));
    }
    parts.join(" x ")
}
