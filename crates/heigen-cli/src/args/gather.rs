//! Arguments of `heigen gather`.

use super::{FactorialArgs, ReproduceArgs};
use clap::{Args, Subcommand};

const GATHER: &str = "\
Examples:
  heigen reproduce --seeds 0..31 --shard 1/4    the first of four shares, on any machine that sees the folder
  heigen gather reproduce --seeds 0..31         when all four are done: figures and report

  heigen study boundary --shard 2/4             the second of four shares of a study
  heigen gather study boundary                  its tables, figures, summary and report

The command is the one that made the results, without --shard and with `gather` before it. Nothing is trained or analysed: what is
missing is named, the exit code is then 1, and the pages are about the rest.";

#[derive(Args, Debug)]
#[command(after_help = GATHER)]
pub(crate) struct GatherArgs {
    #[command(subcommand)]
    pub(crate) of: Gathered,
}

/// The command whose results are gathered.
#[derive(Debug, Subcommand)]
pub(crate) enum Gathered {
    /// Draw the figures and write the report of a reproduction.
    Reproduce(ReproduceArgs),
    /// Write tables, figures, summary and page of a study.
    Study(FactorialArgs),
}
