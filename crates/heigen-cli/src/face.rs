//! The command line as the lab's watch: events become progress bars, notes become lines.

use crate::bars::{self, Bars};
use crate::remedy;
use crate::session::{say, say_once};
use crate::wording;
use heigen_lab::{Event, LabWatch, Note, NoteKind, Problem, Product};
use std::ops::ControlFlow;

/// The reused results that a command mentions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Said,
    /// Only analyses are mentioned: measures and pictures come with every study.
    SaidOfAnalyses,
    Unsaid,
}

/// Shows the lab's events and notes. It never stops a request, since Ctrl-C ends the program.
pub(crate) struct Face {
    bars: Bars,
    reuse: Reuse,
}

impl Face {
    pub(crate) fn new() -> Self {
        Self { bars: Bars::default(), reuse: Reuse::Said }
    }

    pub(crate) fn silent_of_reuse() -> Self {
        Self { bars: Bars::default(), reuse: Reuse::Unsaid }
    }

    pub(crate) fn of_study() -> Self {
        Self { bars: Bars::default(), reuse: Reuse::SaidOfAnalyses }
    }

    /// Removes the bars of finished jobs.
    pub(crate) fn clear(&self) {
        self.bars.clear();
    }

    fn says_reused(&self, what: &Product) -> bool {
        match self.reuse {
            Reuse::Said => true,
            Reuse::SaidOfAnalyses => !matches!(what, Product::Boundary | Product::Figure),
            Reuse::Unsaid => false,
        }
    }
}

impl LabWatch for Face {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        if !bars::hidden() {
            self.bars.show(event);
        }
        ControlFlow::Continue(())
    }

    fn note(&self, note: &Note) {
        match &note.kind {
            NoteKind::Reused { what, .. } if !self.says_reused(what) => {}
            NoteKind::Samples(_) | NoteKind::Embedded { .. } => wording::of(note).iter().for_each(|l| say_once(l)),
            NoteKind::TaskEnded { problem, .. } => {
                self.bars.finish_of_task(&note.job);
                match problem {
                    Some(Problem::Failed(why)) => say(&format!("error: {}: {}", note.job, remedy::text(why))),
                    Some(problem) => say(&format!("error: {}: {problem}", note.job)),
                    None => {}
                }
            }
            kind => {
                if matches!(kind, NoteKind::Made { .. } | NoteKind::Trained { .. } | NoteKind::Drew { .. }) {
                    self.bars.finish(&note.job);
                }
                wording::of(note).iter().for_each(|line| say(line));
            }
        }
    }
}
