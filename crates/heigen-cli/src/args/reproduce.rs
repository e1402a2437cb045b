//! Arguments of `heigen reproduce`.

use super::DataDir;
use clap::Args;
use heigen_lab::Shard;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  heigen reproduce                       everything, and the report
  heigen reproduce --dry-run             what there is to do, and how long it will take
  heigen reproduce fig3 fig5             these figures with all that they need
  heigen reproduce --report-only         the report of what is there
  heigen reproduce --seeds 0..4          numbers over five seeds, with error bars in the report
  heigen reproduce --seeds 0..31 --shard 1/8   one of eight shares; then: heigen gather reproduce --seeds 0..31
  heigen reproduce classics              the field's classic experiments: edge of stability, tiny subspace, ...
  heigen reproduce classics linear-rank  one of them

What is up to date is left as it is. Ctrl-C, a crash or a kill loses nothing: the same command goes on where
it was. A task that fails does not stop the others; the exit code is then 1.";

/// Seeds to repeat over, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReproduceArgs {
    /// Figures to draw, `3` or `fig3`; all unless given. `heigen figure --list` shows them. `classics`, and names after it: the
    /// field's classic experiments instead of the paper.
    #[arg(value_name = "FIGURE")]
    pub(crate) figures: Vec<String>,
    /// Show what would be done, with estimates of time, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the report from the results that are there, and make no others.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) report_only: bool,
    /// Repeat training and analysis over these seeds, both ends included: 0..4, or 0,3,7. Figures show the experiments' own
    /// seeds.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub(crate) seeds: Option<Seeds>,
    /// Folder of models and analyses; those of other seeds stand below its `seeds`.
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Where files stand")]
    pub(crate) results: PathBuf,
    /// Folder of the figures.
    #[arg(long = "figures", value_name = "DIR", default_value = "figures", help_heading = "Where files stand")]
    pub(crate) figures_dir: PathBuf,
    /// Folder of the report.
    #[arg(long, value_name = "DIR", default_value = "report", help_heading = "Where files stand")]
    pub(crate) report: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Number of threads, and of tasks at once; 0 means all cores. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "How it is run")]
    pub(crate) threads: u16,
    /// Do one of N shares of the work, the I-th, and leave pages and pictures to `heigen gather`. The shares may run at the same time on
    /// any machines that see the same folders.
    #[arg(long, conflicts_with = "report_only", value_name = "I/N", value_parser = super::shard, help_heading = "How it is run")]
    pub(crate) shard: Option<Shard>,
    /// Memory that the tasks may take together, in GiB; three quarters of what is available unless given.
    #[arg(long, value_name = "GIB", value_parser = gibibytes, help_heading = "How it is run")]
    pub(crate) memory: Option<f64>,
    /// Save the state of a training every so many seconds; one that was interrupted goes on from there.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = super::interval, help_heading = "How it is run")]
    pub(crate) checkpoint_every: f64,
    /// Print the plan or the outcome as JSON.
    #[arg(long, help_heading = "What is printed and kept")]
    pub(crate) json: bool,
}

/// More than anybody means.
const MOST_SEEDS: usize = 1000;

fn seeds(text: &str) -> Result<Seeds, String> {
    let wrong = || format!("`{text}` is no range of seeds; expected e.g. 0..4 (both ends included) or 0,3,7");
    let number = |part: &str| part.trim().parse::<u64>().map_err(|_| wrong());
    let mut all: Vec<u64> = if let Some((first, last)) = text.split_once("..") {
        let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
        if last < first || last - first >= MOST_SEEDS as u64 {
            return Err(wrong());
        }
        (first..=last).collect()
    } else {
        text.split(',').map(number).collect::<Result<_, _>>()?
    };
    all.sort_unstable();
    all.dedup();
    if all.len() > MOST_SEEDS { Err(wrong()) } else { Ok(Seeds(all)) }
}

fn gibibytes(text: &str) -> Result<f64, String> {
    let fits = |g: &f64| *g > 0.0 && g.is_finite();
    text.parse().ok().filter(fits).ok_or_else(|| "expected a number of GiB above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_ranges_with_both_ends_or_lists() {
        assert_eq!(seeds("0..3"), Ok(Seeds(vec![0, 1, 2, 3])));
        assert_eq!(seeds("2..=2"), Ok(Seeds(vec![2])));
        assert_eq!(seeds("7, 3,3"), Ok(Seeds(vec![3, 7])));
        for wrong in ["", "3..1", "a", "1..", "-1", "0..99999"] {
            assert!(seeds(wrong).unwrap_err().contains("0..4"), "{wrong}");
        }
    }
}
