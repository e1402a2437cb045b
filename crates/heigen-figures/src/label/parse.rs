//! Reading labels: text outside of `$...$` is set as it stands, inside it is a small TeX.

use crate::error::FigureError;

/// One piece of a label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// A character outside of mathematics.
    Text(char),
    /// A character in mathematics.
    Symbol { character: char, italic: bool, class: Class },
    /// White space, in em.
    Space(f64),
    /// `{...}`.
    Group(Vec<Node>),
    /// A base with an index, an exponent or both.
    Script { base: Box<Node>, lower: Option<Box<Node>>, upper: Option<Box<Node>> },
    /// A base with a mark above.
    Accent { mark: char, base: Box<Node> },
}

/// How much room a symbol wants at its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Ordinary,
    Open,
    Binary,
    Relation,
    Punctuation,
}

/// Greek letters; small ones are slanted in mathematics, capitals stand upright, as in TeX.
#[rustfmt::skip] // a table
const GREEK: &[(&str, char)] = &[
    ("alpha", 'α'), ("beta", 'β'), ("gamma", 'γ'), ("delta", 'δ'), ("epsilon", 'ϵ'), ("varepsilon", 'ε'),
    ("zeta", 'ζ'), ("eta", 'η'), ("theta", 'θ'), ("kappa", 'κ'), ("lambda", 'λ'), ("mu", 'μ'), ("nu", 'ν'),
    ("xi", 'ξ'), ("pi", 'π'), ("rho", 'ρ'), ("sigma", 'σ'), ("tau", 'τ'), ("phi", 'ϕ'), ("varphi", 'φ'),
    ("chi", 'χ'), ("psi", 'ψ'), ("omega", 'ω'), ("Gamma", 'Γ'), ("Delta", 'Δ'), ("Theta", 'Θ'), ("Lambda", 'Λ'),
    ("Xi", 'Ξ'), ("Pi", 'Π'), ("Sigma", 'Σ'), ("Phi", 'Φ'), ("Psi", 'Ψ'), ("Omega", 'Ω'),
];
/// Other symbols by name.
#[rustfmt::skip] // a table
const SYMBOLS: &[(&str, char, Class)] = &[
    ("times", '×', Class::Binary), ("cdot", '⋅', Class::Binary), ("pm", '±', Class::Binary),
    ("leq", '≤', Class::Relation), ("geq", '≥', Class::Relation), ("neq", '≠', Class::Relation),
    ("approx", '≈', Class::Relation), ("sim", '∼', Class::Relation), ("propto", '∝', Class::Relation),
    ("in", '∈', Class::Relation), ("to", '→', Class::Relation), ("infty", '∞', Class::Ordinary),
    ("nabla", '∇', Class::Ordinary), ("partial", '∂', Class::Ordinary), ("ell", 'ℓ', Class::Ordinary),
    ("langle", '⟨', Class::Open), ("rangle", '⟩', Class::Ordinary), ("ldots", '…', Class::Ordinary),
    ("|", '‖', Class::Ordinary), ("{", '{', Class::Open), ("}", '}', Class::Ordinary), ("_", '_', Class::Ordinary),
    ("%", '%', Class::Ordinary), ("$", '$', Class::Ordinary), ("#", '#', Class::Ordinary), ("&", '&', Class::Ordinary),
];
const SPACES: &[(&str, f64)] = &[(",", 1.0 / 6.0), (":", 2.0 / 9.0), (";", 5.0 / 18.0), (" ", 0.25), ("quad", 1.0)];
const ACCENTS: &[(&str, char)] = &[("hat", 'ˆ'), ("tilde", '˜'), ("bar", '¯'), ("dot", '˙')];

/// The pieces of `label`, or what is wrong with it.
pub(crate) fn parse(label: &str) -> Result<Vec<Node>, FigureError> {
    let mut reader = Reader { label, rest: label.chars().collect(), at: 0 };
    let mut nodes = Vec::new();
    while let Some(c) = reader.next() {
        match c {
            '$' => {
                nodes.extend(reader.math('$')?);
            }
            '\\' => match reader.next() {
                Some(c @ ('$' | '\\')) => nodes.push(Node::Text(c)),
                _ => return Err(reader.error("outside of `$...$` a backslash may stand only before `$` or `\\`")),
            },
            c => nodes.push(Node::Text(c)),
        }
    }
    Ok(nodes)
}

