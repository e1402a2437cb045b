//! Progress bars on stderr. They are not shown where stderr is not a terminal.

use heigen_lab::{Event, stage as lab_stage};
use heigen_spectra::stage;
use heigen_store::foreign_text::escaped;
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All bars, one below the other, since several tasks may run at the same time.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Most characters of a message. Names and lists in messages are cut where they are put in; this is for what escaped that.
const LONGEST: usize = 4000;

/// Whether nothing is said, because another process of the same computation says it.
static SILENT: AtomicBool = AtomicBool::new(false);

/// From now on nothing is written to stdout and stderr.
pub(crate) fn silence() {
    SILENT.store(true, Ordering::Relaxed);
    BARS.set_draw_target(ProgressDrawTarget::hidden());
}

/// Whether nothing is said.
pub(crate) fn silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// Writes a line to stderr, also where nothing else is said.
pub(crate) fn last_word(text: &str) {
    SILENT.store(false, Ordering::Relaxed);
    line(text);
}

/// Writes a line to stderr, above the bars. Characters that act on a terminal, which a file's name may have, are written as
/// their codes.
pub(crate) fn line(text: &str) {
    if silent() {
        return;
    }
    let mut text = escaped(text, &['\n']);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    // A closed stderr is no reason to stop the work.
    let _ = BARS.suspend(|| writeln!(std::io::stderr(), "{text}"));
}

/// Whether the bars are hidden.
pub(crate) fn hidden() -> bool {
    BARS.is_hidden()
}

/// Runs `f`, which may write to the terminal by other means, while the bars are taken off the screen.
pub(crate) fn aside<R>(f: impl FnOnce() -> R) -> R {
    BARS.suspend(f)
}

/// A bar below all others that shows only its message, one line of text.
pub(crate) fn status() -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(0));
    bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A bar over `total` steps with rate and time left.
fn bar(total: u64, unit: &str, what: &str) -> ProgressBar {
    let template = format!("{{msg}} {{bar:24}} {{human_pos}}/{{human_len}} {unit}, {{rate}}/s, {{eta}} left");
    let bar = BARS.insert(0, ProgressBar::new(total)).with_message(what.to_owned());
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let rate = state.per_sec();
        // Writing to a string cannot fail.
        let _ = if rate < 9.95 { write!(out, "{rate:.1}") } else { write!(out, "{}", HumanCount(rate.round() as u64)) };
    }));
    bar
}

/// A spinner with elapsed time, for a step whose progress is unknown.
fn spinner(what: &str) -> ProgressBar {
    let spinner = BARS.insert(0, ProgressBar::new_spinner()).with_message(what.to_owned());
    spinner.set_style(
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// The bars of the running jobs, by the jobs' names, each with the stage that it shows.
#[derive(Default)]
pub(crate) struct Bars(Mutex<BTreeMap<String, (&'static str, ProgressBar)>>);

impl Bars {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, (&'static str, ProgressBar)>> {
        // A bar is inserted or removed in one step, so a panic elsewhere leaves the map usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows how far a job is: a bar where it is known how much there is to do, else a spinner with words.
    pub(crate) fn show(&self, event: &Event) {
        let mut shown = self.locked();
        let counted = matches!(event.stage, lab_stage::TRAINING | lab_stage::CELLS | stage::LANCZOS | stage::DENSITY);
        let words = words(event);
        let other = shown.get(&event.job).is_none_or(|(at, _)| *at != event.stage);
        if other {
            let total = event.total.unwrap_or_default();
            let new = if counted { bar(total, event.unit, &words) } else { spinner(&words) };
            if let Some((_, earlier)) = shown.insert(event.job.clone(), (event.stage, new)) {
                earlier.finish_and_clear();
            }
        }
        let Some((_, bar)) = shown.get(&event.job) else { return };
        bar.set_message(words);
        if counted {
            bar.set_length(event.total.unwrap_or_default());
            bar.set_position(event.done);
        }
    }

    /// Removes the bar of a job.
    pub(crate) fn finish(&self, job: &str) {
        if let Some((_, bar)) = self.locked().remove(job) {
            bar.finish_and_clear();
        }
    }

    /// Removes the bar of the job that belongs to a task of a reproduction.
    pub(crate) fn finish_of_task(&self, task: &str) {
        self.locked().retain(|job, (_, bar)| {
            let about = task.contains(job.as_str());
            if about {
                bar.finish_and_clear();
            }
            !about
        });
    }

    /// Removes all bars.
    pub(crate) fn clear(&self) {
        std::mem::take(&mut *self.locked()).into_values().for_each(|(_, bar)| bar.finish_and_clear());
    }
}

/// The text for a job and its step.
fn words(event: &Event) -> String {
    let Event { job, stage: at, done, total, .. } = event;
    let of = total.unwrap_or_default();
    let step = match *at {
        lab_stage::TRAINING | lab_stage::CELLS => return job.clone(),
        lab_stage::ALIGNMENTS => "alignments".to_owned(),
        lab_stage::COHERENCE => "cosines of all pairs of gradients".to_owned(),
        lab_stage::BOUNDARY => "decision boundary".to_owned(),
        lab_stage::ATTRIBUTION => "boundaries at moved weights".to_owned(),
        lab_stage::FOLLOWING => format!("moment {} of {of}", done + 1),
        lab_stage::DRAWING => "drawing".to_owned(),
        lab_stage::WAITING => "waiting for another process".to_owned(),
        stage::STRUCTURE => format!("structure of the Hessian, {done} of {of} products"),
        stage::RANGE => format!("range of the Hessian, {done} of at most {of} columns"),
        stage::DENSE => format!("dense Hessian, {done} of {of} columns"),
        stage::PROJECTION => format!("projected Hessian, {done} columns"),
        stage::EIGENPROBLEM => format!("eigendecomposition of size {of}"),
        stage::LANCZOS => "Lanczos".to_owned(),
        stage::TRACE => format!("trace from {of} products"),
        stage::DIAGONAL => format!("diagonal from {of} products"),
        other => other.to_owned(),
    };
    format!("{job}: {step}")
}
