//! The lab's notes as text.

use heigen_lab::{Note, NoteKind, Product, Reason, bytes, number, seconds};

/// A margin that takes so many operations is worth a word before: they are half a minute of one core or more.
const LONG: f64 = 2e11;

/// The line for a note; `None` for notes that the command line does not show.
pub(crate) fn of(note: &Note) -> Option<String> {
    let job = &note.job;
    Some(match &note.kind {
        NoteKind::Reused { what, path } => format!("{job}: reused {}{}", path.display(), purpose(what)),
        NoteKind::Making { what, reason } => format!("{job}: {}", making(what, reason)?),
        NoteKind::Made { what: Product::Boundary, seconds: s, path } => {
            format!("{job}: measured its boundary in {} -> {}", seconds(*s), path.display())
        }
        NoteKind::Made { what: Product::Classic, seconds: s, path } => {
            format!("{job}: measured in {} -> {}", seconds(*s), path.display())
        }
        NoteKind::Made { what: Product::Attribution, seconds: s, path } => {
            format!("{job}: attributed in {} -> {}", seconds(*s), path.display())
        }
        NoteKind::Made { what: Product::Along, seconds: s, path } => {
            format!("{job}: looked at its training in {} -> {}", seconds(*s), path.display())
        }
        NoteKind::Made { seconds: s, path, .. } => {
            format!("{job}: analysed in {} -> {}", seconds(*s), path.display())
        }
        NoteKind::Trained { epochs, early, seconds: s, path } => {
            let early = if *early { ", stopped at 100 % training accuracy" } else { "" };
            format!("{job}: trained {epochs} epochs in {}{early} -> {}", seconds(*s), path.display())
        }
        NoteKind::EvaluatedLess => {
            format!("hint: {job} was evaluated less often; `--eval-every` with `--force` trains it again")
        }
        NoteKind::GoingOn { done, of } => format!("{job}: going on after {done} of {of} epochs"),
        NoteKind::MomentsKnown { done, of } => format!("{job}: going on after {done} of {of} moments"),
        NoteKind::StartsFrom { file, fresh } => {
            format!("{job}: starts from {}, except for fresh {}", file.display(), fresh.join(", "))
        }
        NoteKind::TooLarge { n_params, eigenpairs, why, operations, bytes: memory } => format!(
            "{job}: {n_params} parameters are too many for the whole spectrum: {why}; the {eigenpairs} largest eigenvalues by \
             Lanczos instead, about {} operations and {} (--top-k for others, --method exact to insist)",
            number(*operations),
            bytes(*memory)
        ),
        NoteKind::Margin { measured: true, operations } => {
            if *operations < LONG {
                return None;
            }
            format!("{job}: the margin takes about {} operations", number(*operations))
        }
        NoteKind::Margin { measured: false, operations } => {
            format!(
                "note: the margin would take about {} operations and is left out (--margin measures it)",
                number(*operations)
            )
        }
        NoteKind::CoherenceLeftOut { of, side, bytes } => format!(
            "note: the cosines of all pairs of {side} {of} gradients would take {:.1} GiB and are left out (--coherence of \
             `heigen hessian` and `heigen analyze` stores them)",
            bytes / 2f64.powi(30)
        ),
        NoteKind::Samples(note) | NoteKind::Remark(note) => format!("note: {note}"),
        NoteKind::Embedded { chosen, of } => format!("note: t-SNE of {chosen} of the {of} samples, evenly spread"),
        NoteKind::Warning(warning) => format!("warning: {warning}"),
        NoteKind::Imported { from, experiment } => format!("{} -> {}", from.display(), experiment.display()),
        NoteKind::Reported { path } => format!("report -> {}", path.display()),
        NoteKind::Drew { path } => format!("{job}: drew {}", path.display()),
        NoteKind::Waiting { path } => {
            format!("{job}: waiting for another process, which is making {}", path.display())
        }
        NoteKind::TaskBegun { .. } | NoteKind::TaskEnded { .. } => return None,
    })
}

/// The name of the experiment that needs the result, where the request did not ask for the result itself.
fn purpose(what: &Product) -> String {
    match what {
        Product::Model { needed_by: Some(name) } => format!(", the starting model of {name}"),
        _ => String::new(),
    }
}

fn making(what: &Product, reason: &Reason) -> Option<String> {
    Some(match (what, reason) {
        (Product::Model { .. }, Reason::Asked) => format!("training again, as asked for{}", purpose(what)),
        (Product::Model { .. }, Reason::Unusable(why)) => format!("training again{}: {why}", purpose(what)),
        (Product::Model { .. }, _) => format!("training{}", purpose(what)),
        (Product::Analysis { .. }, Reason::Asked) => "analysing again, as asked for".to_owned(),
        (Product::Analysis { weights }, Reason::Absent) => format!("analysing {weights}"),
        (Product::Analysis { weights }, Reason::Damaged(why)) => format!("analysing {weights} again: {why}"),
        (Product::Analysis { weights }, Reason::Unusable(why)) => format!("analysing {weights} again: {why}"),
        (Product::Boundary, _) => "measuring its decision boundary".to_owned(),
        (Product::Along, Reason::Unusable(why)) => format!("following its training again: {why}"),
        (Product::Classic | Product::Cell, _) => "measuring".to_owned(),
        (Product::Attribution, _) => "finding what its eigenvectors carry".to_owned(),
        (Product::Along, _) => "following its training".to_owned(),
        (Product::Figure, _) => return None,
    })
}
