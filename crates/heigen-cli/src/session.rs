//! Turns raw arguments into a session: the lab and everything else that all commands work with.

use crate::args::{AnalyzeArgs, Common, ExploreArgs, Names, ReproduceArgs};
use crate::bars;
use crate::face::Face;
use crate::machine::{memory_limit, processor};
use anyhow::{Context, Result};
use clap::error::ErrorKind;
use heigen_lab::{Lab, LabOptions, Making, Store};
use heigen_spectra::Communicator;
use heigen_store::catalogue::{self, Loaded};
use heigen_store::foreign_text::escaped;
use heigen_store::{StoreError, files};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The lab, and the options that all commands share.
pub(crate) struct Session {
    pub(crate) lab: Lab,
    pub(crate) face: Face,
    pub(crate) store: Store,
    pub(crate) making: Making,
    pub(crate) json: bool,
}

impl Session {
    pub(crate) fn new(common: &Common) -> Result<Self> {
        let making = Making {
            seed: common.seed,
            pretrained: common.pretrained.clone(),
            force: common.force,
            eval_every: common.eval_every.map(|n| n as usize),
            checkpoint_every: Duration::from_secs_f64(common.checkpoint_every),
        };
        Ok(Self {
            lab: lab(&common.data.data_dir, common.threads)?,
            face: Face::new(),
            store: Store::folder(&common.results),
            making,
            json: common.json,
        })
    }

    /// The session of a reproduction. Among its many tasks nobody is there to read which results were reused.
    pub(crate) fn of_reproduction(args: &ReproduceArgs) -> Result<Self> {
        let making = Making { checkpoint_every: Duration::from_secs_f64(args.checkpoint_every), ..Making::default() };
        Ok(Self {
            lab: lab(&args.data.data_dir, args.threads)?,
            face: Face::silent_of_reuse(),
            store: Store::folder(&args.results),
            making,
            json: args.json,
        })
    }

    /// The session of a study. Its network is given, so nothing is trained.
    pub(crate) fn of_study(args: &AnalyzeArgs) -> Result<Self> {
        Ok(Self {
            lab: lab(Path::new("data"), args.threads)?,
            face: Face::of_study(),
            store: Store::folder(&args.results),
            making: Making { force: args.force, ..Making::default() },
            json: args.json,
        })
    }

    /// The session of an exploration.
    pub(crate) fn of_exploration(args: &ExploreArgs) -> Result<Self> {
        Ok(Self {
            lab: lab(&args.images.data_dir, args.threads)?,
            face: Face::silent_of_reuse(),
            store: Store::folder(&args.results),
            making: Making::default(),
            json: false,
        })
    }

    /// Loads the experiments that `names` lists. All are loaded before any work begins, so that a wrong name is found
    /// at once.
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

    /// Loads the experiment that `arg` names.
    pub(crate) fn load_one(&self, arg: &str) -> Result<Loaded> {
        let mut loaded = match catalogue::load(arg) {
            Err(unknown @ StoreError::UnknownExperiment { .. }) => self.taken_in(arg).ok_or(unknown)?,
            found => found?,
        };
        loaded.experiment.seed = self.making.seed.unwrap_or(loaded.experiment.seed);
        if let Some(why) = catalogue::why_not(&loaded)? {
            anyhow::bail!("{why}");
        }
        for note in &loaded.notes {
            say(&format!("{}: note: {note}", loaded.experiment.name));
        }
        Ok(loaded)
    }
}

impl Session {
    /// The experiment of a name that a network from elsewhere was taken in under, in the folder of the results.
    fn taken_in(&self, arg: &str) -> Option<Loaded> {
        let path = self.store.of(&arg.parse().ok()?).ok()?.experiment();
        if files::is_file(&path) { catalogue::load(&path.display().to_string()).ok() } else { None }
    }
}

/// The parts of a command that the processes of a computation share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// The sums over samples; the process of rank 0 writes.
    Sums,
    /// Whole tasks, whose results each process writes.
    Tasks,
}

/// The connection with the other processes of the computation, where there are any.
static TOGETHER: OnceLock<(Arc<dyn Communicator>, Shared)> = OnceLock::new();

/// Makes this process one of several that run the same command together.
pub(crate) fn join(communicator: Arc<dyn Communicator>, shared: Shared) {
    if communicator.rank() > 0 && shared == Shared::Sums {
        files::leave_writing_to_another();
    }
    // A process joins once; the first connection stays.
    let _ = TOGETHER.set((communicator, shared));
}

/// Makes the lab for one command.
pub(crate) fn lab(images: &Path, threads: u16) -> Result<Lab> {
    let images = images.to_owned();
    let options = LabOptions { images, threads: threads.into(), memory: memory_limit(), machine: processor() };
    let lab = Lab::new(options)?;
    Ok(match TOGETHER.get() {
        Some((communicator, Shared::Sums)) => lab.among(Arc::clone(communicator))?,
        Some((communicator, Shared::Tasks)) => lab.dealing(Arc::clone(communicator)),
        None => lab,
    })
}

/// Refuses a weights file for several experiments: such a file belongs to one experiment.
pub(crate) fn one_model(model: Option<&Path>, experiments: &[Loaded]) {
    if model.is_some() && experiments.len() > 1 {
        usage(&format!(
            "--model gives the weights of one experiment, but {} are named; run them one by one",
            experiments.len()
        ));
    }
}

/// Prints a usage error and ends the process with exit code 2.
pub(crate) fn usage(message: &str) -> ! {
    let error = clap::Error::raw(ErrorKind::MissingRequiredArgument, format!("{message}\n"));
    if bars::silent() { std::process::exit(error.exit_code()) } else { error.exit() }
}

/// Tells the user something on stderr.
pub(crate) fn say(message: &str) {
    bars::line(message);
}

/// Like [`say`], but a message that was said before is not repeated.
pub(crate) fn say_once(message: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    // If another thread panicked while it held the set, the set as that thread left it is good enough.
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(message.to_owned()) {
        say(message);
    }
}

/// Prints a result on stdout. It is no error if the reader has gone away, as in `heigen list | head`.
pub(crate) fn print(text: &str) -> Result<()> {
    if bars::silent() {
        return Ok(());
    }
    // In JSON the codes of characters are what the characters themselves are.
    let text = escaped(text, &['\n', '\t']);
    match bars::aside(|| writeln!(std::io::stdout(), "{text}")) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).context("cannot write to stdout"),
        _ => Ok(()),
    }
}
