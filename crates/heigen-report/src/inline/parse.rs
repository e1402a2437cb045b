//! Characters to nodes.

use super::Node;
use super::math::Formula;

/// The characters that a backslash takes the meaning from.
pub(super) const SPECIAL: [char; 5] = ['\\', '`', '*', '$', '^'];

/// The longest formula in bytes; it bounds how far the second dollar is looked for.
const LONGEST_FORMULA: usize = 1_000;

/// Reads `source` from left to right; a mark that opens nothing is text.
pub(super) fn parse(source: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut text = String::new();
    // Once no closing mark is found, none stands further right either.
    let (mut ticks, mut stars) = (true, true);
    let mut at = 0;
    while let Some(character) = source[at..].chars().next() {
        let (before, rest) = source.split_at(at);
        let previous = before.chars().next_back();
        let found = match character {
            '\\' => escaped(rest),
            '`' if ticks => {
                let found = code(rest);
                ticks = found.is_some() || rest.starts_with("``");
                found
            }
            '*' if stars && opens(previous) => emphasis(rest, &mut stars),
            '$' => math(rest),
            '^' => power(previous, rest),
            'h' | 'a' | 'p' if opens(previous) => link(rest),
            _ => None,
        };
        if let Some((node, length)) = found {
            if let Node::Text(piece) = node {
                text.push_str(&piece);
            } else {
                flush(&mut text, &mut nodes);
                nodes.push(node);
            }
            at += length;
        } else {
            text.push(character);
            at += character.len_utf8();
        }
    }
    flush(&mut text, &mut nodes);
    nodes
}

fn flush(text: &mut String, nodes: &mut Vec<Node>) {
    if !text.is_empty() {
        nodes.push(Node::Text(std::mem::take(text)));
    }
}

/// Whether a word may begin after `previous`.
fn opens(previous: Option<char>) -> bool {
    previous.is_none_or(|c| !c.is_alphanumeric())
}

fn escaped(rest: &str) -> Option<(Node, usize)> {
    let next = rest[1..].chars().next().filter(|c| SPECIAL.contains(c))?;
    Some((Node::Text(next.to_string()), 1 + next.len_utf8()))
}

fn code(rest: &str) -> Option<(Node, usize)> {
    let length = rest[1..].find('`').filter(|&length| length > 0)?;
    Some((Node::Code(rest[1..=length].to_owned()), length + 2))
}

/// `*words*`: the stars touch the words inside and no word outside. `more` says whether a closing star was seen at all.
fn emphasis(rest: &str, more: &mut bool) -> Option<(Node, usize)> {
    let inner = &rest[1..];
    if inner.starts_with(|c: char| c.is_whitespace() || c == '*') {
        return None;
    }
    let closes = |&at: &usize| {
        let previous = inner[..at].chars().next_back();
        let next = inner[at + 1..].chars().next();
        previous.is_some_and(|c| !c.is_whitespace() && c != '\\') && next.is_none_or(|c| !c.is_alphanumeric())
    };
    let Some(length) = inner.match_indices('*').map(|(at, _)| at).find(closes) else {
        *more = false;
        return None;
    };
    Some((Node::Emphasis(parse(&inner[..length])), length + 2))
}

/// `$formula$`: no space inside the dollars, no digit after them, and every command known.
fn math(rest: &str) -> Option<(Node, usize)> {
    let inner = &rest[1..];
    let reach = inner.floor_char_boundary(LONGEST_FORMULA);
    let length = inner[..reach].find('$').filter(|&length| length > 0)?;
    let source = &inner[..length];
    let after = inner[length + 1..].chars().next();
    if source.trim() != source || after.is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    Some((Node::Math(Formula::parse(source)?), length + 2))
}

/// `^-6` after a digit.
fn power(previous: Option<char>, rest: &str) -> Option<(Node, usize)> {
    previous.filter(char::is_ascii_digit)?;
    let signed = &rest[1..];
    let digits = signed.strip_prefix('-').unwrap_or(signed);
    let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let goes_on = digits[length..].starts_with(|c: char| c.is_alphanumeric());
    if length == 0 || goes_on {
        return None;
    }
    let sign = if digits.len() < signed.len() { "\u{2212}" } else { "" };
    Some((Node::Power(format!("{sign}{}", &digits[..length])), 1 + signed.len() - digits.len() + length))
}

fn link(rest: &str) -> Option<(Node, usize)> {
    if let Some(number) = rest.strip_prefix("arXiv:") {
        let length = arxiv_number(number)?;
        let (address, text) = (format!("https://arxiv.org/abs/{}", &number[..length]), &rest[..6 + length]);
        return Some((Node::Link { address, text: text.to_owned() }, text.len()));
    }
    if let Some(name) = rest.strip_prefix("page:") {
        let stem = name.find(|c: char| !c.is_ascii_alphanumeric() && !"-_+".contains(c)).unwrap_or(name.len());
        name[stem..].strip_prefix(".html").filter(|_| stem > 0)?;
        let page = name[..stem + ".html".len()].to_owned();
        let length = "page:".len() + page.len();
        return Some((Node::Link { address: page.clone(), text: page }, length));
    }
    let host = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://"))?;
    host.chars().next().filter(char::is_ascii_alphanumeric)?;
    let in_address = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!&()+,;=%".contains(c);
    let length = host.find(|c| !in_address(c)).unwrap_or(host.len());
    // Punctuation at the end belongs to the sentence, and so does a bracket that the address does not open.
    let brackets = if host[..length].contains('(') { "" } else { ")" };
    let length = host[..length].trim_end_matches(|c| ".,;:!?".contains(c) || brackets.contains(c)).len();
    let address = &rest[..rest.len() - host.len() + length];
    Some((Node::Link { address: address.to_owned(), text: address.to_owned() }, address.len()))
}

/// The length of a number such as `2306.07104` at the start of `text`.
fn arxiv_number(text: &str) -> Option<usize> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (year, rest) = text.split_once('.')?;
    let length = digits(rest);
    (year.len() == 4 && digits(year) == 4 && (4..=5).contains(&length)).then_some(5 + length)
}