struct Reader<'a> {
    label: &'a str,
    rest: Vec<char>,
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.get(self.at).copied();
        self.at += usize::from(c.is_some());
        c
    }

    fn error(&self, problem: impl Into<String>) -> FigureError {
        FigureError::Label { label: self.label.to_owned(), problem: problem.into() }
    }

    /// Mathematics up to and with `end`.
    fn math(&mut self, end: char) -> Result<Vec<Node>, FigureError> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            match self.next() {
                None => return Err(self.error(format!("`{end}` is missing at the end"))),
                Some(c) if c == end => return Ok(nodes),
                Some(' ') => {}
                Some(c @ ('_' | '^')) => {
                    let script = Box::new(self.argument(c)?);
                    let base = nodes.pop().unwrap_or(Node::Group(Vec::new()));
                    nodes.push(self.script(base, c, script)?);
                }
                Some(c) => {
                    let node = self.atom(c)?;
                    nodes.push(node);
                }
            }
        }
    }

    fn script(&self, base: Node, kind: char, script: Box<Node>) -> Result<Node, FigureError> {
        match (base, kind) {
            (Node::Script { base, lower: None, upper }, '_') => Ok(Node::Script { base, lower: Some(script), upper }),
            (Node::Script { base, lower, upper: None }, '^') => Ok(Node::Script { base, lower, upper: Some(script) }),
            (Node::Script { .. }, _) => Err(self.error(format!("two `{kind}` on one symbol; use braces"))),
            (base, '_') => Ok(Node::Script { base: Box::new(base), lower: Some(script), upper: None }),
            (base, _) => Ok(Node::Script { base: Box::new(base), lower: None, upper: Some(script) }),
        }
    }

    /// The argument that follows a command: one symbol or a group.
    fn argument(&mut self, of: impl std::fmt::Display) -> Result<Node, FigureError> {
        loop {
            match self.next() {
                Some(' ') => {}
                Some('$' | '}' | '_' | '^') | None => return Err(self.error(format!("`{of}` has nothing after it"))),
                Some(c) => return self.atom(c),
            }
        }
    }

    fn atom(&mut self, c: char) -> Result<Node, FigureError> {
        let symbol = |character, italic, class| Ok(Node::Symbol { character, italic, class });
        match c {
            '{' => Ok(Node::Group(self.math('}')?)),
            '}' => Err(self.error("`}` without `{`")),
            '$' => Err(self.error("`$` inside braces")),
            '\\' => self.command(),
            '-' => symbol('\u{2212}', false, Class::Binary),
            '+' => symbol('+', false, Class::Binary),
            '*' => symbol('∗', false, Class::Binary),
            '=' | '<' | '>' => symbol(c, false, Class::Relation),
            ',' | ';' => symbol(c, false, Class::Punctuation),
            '(' | '[' => symbol(c, false, Class::Open),
            '\'' => symbol('′', false, Class::Ordinary),
            c => symbol(c, c.is_ascii_alphabetic(), Class::Ordinary),
        }
    }

    fn command(&mut self) -> Result<Node, FigureError> {
        let mut name = String::new();
        while let Some(c) = self.rest.get(self.at).filter(|c| c.is_ascii_alphabetic()) {
            name.push(*c);
            self.at += 1;
        }
        if name.is_empty() {
            name.extend(self.next());
        }
        let name = name.as_str();
        if let Some(&(_, character)) = GREEK.iter().find(|(n, _)| *n == name) {
            return Ok(Node::Symbol { character, italic: character.is_lowercase(), class: Class::Ordinary });
        }
        if let Some(&(_, character, class)) = SYMBOLS.iter().find(|(n, _, _)| *n == name) {
            return Ok(Node::Symbol { character, italic: false, class });
        }
        if let Some(&(_, em)) = SPACES.iter().find(|(n, _)| *n == name) {
            return Ok(Node::Space(em));
        }
        if let Some(&(_, mark)) = ACCENTS.iter().find(|(n, _)| *n == name) {
            return Ok(Node::Accent { mark, base: Box::new(self.argument(format!("\\{name}"))?) });
        }
        match name {
            "mathcal" => {
                let base = self.argument("\\mathcal")?;
                self.script_letter(&base)
            }
            "mathrm" | "text" => self.upright(name),
            _ => Err(self.error(format!("unknown command `\\{name}`"))),
        }
    }

    /// `\mathrm{...}`: letters upright, spaces kept.
    fn upright(&mut self, name: &str) -> Result<Node, FigureError> {
        if self.next() != Some('{') {
            return Err(self.error(format!("`\\{name}` must be followed by `{{`")));
        }
        let mut nodes = Vec::new();
        loop {
            match self.next() {
                Some('}') => return Ok(Node::Group(nodes)),
                Some('$') | None => return Err(self.error("`}` is missing at the end")),
                Some(c) => nodes.push(Node::Text(c)),
            }
        }
    }

    /// The script capital of a letter, in Unicode's mathematical block or, for eight of them, in the older one.
    fn script_letter(&self, base: &Node) -> Result<Node, FigureError> {
        let letter = match base {
            Node::Symbol { character, .. } => Some(*character),
            Node::Group(inner) => match inner.as_slice() {
                [Node::Symbol { character, .. }] => Some(*character),
                _ => None,
            },
            _ => None,
        };
        let character = match letter {
            Some('B') => 'ℬ',
            Some('E') => 'ℰ',
            Some('F') => 'ℱ',
            Some('H') => 'ℋ',
            Some('I') => 'ℐ',
            Some('L') => 'ℒ',
            Some('M') => 'ℳ',
            Some('R') => 'ℛ',
            Some(c @ 'A'..='Z') => char::from_u32(0x1D49C + (c as u32 - 'A' as u32)).unwrap_or(c),
            _ => return Err(self.error("`\\mathcal` takes one capital letter, A to Z")),
        };
        Ok(Node::Symbol { character, italic: false, class: Class::Ordinary })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(character: char, italic: bool) -> Node {
        Node::Symbol { character, italic, class: Class::Ordinary }
    }

    #[test]
    fn text_and_mathematics() -> Result<(), FigureError> {
        assert_eq!(parse("a_b")?, ['a', '_', 'b'].map(Node::Text));
        let v1 =
            Node::Script { base: Box::new(symbol('v', true)), lower: Some(Box::new(symbol('1', false))), upper: None };
        assert_eq!(parse("$v_1$")?, [v1]);
        assert_eq!(parse("$ v _ {1} $")?.len(), 1);
        assert_eq!(parse(r"$\lambda$")?, [symbol('λ', true)]);
        assert_eq!(parse(r"$\Lambda$")?, [symbol('Λ', false)]);
        assert_eq!(parse(r"$\mathcal{G}$")?, [symbol('𝒢', false)]);
        assert_eq!(parse(r"$\mathcal L$")?, [symbol('ℒ', false)]);
        assert_eq!(parse("$-$")?, [Node::Symbol { character: '\u{2212}', italic: false, class: Class::Binary }]);
        assert_eq!(parse(r"$\hat\theta$")?, [Node::Accent { mark: 'ˆ', base: Box::new(symbol('θ', true)) }]);
        let both = parse("$x^2_1$")?;
        assert!(matches!(both.as_slice(), [Node::Script { lower: Some(_), upper: Some(_), .. }]));
        Ok(())
    }

    #[test]
    fn mistakes_name_the_label_and_the_problem() {
        for (label, problem) in [
            ("$v_1", "`$` is missing at the end"),
            ("${v$", "`$` inside braces"),
            ("$v_$", "`_` has nothing after it"),
            ("$x_1_2$", "two `_` on one symbol; use braces"),
            (r"$\frobnicate$", r"unknown command `\frobnicate`"),
            (r"$\mathcal{g}$", r"`\mathcal` takes one capital letter, A to Z"),
            ("$}$", "`}` without `{`"),
            (r"a\b", "outside of `$...$` a backslash may stand only before `$` or `\\`"),
        ] {
            let expected = FigureError::Label { label: label.into(), problem: problem.into() };
            assert_eq!(parse(label), Err(expected));
        }
    }
}
