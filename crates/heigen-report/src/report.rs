//! The report as plain data.

/// Everything on the page, in the order in which it is shown, except that `problems` come first of all after `intro`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The title of the page (text); must not be empty.
    pub title: String,
    /// A line under the title (text); may be empty.
    pub subtitle: String,
    /// Paragraphs that open the page (text).
    pub intro: Vec<String>,
    /// Name (text) and value (text): machine, version, seeds, total time.
    pub facts: Vec<(String, String)>,
    /// Paragraphs that say how the verdicts about the claims are made (text); they stand above the claims.
    pub rules: Vec<String>,
    /// The claims, each with what was found about it.
    pub claims: Vec<Claim>,
    /// The body of the page.
    pub sections: Vec<Section>,
    /// How long each task took.
    pub timings: Vec<Timing>,
    /// The messages of the tasks that failed (verbatim, line breaks kept), one for each task.
    pub problems: Vec<String>,
    /// The last line of the page (text); may be empty.
    pub footer: String,
}

/// A part of the body with a heading of its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// Its address on the page: a letter, then letters, digits, `-` or `_`. `content`, `contents`, `problems`, `run`,
    /// `claims`, `claim-1`, ..., `timings` are taken.
    pub id: String,
    /// Its heading (text); must not be empty.
    pub title: String,
    /// Paragraphs (text).
    pub text: Vec<String>,
    /// Figures, after the paragraphs.
    pub figures: Vec<Figure>,
    /// Films, after the figures.
    pub films: Vec<Film>,
    /// Tables, after the figures.
    pub tables: Vec<Table>,
    /// Tables that are folded away until the reader opens them, after the others.
    pub folded: Vec<Folded>,
}

/// Tables that most readers do not need: only one line is seen until it is opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folded {
    /// The line that is seen (text); must not be empty.
    pub summary: String,
    /// The tables that it opens.
    pub tables: Vec<Table>,
}

/// A drawing with its caption.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// Its address on the page, under the rules of [`Section::id`]; the address with `-large` is its large view.
    pub id: String,
    /// The words that open the caption, as in `Figure 2` (text); must not be empty.
    pub title: String,
    /// One complete `<svg ...>...</svg>` with its `xmlns`, an own background and no reference outside of itself.
    pub svg: String,
    /// A description for readers who cannot see the figure (text); if it is empty, they are given the title.
    pub alt: String,
    /// The rest of the caption (text); may be empty.
    pub caption: String,
    /// The command that draws it again (verbatim).
    pub command: Option<String>,
    /// The commands that open a live page at what it shows (verbatim), one for each network; the page itself has no script.
    pub live: Vec<String>,
}

/// Drawings one after another, of which a row of buttons chooses the one that is seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Film {
    /// Its address on the page, under the rules of [`Section::id`]; the address with `-0`, `-1`, ... is a drawing's button.
    pub id: String,
    /// The words that open the caption (text); must not be empty.
    pub title: String,
    /// The drawings in their order, at least one.
    pub frames: Vec<Frame>,
    /// The rest of the caption (text); may be empty.
    pub caption: String,
}

/// A drawing of a film.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// The words on its button (text); must not be empty.
    pub name: String,
    /// The drawing, under the rules of [`Figure::svg`].
    pub svg: String,
}

/// A table with one head row. The first cell of a row heads it unless it is a number.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// A sentence that says what the table shows (text).
    pub caption: String,
    /// The head of each column (text); may be empty strings.
    pub head: Vec<String>,
    /// The rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// A remark under the table (text).
    pub note: Option<String>,
}

/// One cell of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    /// The cell's content (text).
    pub text: String,
    /// Whether the content is a number: numbers stand at the right of their column, in digits of one width.
    pub numeric: bool,
    /// How it stands out.
    pub emphasis: Emphasis,
}

impl Cell {
    /// A cell of words (text).
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A cell with a number, already written with the digits that are meant (text).
    pub fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), numeric: true, ..Self::default() }
    }

    /// The cell in bold.
    pub fn strong(self) -> Self {
        Self { emphasis: Emphasis::Strong, ..self }
    }

    /// The cell in a weaker colour.
    pub fn muted(self) -> Self {
        Self { emphasis: Emphasis::Muted, ..self }
    }
}

/// How a cell stands out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Emphasis {
    /// It does not.
    #[default]
    Plain,
    /// In bold.
    Strong,
    /// In a weaker colour.
    Muted,
}

/// Something that was claimed, with what was measured for and against it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claim {
    /// The statement that is claimed (text); must not be empty.
    pub statement: String,
    /// The place where it is claimed, as in `Fig. 3, Sec. 4` (text); may be empty.
    pub source: String,
    /// The verdict that the evidence comes to.
    pub verdict: Verdict,
    /// The number of runs and seeds behind the verdict, as in `3 runs, one seed` (text); may be empty.
    pub basis: String,
    /// The rule by which the findings were sorted into those for and those against it (text); may be empty.
    pub rule: String,
    /// Findings that speak for it (text).
    pub evidence_for: Vec<String>,
    /// Findings that speak against it (text).
    pub evidence_against: Vec<String>,
    /// Findings that were made and do not tell (text).
    pub evidence_open: Vec<String>,
    /// The numbers behind it.
    pub table: Option<Table>,
}

/// The verdict that the evidence about a claim comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It holds in what was measured.
    Supported,
    /// It holds in part.
    Mixed,
    /// It does not hold in what was measured.
    Contradicted,
    /// What was measured does not tell.
    Undecided,
    /// Nothing was measured that could tell.
    #[default]
    NotMeasured,
}

impl Verdict {
    /// The verdict to which findings come that speak for a claim (`Some(true)`), against it, or do not tell.
    pub fn of_findings(sides: impl IntoIterator<Item = Option<bool>>) -> Self {
        let sides: Vec<Option<bool>> = sides.into_iter().collect();
        match (sides.contains(&Some(true)), sides.contains(&Some(false)), sides.is_empty()) {
            (true, false, _) => Self::Supported,
            (false, true, _) => Self::Contradicted,
            (true, true, _) => Self::Mixed,
            (false, false, false) => Self::Undecided,
            (false, false, true) => Self::NotMeasured,
        }
    }

    /// The verdict in words, in small letters.
    pub fn words(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Mixed => "mixed",
            Self::Contradicted => "contradicted",
            Self::Undecided => "undecided",
            Self::NotMeasured => "not measured",
        }
    }
}

/// How long a task took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timing {
    /// The task (verbatim).
    pub task: String,
    /// Seconds it took; none where that is unknown.
    pub seconds: Option<f64>,
    /// Seconds that the same task took in the reference, to compare with.
    pub reference_seconds: Option<f64>,
    /// Whether it was computed, taken from an earlier result, or failed. Only computed tasks are compared with the reference.
    pub state: TaskState,
}

/// Whether a task was computed, taken from an earlier result, or failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It was computed.
    #[default]
    Computed,
    /// An earlier result was taken.
    Reused,
    /// It failed.
    Failed,
}
