//! Progress bars on stderr; nothing where stderr is not a terminal.

use heigen::config::ExperimentName;
use heigen::curvature::{Progress, Watch, stage};
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::time::Duration;

/// All bars, one below the other: several tasks may run at once.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A line on stderr, above the bars.
pub(crate) fn line(text: &str) {
    // A closed stderr is no reason to stop.
    let _ = BARS.suspend(|| writeln!(std::io::stderr(), "{text}"));
}

/// Whether bars are seen.
pub(crate) fn hidden() -> bool {
    BARS.is_hidden()
}

/// Runs what writes to the terminal by other ways, the bars put aside.
pub(crate) fn aside<R>(f: impl FnOnce() -> R) -> R {
    BARS.suspend(f)
}

/// A bar of one line that says nothing of itself, below all others; its message is the line.
pub(crate) fn status() -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(0));
    bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A bar over `total` steps with rate and time left.
pub(crate) fn bar(total: u64, unit: &str, what: &str) -> ProgressBar {
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
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let spinner = BARS.insert(0, ProgressBar::new_spinner()).with_message(what.to_owned());
    spinner.set_style(
        ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// Seconds as people read them.
pub(crate) fn seconds(s: f64) -> String {
    if s < 0.0995 {
        format!("{:.0} ms", s * 1e3)
    } else if s < 99.95 {
        format!("{s:.1} s")
    } else {
        format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0)
    }
}

/// A number with five significant digits, in scientific notation where zeros would hide it.
pub(crate) fn number(x: f64) -> String {
    let magnitude = x.abs();
    if magnitude == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e4).contains(&magnitude) {
        let decimals = 4 - magnitude.log10().floor() as i32;
        format!("{x:.*}", decimals.max(0) as usize)
    } else {
        format!("{x:.3e}")
    }
}

/// Shows how far a spectrum is.
pub(crate) struct SpectrumProgress {
    spinner: ProgressBar,
    name: String,
    n_params: usize,
}

impl SpectrumProgress {
    pub(crate) fn new(name: &ExperimentName, n_params: usize) -> Self {
        Self { spinner: spinner(&format!("{name}: spectrum")), name: name.to_string(), n_params }
    }

    pub(crate) fn clear(&self) {
        self.spinner.finish_and_clear();
    }
}

impl Watch for SpectrumProgress {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        let (name, p, done) = (&self.name, self.n_params, progress.done);
        let total = progress.total.unwrap_or(0);
        self.spinner.set_message(match progress.stage {
            stage::STRUCTURE => format!("{name}: structure of the Hessian, {done} of {total} products"),
            stage::RANGE => format!("{name}: range of the Hessian, {done} of at most {p} columns"),
            stage::DENSE => format!("{name}: dense Hessian, {done} of {p} columns"),
            stage::PROJECTION => format!("{name}: projected Hessian, {done} columns"),
            stage::EIGENPROBLEM => format!("{name}: eigendecomposition of size {total}"),
            other => format!("{name}: {other}"),
        });
        ControlFlow::Continue(())
    }
}

/// A bar that follows a computation.
pub(crate) struct BarWatch<'a>(pub(crate) &'a ProgressBar);

impl Watch for BarWatch<'_> {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        if let Some(total) = progress.total {
            self.0.set_length(total);
        }
        self.0.set_position(progress.done);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        let numbers = [0.0, 0.154, -12.3456789, 1.0, 9999.0, 12345.6, 9.1e-4, 3e-17].map(number);
        assert_eq!(numbers, ["0", "0.15400", "-12.346", "1.0000", "9999.0", "1.235e4", "9.100e-4", "3.000e-17"]);
        assert_eq!([0.0123, 3.21, 130.0].map(seconds), ["12 ms", "3.2 s", "2 min 10 s"]);
    }
}
