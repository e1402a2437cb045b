//! From raw arguments to resolved ones: what every command works with.

use crate::args::{AnalyzeArgs, Common, Names, ReproduceArgs};
use crate::progress;
use anyhow::{Context, Result};
use clap::error::ErrorKind;
use heigen_store::catalogue::{self, Loaded};
use heigen_store::images::ImageFolder;
use heigen_store::layout::Results;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Resolved common options.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) results: Results,
    pub(crate) images: ImageFolder,
    pub(crate) pretrained: Option<PathBuf>,
    pub(crate) seed: Option<u64>,
    pub(crate) force: bool,
    pub(crate) json: bool,
    pub(crate) eval_every: Option<usize>,
    pub(crate) checkpoint_every: Duration,
    /// Says nothing of what is reused.
    pub(crate) quiet: bool,
}

fn start_threads(threads: u16) -> Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global().context("cannot start threads")
}

impl Session {
    pub(crate) fn new(common: &Common) -> Result<Self> {
        start_threads(common.threads)?;
        Ok(Self {
            results: Results::new(&common.results),
            images: ImageFolder::new(&common.data.data_dir),
            pretrained: common.pretrained.clone(),
            seed: common.seed,
            force: common.force,
            json: common.json,
            eval_every: common.eval_every.map(|n| n as usize),
            checkpoint_every: Duration::from_secs_f64(common.checkpoint_every),
            quiet: false,
        })
    }

    /// For many tasks at once, which say only what they do.
    pub(crate) fn of_reproduction(args: &ReproduceArgs) -> Result<Self> {
        start_threads(args.threads)?;
        Ok(Self {
            results: Results::new(&args.results),
            images: ImageFolder::new(&args.data.data_dir),
            pretrained: None,
            seed: None,
            force: false,
            json: args.json,
            eval_every: None,
            checkpoint_every: Duration::from_secs_f64(args.checkpoint_every),
            quiet: true,
        })
    }

    /// For a network that is given, so that nothing is trained.
    pub(crate) fn of_analysis(args: &AnalyzeArgs) -> Result<Self> {
        start_threads(args.threads)?;
        Ok(Self {
            results: Results::new(&args.results),
            images: ImageFolder::new("data"),
            pretrained: None,
            seed: None,
            force: args.force,
            json: args.json,
            eval_every: None,
            checkpoint_every: Duration::ZERO,
            quiet: false,
        })
    }

    /// The same with results of its own, at `seed`.
    pub(crate) fn at_seed(&self, results: Results, seed: u64) -> Self {
        Self { results, seed: Some(seed), ..self.clone() }
    }

    /// Tells that a result was reused.
    pub(crate) fn say_reused(&self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }

    /// Loads the experiments of `names`, with `--seed` applied; all of them before anything runs.
    pub(crate) fn load(&self, names: &Names, default: &[&str], command: &str) -> Result<Vec<Loaded>> {
        let mut all = names.all();
        if all.is_empty() {
            all = default.iter().map(ToString::to_string).collect();
        }
        if all.is_empty() {
            usage(&format!(
                "no experiment given: heigen {command} NAME...; `heigen list` shows them, e.g. gauss/normal_training"
            ));
        }
        all.iter().map(|arg| self.load_one(arg)).collect()
    }

    fn load_one(&self, arg: &str) -> Result<Loaded> {
        let loaded = self.seeded(catalogue::load(arg)?);
        if let Some(why) = catalogue::why_not(&loaded)? {
            anyhow::bail!("{why}");
        }
        for note in &loaded.notes {
            say(&format!("{}: note: {note}", loaded.experiment.name));
        }
        Ok(loaded)
    }

    /// The experiment with `--seed` applied.
    pub(crate) fn seeded(&self, mut loaded: Loaded) -> Loaded {
        if let Some(seed) = self.seed {
            loaded.experiment.seed = seed;
        }
        loaded
    }
}

/// Ends with a usage error, exit code 2.
pub(crate) fn usage(message: &str) -> ! {
    clap::Error::raw(ErrorKind::MissingRequiredArgument, format!("{message}\n")).exit()
}

/// Tells the user something, on stderr.
pub(crate) fn say(message: &str) {
    progress::line(message);
}

/// [`say`], unless it was said before.
pub(crate) fn say_once(message: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // What another thread left of the set when it panicked is good enough.
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(message.to_owned()) {
        say(message);
    }
}

/// Prints a result, on stdout. A reader that has gone away, as in `heigen list | head`, is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    match progress::aside(|| writeln!(std::io::stdout(), "{text}")) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).context("cannot write to stdout"),
        _ => Ok(()),
    }
}
