//! Numbers in tables of text, with decimal points or decimal commas.

/// Reads the numbers of one table and remembers how they are written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// Whether a comma may stand for the decimal point: it may where it does not separate values.
    commas: bool,
    seen_comma: bool,
    seen_point: bool,
}

impl Numbers {
    pub(super) fn new(separator: u8) -> Self {
        Self { commas: separator != b',', ..Self::default() }
    }

    /// The number that a cell holds, if it holds one.
    pub(super) fn read(&mut self, cell: &str) -> Option<f64> {
        if let Ok(number) = cell.parse() {
            self.seen_point |= cell.contains('.');
            return Some(number);
        }
        let number = with_comma(cell).filter(|_| self.commas)?;
        self.seen_comma = true;
        Some(number)
    }

    /// Whether some numbers had decimal commas.
    pub(super) fn had_commas(self) -> bool {
        self.seen_comma
    }

    /// Whether commas and points stood in numbers: one of them may separate thousands.
    pub(super) fn mixed(self) -> bool {
        self.seen_comma && self.seen_point
    }
}

/// The number that a cell such as `5,1` or `-0,3e2` is.
pub(super) fn with_comma(cell: &str) -> Option<f64> {
    let (whole, rest) = cell.split_once(',')?;
    let has_digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let digits = whole.trim_start_matches(['+', '-']);
    let plain = digits.chars().all(|c| c.is_ascii_digit()) && has_digits(rest);
    plain.then(|| format!("{whole}.{rest}").parse().ok()).flatten()
}
