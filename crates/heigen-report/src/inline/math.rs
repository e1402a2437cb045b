//! A small TeX for formulas that stand in a line, as HTML (slanted letters, `<sub>`, `<sup>`) and as plain text.

use super::escape;

/// A formula.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Formula(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// Letters that are slanted.
    Slanted(String),
    /// Digits, words, brackets and signs.
    Upright(String),
    /// An operator between two operands, with a narrow space on each side.
    Binary(&'static str),
    /// A relation, with a wider space on each side.
    Relation(&'static str),
    Space(&'static str),
    Lower(Formula),
    Upper(Formula),
}

/// Deeper nesting is not a formula that stands in a line.
const DEEPEST: usize = 4;

const THIN: &str = "\u{2009}";
const WIDE: &str = "\u{2005}";

impl Formula {
    /// Reads what stands between two dollars; nothing where it is not in this language.
    pub(super) fn parse(source: &str) -> Option<Self> {
        let mut reader = Reader { rest: source, depth: 0 };
        let formula = reader.formula(None)?;
        reader.rest.is_empty().then_some(formula)
    }

    pub(super) fn html(&self) -> String {
        self.write_html(true)
    }

    /// As `x_1` and `x^10`, in Unicode.
    pub(super) fn plain(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Lower(formula) => format!("_{}", formula.plain()),
            Piece::Upper(formula) => format!("^{}", formula.plain()),
            Piece::Binary(sign) | Piece::Relation(sign) => format!(" {sign} "),
            Piece::Space(_) => " ".to_owned(),
            Piece::Slanted(text) | Piece::Upright(text) => text.clone(),
        };
        self.0.iter().map(piece).collect()
    }

    /// The pieces one after another; scripts are not `spaced`.
    fn write_html(&self, spaced: bool) -> String {
        let around =
            |space: &str, sign: &str| if spaced { format!("{space}{sign}{space}") } else { String::from(sign) };
        let piece = |piece: &Piece| match piece {
            Piece::Slanted(text) => format!("<i>{}</i>", escape(text)),
            Piece::Upright(text) => escape(text),
            Piece::Binary(sign) => around(THIN, sign),
            Piece::Relation(sign) => escape(&around(WIDE, sign)),
            Piece::Space(space) => (*space).to_owned(),
            Piece::Lower(formula) => format!("<sub>{}</sub>", formula.write_html(false)),
            Piece::Upper(formula) => format!("<sup>{}</sup>", formula.write_html(false)),
        };
        self.0.iter().map(piece).collect()
    }
}

impl Piece {
    /// Whether a sign after it stands between two operands.
    fn is_operand(&self) -> bool {
        match self {
            Self::Slanted(_) | Self::Lower(_) | Self::Upper(_) => true,
            Self::Upright(text) => !text.ends_with(['(', '[', '{', ',', '|', '⟨']),
            Self::Binary(_) | Self::Relation(_) | Self::Space(_) => false,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// Pieces up to `end` (which is taken) or to the end of the source.
    fn formula(&mut self, end: Option<char>) -> Option<Formula> {
        let mut pieces = Vec::new();
        loop {
            match self.next() {
                None if end.is_none() => return Some(Formula(pieces)),
                None => return None,
                character if character == end => return Some(Formula(pieces)),
                Some(character) => self.piece(character, &mut pieces)?,
            }
        }
    }

    fn piece(&mut self, character: char, pieces: &mut Vec<Piece>) -> Option<()> {
        match character {
            ' ' => {}
            '_' => pieces.push(Piece::Lower(self.script()?)),
            '^' => pieces.push(Piece::Upper(self.script()?)),
            '{' => {
                let group = self.deeper(|reader| reader.formula(Some('}')))?;
                pieces.extend(group.0);
            }
            '}' => return None,
            '\\' => self.command(pieces)?,
            '=' => pieces.push(Piece::Relation("=")),
            '<' => pieces.push(Piece::Relation("<")),
            '>' => pieces.push(Piece::Relation(">")),
            '+' => sign("+", pieces),
            '-' | '\u{2212}' => sign("\u{2212}", pieces),
            '\'' => pieces.push(Piece::Upright("′".into())),
            ',' if !self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '}') => {
                pieces.extend([Piece::Upright(",".into()), Piece::Space(THIN)]);
            }
            letter if letter.is_alphabetic() => pieces.push(Piece::Slanted(letter.into())),
            digit if digit.is_ascii_digit() => pieces.push(Piece::Upright(digit.into())),
            '(' | ')' | '[' | ']' | '|' | '/' | '.' | ',' | ':' | ';' | '!' | '*' | '%' => {
                pieces.push(Piece::Upright(character.into()));
            }
            _ => return None,
        }
        Some(())
    }

    /// The script after `_` or `^`: a group, a command, a number with its sign, or one character.
    fn script(&mut self) -> Option<Formula> {
        let mut pieces = Vec::new();
        let first = self.next().filter(|c| !" _^".contains(*c))?;
        if first == '-' || first.is_ascii_digit() {
            let length = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(length);
            // As in TeX, `x_12` lowers only the 1; a sign, which alone would make no sense, takes its number along.
            let taken = if first == '-' { digits } else { "" };
            let sign = if first == '-' { "\u{2212}".to_owned() } else { first.to_string() };
            self.rest = if first == '-' { rest } else { self.rest };
            pieces.push(Piece::Upright(sign + taken));
        } else {
            self.deeper(|reader| reader.piece(first, &mut pieces))?;
        }
        Some(Formula(pieces))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        let read = if self.depth <= DEEPEST { read(self) } else { None };
        self.depth -= 1;
        read
    }

    fn command(&mut self, pieces: &mut Vec<Piece>) -> Option<()> {
        let letters = self.rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let length = if letters == 0 { self.rest.chars().next()?.len_utf8() } else { letters };
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        if let Some(symbol) = symbol(name) {
            match symbol {
                Piece::Binary(symbol) => sign(symbol, pieces),
                other => pieces.push(other),
            }
            return Some(());
        }
        match name {
            "mathrm" | "text" | "operatorname" => pieces.push(Piece::Upright(self.words()?)),
            "mathcal" => pieces.push(Piece::Upright(self.words()?.chars().map(script_letter).collect())),
            "hat" => self.accent('\u{302}', pieces)?,
            "tilde" => self.accent('\u{303}', pieces)?,
            "bar" => self.accent('\u{304}', pieces)?,
            "dot" => self.accent('\u{307}', pieces)?,
            _ => return None,
        }
        Some(())
    }

    /// The words in the braces that follow.
    fn words(&mut self) -> Option<String> {
        let (words, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        self.rest = rest;
        let known = |c: char| c.is_alphanumeric() || " -.,()".contains(c);
        (!words.is_empty() && words.chars().all(known)).then(|| words.to_owned())
    }

    /// The letter that follows, in braces or not, with a mark over it.
    fn accent(&mut self, mark: char, pieces: &mut Vec<Piece>) -> Option<()> {
        let mut inner = Vec::new();
        let first = self.next()?;
        self.deeper(|reader| reader.piece(first, &mut inner))?;
        let [Piece::Slanted(letter) | Piece::Upright(letter)] = inner.as_mut_slice() else {
            return None;
        };
        letter.push(mark);
        pieces.append(&mut inner);
        Some(())
    }
}

/// A sign between two operands, or before one.
fn sign(sign: &'static str, pieces: &mut Vec<Piece>) {
    let between = pieces.last().is_some_and(Piece::is_operand);
    pieces.push(if between { Piece::Binary(sign) } else { Piece::Upright(sign.into()) });
}

fn symbol(name: &str) -> Option<Piece> {
    let slanted = |letter: &str| Some(Piece::Slanted(letter.into()));
    let upright = |text: &str| Some(Piece::Upright(text.into()));
    match name {
        "alpha" => slanted("α"),
        "beta" => slanted("β"),
        "gamma" => slanted("γ"),
        "delta" => slanted("δ"),
        "epsilon" | "varepsilon" => slanted("ε"),
        "zeta" => slanted("ζ"),
        "eta" => slanted("η"),
        "theta" => slanted("θ"),
        "kappa" => slanted("κ"),
        "lambda" => slanted("λ"),
        "mu" => slanted("μ"),
        "nu" => slanted("ν"),
        "xi" => slanted("ξ"),
        "pi" => slanted("π"),
        "rho" => slanted("ρ"),
        "sigma" => slanted("σ"),
        "tau" => slanted("τ"),
        "phi" | "varphi" => slanted("φ"),
        "chi" => slanted("χ"),
        "psi" => slanted("ψ"),
        "omega" => slanted("ω"),
        "ell" => slanted("ℓ"),
        "Gamma" => upright("Γ"),
        "Delta" => upright("Δ"),
        "Theta" => upright("Θ"),
        "Lambda" => upright("Λ"),
        "Sigma" => upright("Σ"),
        "Phi" => upright("Φ"),
        "Psi" => upright("Ψ"),
        "Omega" => upright("Ω"),
        "nabla" => upright("∇"),
        "partial" => upright("∂"),
        "infty" => upright("∞"),
        "sum" => upright("∑"),
        "langle" => upright("⟨"),
        "rangle" => upright("⟩"),
        "|" => upright("‖"),
        "top" => upright("⊤"),
        "dots" | "ldots" => upright("…"),
        "%" | "{" | "}" | "max" | "min" | "arg" | "log" | "exp" | "cos" | "sin" => upright(name),
        "times" => Some(Piece::Binary("×")),
        "cdot" => Some(Piece::Binary("·")),
        "pm" => Some(Piece::Binary("±")),
        "leq" | "le" => Some(Piece::Relation("≤")),
        "geq" | "ge" => Some(Piece::Relation("≥")),
        "ll" => Some(Piece::Relation("≪")),
        "gg" => Some(Piece::Relation("≫")),
        "neq" | "ne" => Some(Piece::Relation("≠")),
        "approx" => Some(Piece::Relation("≈")),
        "sim" => Some(Piece::Relation("∼")),
        "propto" => Some(Piece::Relation("∝")),
        "in" => Some(Piece::Relation("∈")),
        "to" => Some(Piece::Relation("→")),
        "parallel" => Some(Piece::Relation("∥")),
        "perp" => Some(Piece::Relation("⊥")),
        "," | ";" => Some(Piece::Space(THIN)),
        " " => Some(Piece::Space(" ")),
        _ => None,
    }
}

/// The script capital of a letter; some have a place of their own in Unicode.
fn script_letter(letter: char) -> char {
    match letter {
        'B' => 'ℬ',
        'E' => 'ℰ',
        'F' => 'ℱ',
        'H' => 'ℋ',
        'I' => 'ℐ',
        'L' => 'ℒ',
        'M' => 'ℳ',
        'R' => 'ℛ',
        'A'..='Z' => char::from_u32(0x1d49c + letter as u32 - 'A' as u32).unwrap_or(letter),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Formula;

    #[test]
    fn formulas_as_html() {
        for (source, wanted) in [
            (r"\lambda_1", "<i>λ</i><sub>1</sub>"),
            (r"G_\theta", "<i>G</i><sub><i>θ</i></sub>"),
            ("v_1", "<i>v</i><sub>1</sub>"),
            ("v_{10}", "<i>v</i><sub>10</sub>"),
            ("10^-6", "10<sup>−6</sup>"),
            ("10^{-6}", "10<sup>−6</sup>"),
            ("x_12", "<i>x</i><sub>1</sub>2"),
            ("x_i^2", "<i>x</i><sub><i>i</i></sub><sup>2</sup>"),
            ("a = b", "<i>a</i>\u{2005}=\u{2005}<i>b</i>"),
            ("H - G", "<i>H</i>\u{2009}−\u{2009}<i>G</i>"),
            ("(-1)", "(−1)"),
            (r"\lambda_{i+1}", "<i>λ</i><sub><i>i</i>+1</sub>"),
            (r"\mathrm{tr} H", "tr<i>H</i>"),
            (r"\hat{y}", "<i>y\u{302}</i>"),
            (r"\mathcal{L}(\theta)", "ℒ(<i>θ</i>)"),
            ("n < 5", "<i>n</i>\u{2005}&lt;\u{2005}5"),
            ("10{,}703, 4", "10,703,\u{2009}4"),
            (r"100 \times 100", "100\u{2009}×\u{2009}100"),
        ] {
            assert_eq!(Formula::parse(source).map(|f| f.html()).as_deref(), Some(wanted), "{source}");
        }
    }

    #[test]
    fn what_is_no_formula_is_refused() {
        for source in
            ["{", "}", "x_", "x^", r"\", r"\nothing", r"\hat{ab}", "x__1", r"\mathrm{<b>}", "a & b", "{{{{{{x}}}}}}"]
        {
            assert_eq!(Formula::parse(source), None, "{source}");
        }
    }
}
