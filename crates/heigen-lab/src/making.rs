//! How results come about: reused while their stamp holds, else made, staged and committed. The only place that decides it.

use crate::LabError;
use crate::call::Call;
use crate::store::replace;
use crate::watch::{NoteKind, Product, Reason, stage};
use heigen_store::atomic::{self, Claim, Staged};
use heigen_store::record::Unusable;
use std::path::PathBuf;
use std::time::Duration;

/// Time between two looks at another process's claim.
const LOOK: Duration = Duration::from_millis(50);

/// How a request makes what it needs, and what it does with results that stand already.
#[derive(Clone, Debug)]
pub struct Making {
    /// Seed of all trainings, in place of the experiments'.
    pub seed: Option<u64>,
    /// Weights that experiments with pretrained networks start from.
    pub pretrained: Option<PathBuf>,
    /// Makes anew what was asked for by name although it stands.
    pub force: bool,
    /// Makes an analysis anew whose arrays are damaged, instead of refusing it.
    pub replace_damaged: bool,
    /// Evaluates losses every so many epochs, beside the experiment's own.
    pub eval_every: Option<usize>,
    /// How often the state of a training is saved: what a kill costs at most.
    pub checkpoint_every: Duration,
}

impl Default for Making {
    fn default() -> Self {
        Self {
            seed: None,
            pretrained: None,
            force: false,
            replace_damaged: false,
            eval_every: None,
            checkpoint_every: Duration::from_secs(5),
        }
    }
}

/// A result that was made and has no name yet.
pub(crate) struct Fresh<M> {
    pub(crate) made: M,
    /// Its files, that of the record last: where the record stands, the others are complete.
    pub(crate) staged: Vec<Staged>,
    /// The note that is given once it stands.
    pub(crate) note: Option<NoteKind>,
}

/// How one result is recognised, and made.
pub(crate) trait Recipe {
    /// A description of how a result came about, as it is stored beside it.
    type Record;
    /// The result with what its users need.
    type Made;

    /// The name of the job.
    fn job(&self) -> String;
    /// The kind of result.
    fn product(&self) -> Product;
    /// The file that is named when the result is reused.
    fn path(&self) -> PathBuf;
    /// Whether a new result was asked for.
    fn forced(&self) -> bool;
    /// The record that stands, if it was made from the same as a new one would be.
    fn standing(&self) -> Result<Self::Record, Unusable>;
    /// Whether all files that belong to the record are whole.
    fn check(&self, _record: &Self::Record) -> Result<(), LabError> {
        Ok(())
    }
    /// The result of a record that stands and holds.
    fn reuse(&self, record: Self::Record) -> Result<Self::Made, LabError>;
    /// Refuses to replace what stands there.
    fn refuse(&self, _standing: &Unusable) -> Result<(), LabError> {
        Ok(())
    }
    /// Refuses to make what cannot be made.
    fn prepare(&self) -> Result<(), LabError> {
        Ok(())
    }
    /// Makes the result.
    fn make(&self) -> Result<Fresh<Self::Made>, LabError>;
    /// Files of earlier results that would contradict new ones, removed before those get their names.
    fn earlier(&self) -> Vec<PathBuf>;
    /// After the new files have their names.
    fn committed(&self, _made: &Self::Made) -> Result<(), LabError> {
        Ok(())
    }
}

/// The result of `recipe`: the one that stands if it holds, else a new one.
pub(crate) fn made<R: Recipe>(call: &Call, recipe: &R) -> Result<R::Made, LabError> {
    let (job, forced) = (recipe.job(), recipe.forced());
    let reason = match recipe.standing() {
        Ok(_) if forced => Reason::Asked,
        Ok(record) => match recipe.check(&record) {
            Ok(()) => {
                call.note(&job, NoteKind::Reused { what: recipe.product(), path: recipe.path() });
                return recipe.reuse(record);
            }
            Err(_) if call.making.replace_damaged => Reason::Damaged,
            Err(damage) => return Err(damage),
        },
        Err(_) if forced => Reason::Absent,
        Err(why) => {
            recipe.refuse(&why)?;
            if let Unusable::Missing(_) = why { Reason::Absent } else { Reason::Unusable(why) }
        }
    };
    call.note(&job, NoteKind::Making { what: recipe.product(), reason });
    recipe.prepare()?;
    // Better now than after hours.
    atomic::check_writable(&recipe.path())?;
    let _claim = match claimed(call, recipe, &job)? {
        Ok(claim) => claim,
        Err(record) => {
            call.note(&job, NoteKind::Reused { what: recipe.product(), path: recipe.path() });
            return recipe.reuse(record);
        }
    };
    let Fresh { made, staged, note } = recipe.make()?;
    // Everything could be written. Without its record a result counts as unfinished, so nothing is reused from a mixture.
    replace(&recipe.earlier(), staged)?;
    recipe.committed(&made)?;
    if let Some(note) = note {
        call.note(&job, note);
    }
    Ok(made)
}

/// A claim on the result, so that no other process makes it, too; or the record of the one that another has made meanwhile.
fn claimed<R: Recipe>(call: &Call, recipe: &R, job: &str) -> Result<Result<Claim, R::Record>, LabError> {
    let path = recipe.path();
    let (mut watch, mut said) = (call.job(job), false);
    loop {
        match atomic::claim(&path)? {
            Ok(claim) => {
                // Another may have finished since the record was looked for; files that the request knows may be old.
                call.memo.forget(&path);
                let record = if recipe.forced() { None } else { standing_record(recipe) };
                return Ok(record.map_or(Ok(claim), Err));
            }
            Err(mut other) => {
                while other.look() {
                    if other.is_alive() && !said {
                        call.note(job, NoteKind::Waiting { path: path.clone() });
                        said = true;
                    }
                    watch.begin(stage::WAITING)?;
                    std::thread::sleep(LOOK);
                }
            }
        }
    }
}

/// The record that [`made`] would reuse.
pub(crate) fn standing_record<R: Recipe>(recipe: &R) -> Option<R::Record> {
    recipe.standing().ok().filter(|record| recipe.check(record).is_ok())
}
