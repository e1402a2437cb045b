//! Arguments of `heigen study`.

use super::DataDir;
use clap::Args;
use heigen_lab::{Levels, OneOrMore, Shard};
use std::path::PathBuf;

const STUDY: &str = "\
Examples:
  heigen study boundary                            the paper's claims over 360 trainings, about four minutes of two cores
  heigen study boundary --list                     which cells are done, and how long the others take
  heigen study boundary --only data=circle         one data set of it; the report is about all rows that are there
  heigen study my/widths.json --only start=normal,adversarial --only width=32
  heigen study boundary --shard 1/8                one of eight shares of it; then: heigen gather study boundary
  heigen study my/widths.json --json               the verdicts, for programs

A file of a study:
  {\"title\": \"Widths\", \"seeds\": {\"count\": 10}, \"converged_loss\": 0.1,
   \"experiment\": {...},                            the keys of an experiment's file
   \"factors\": {\"width\": {\"8\": {\"model\": {...}},    levels: the keys that they change
                         \"32\": {\"model\": {...}}}},
   \"claims\": [{\"name\": \"flat\", \"statement\": \"Wide networks end flatter.\", \"expect\": \"smaller\",
               \"compare\": {\"measure\": \"lambda_1\", \"factor\": \"width\", \"levels\": [\"32\", \"8\"]}}],
   \"pairs\": [[\"lambda_1\", \"test_accuracy\"]]}        rank correlations without a claim
`first` in a level is the change of a training whose end the cell's starts from. The guide's chapter on studies has
every key.

Every combination of levels is trained and measured at every seed, several side by side, one thread each. A row is
kept as soon as it is known: killed at any time, the same command goes on where it was, and a changed file trains
only what it changes. A training that diverges is a row that says so.
Writes results/studies/<name>/table.csv and table.parquet, claims and rows as .svg, .pdf and .png, summary.md and
report.html.";

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = STUDY)]
pub(crate) struct FactorialArgs {
    /// The file of the study, or the name of a shipped one: `boundary`.
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    /// Run these levels of a factor only; give it again for another factor.
    #[arg(long, value_name = "FACTOR=LEVEL,...", value_parser = levels, help_heading = "What is run")]
    pub(crate) only: Vec<(String, Vec<String>)>,
    /// List the combinations with their numbers of done cells and the time that the others take, and run nothing.
    #[arg(long, visible_alias = "dry-run", help_heading = "What is run")]
    pub(crate) list: bool,
    /// Train and measure anew what is done already.
    #[arg(long, help_heading = "How it is run")]
    pub(crate) force: bool,
    /// Do one of N shares of the work, the I-th, and leave pages and pictures to `heigen gather`. The shares may run at the same time on
    /// any machines that see the same folders.
    #[arg(long, conflicts_with = "list", value_name = "I/N", value_parser = super::shard, help_heading = "How it is run")]
    pub(crate) shard: Option<Shard>,
    /// Folder of the results.
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Where files stand")]
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Number of cells side by side, with a thread each; 0 means all cores. Results do not depend on it.
    #[arg(long, visible_alias = "jobs", value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "How it is run")]
    pub(crate) threads: u16,
    /// Print the plan or the verdicts as JSON.
    #[arg(long, help_heading = "What is printed and kept")]
    pub(crate) json: bool,
}

impl FactorialArgs {
    /// The chosen levels; those of a factor that is given twice together.
    pub(crate) fn chosen(&self) -> Levels {
        let mut chosen = Levels::new();
        for (factor, levels) in &self.only {
            let mut all = chosen.get(factor).map_or_else(Vec::new, |known| known.all().to_vec());
            all.extend(levels.iter().cloned());
            chosen.insert(factor.clone(), OneOrMore::More(all));
        }
        chosen
    }
}

fn levels(text: &str) -> Result<(String, Vec<String>), String> {
    let wrong = || format!("`{text}` is no choice of levels; expected e.g. data=circle or start=normal,adversarial");
    let (factor, levels) = text.split_once('=').ok_or_else(wrong)?;
    let levels: Vec<String> = levels.split(',').map(|level| level.trim().to_owned()).collect();
    if factor.trim().is_empty() || levels.iter().any(String::is_empty) {
        return Err(wrong());
    }
    Ok((factor.trim().to_owned(), levels))
}
