//! How results are made: reused while their stamp holds, else computed, staged and committed. Only this file decides
//! it.

use crate::LabError;
use crate::call::Call;
use crate::store::replace;
use crate::watch::{NoteKind, Product, Reason, stage};
use heigen_store::atomic::{self, Claim, Staged};
use heigen_store::record::Unusable;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time after which all machines see a new file of a folder that they share; file systems over a network keep what they know for so long.
const SEEN: Duration = Duration::from_mins(1);

/// Time between two looks at the claim of another process.
const LOOK: Duration = Duration::from_millis(50);

/// The options of making results, and of dealing with results that exist already.
#[derive(Clone, Debug)]
pub struct Making {
    /// The seed of all trainings; `None` for the seeds of the experiments.
    pub seed: Option<u64>,
    /// The file of weights that experiments with pretrained networks start from.
    pub pretrained: Option<PathBuf>,
    /// Whether the result that was asked for by name is made anew although it exists.
    pub force: bool,
    /// Losses are also evaluated every so many epochs, in addition to the experiment's own choice.
    pub eval_every: Option<usize>,
    /// Time between two saved states of a training: the most that is lost if the process is killed.
    pub checkpoint_every: Duration,
}

impl Default for Making {
    fn default() -> Self {
        Self { seed: None, pretrained: None, force: false, eval_every: None, checkpoint_every: Duration::from_secs(5) }
    }
}

/// A result that was computed and whose files do not have their final names yet.
pub(crate) struct Fresh<M> {
    pub(crate) made: M,
    /// The staged files of the result. The record is the last one, so that wherever a record stands the others are
    /// complete.
    pub(crate) staged: Vec<Staged>,
    /// The note that the watch gets once the files have their names.
    pub(crate) note: Option<NoteKind>,
}

/// How to recognise and how to make one kind of result.
pub(crate) trait Recipe {
    /// The record of a result: a description of how it was made, stored beside it.
    type Record;
    /// The result as its users get it.
    type Made;

    /// The name of the job.
    fn job(&self) -> String;
    /// The kind of result.
    fn product(&self) -> Product;
    /// The file that a message names when the result is reused.
    fn path(&self) -> PathBuf;
    /// Whether the request asked for a new result.
    fn forced(&self) -> bool;
    /// The stored record, if the origins that it names are those of a new result.
    fn standing(&self) -> Result<Self::Record, Unusable>;
    /// Whether all files that belong to the record are as they were written.
    fn check(&self, _record: &Self::Record) -> Result<(), Unusable> {
        Ok(())
    }
    /// The result that belongs to a stored record that holds.
    fn reuse(&self, record: Self::Record) -> Result<Self::Made, LabError>;
    /// Fails if the files that stand there must not be replaced.
    fn refuse(&self, _standing: &Unusable) -> Result<(), LabError> {
        Ok(())
    }
    /// Fails if the result cannot be made.
    fn prepare(&self) -> Result<(), LabError> {
        Ok(())
    }
    /// Whether the leading one of several processes makes the result by itself, while the others wait for its files: it is no sum over
    /// samples that could be shared.
    fn by_leader(&self) -> bool {
        false
    }
    /// Makes the result.
    fn make(&self) -> Result<Fresh<Self::Made>, LabError>;
    /// Files of earlier results that would contradict new ones, removed before those get their names.
    fn earlier(&self) -> Vec<PathBuf>;
    /// Called when the new files have their names: removes what was only needed on the way to them.
    fn committed(&self, _made: &Self::Made) -> Result<(), LabError> {
        Ok(())
    }
}

/// Codes of the decisions about a result, as the leading one of several processes tells them.
const REUSED: f64 = 1.0;
const MADE: f64 = 2.0;

/// The result of `recipe`: the stored one if it holds, else a new one.
///
/// Of the processes of one computation the leading one decides, claims and commits; the others make or read the same.
pub(crate) fn made<R: Recipe>(call: &Call, recipe: &R) -> Result<R::Made, LabError> {
    let (job, together) = (recipe.job(), &call.lab.together);
    if !together.leads() {
        return made_elsewhere(call, recipe);
    }
    let reused = |record| {
        // Its maker may have been killed between the last file and giving up the claim, before it had cleared up.
        let abandoned = atomic::clear_claim(&recipe.path());
        call.note(&job, NoteKind::Reused { what: recipe.product(), path: recipe.path() });
        let made = recipe.reuse(record)?;
        if abandoned {
            recipe.committed(&made)?;
        }
        Ok(made)
    };
    let standing = together.told(decided(call, recipe, &job), |record| if record.is_some() { REUSED } else { MADE })?;
    if let Some(record) = standing {
        return reused(record);
    }
    recipe.prepare()?;
    // A path that cannot be written to is reported now and not after hours of computing.
    let claim =
        atomic::check_writable(&recipe.path()).map_err(LabError::from).and_then(|()| claimed(call, recipe, &job));
    let _claim = match together.told(claim, |claim| if claim.is_err() { REUSED } else { MADE })? {
        Ok(claim) => claim,
        Err(record) => return reused(record),
    };
    let fresh = if recipe.by_leader() {
        // The others have seen the claim.
        together.meet()?;
        together.told(together.alone(|| recipe.make()), |_| MADE)
    } else {
        recipe.make().inspect_err(|error| together.part_by(error))
    };
    let Fresh { made, staged, note } = fresh?;
    // All files could be written. A result without its record counts as unfinished, so a mixture of old and new files
    // is never reused.
    let replaced = replace(&recipe.earlier(), staged).map_err(LabError::from);
    together.told(replaced.and_then(|()| recipe.committed(&made)), |()| MADE)?;
    if let Some(note) = note {
        call.note(&job, note);
    }
    Ok(made)
}

/// [`made`] for the processes that follow another: what that one decides is done, and nothing is written.
fn made_elsewhere<R: Recipe>(call: &Call, recipe: &R) -> Result<R::Made, LabError> {
    let together = &call.lab.together;
    let reused = || match recipe.standing() {
        Ok(record) => recipe.reuse(record),
        Err(_) => Err(LabError::Apart { path: recipe.path() }),
    };
    if together.heard()? == REUSED {
        return reused();
    }
    recipe.prepare()?;
    let decision = together.heard()?;
    // Another computation may have replaced files that this request has read.
    call.memo.forget(&recipe.path());
    if decision == REUSED {
        return reused();
    }
    see_claim(&recipe.path())?;
    if recipe.by_leader() {
        together.meet()?;
        // It is made, and committed.
        together.heard()?;
        together.heard()?;
        return recipe.reuse(seen(call, recipe)?);
    }
    let Fresh { made, .. } = recipe.make().inspect_err(|error| together.part_by(error))?;
    together.heard()?;
    recipe.committed(&made)?;
    Ok(made)
}

/// The record that the leading process has just written, as soon as this process sees it.
fn seen<R: Recipe>(call: &Call, recipe: &R) -> Result<R::Record, LabError> {
    let begun = Instant::now();
    loop {
        call.memo.forget(&recipe.path());
        match recipe.standing() {
            Ok(record) => return Ok(record),
            Err(_) if begun.elapsed() > SEEN => return Err(LabError::Apart { path: recipe.path() }),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

/// Fails if this process does not see the claim that the leading one has on the result: it looks into another folder. The claim lasts until
/// all have made the result.
fn see_claim(path: &Path) -> Result<(), LabError> {
    let begun = Instant::now();
    while !atomic::is_claimed(path) {
        if begun.elapsed() > SEEN {
            return Err(LabError::Apart { path: path.to_owned() });
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The stored record if it is reused; else a note says why the result is made.
fn decided<R: Recipe>(call: &Call, recipe: &R, job: &str) -> Result<Option<R::Record>, LabError> {
    let forced = recipe.forced();
    let reason = match recipe.standing() {
        Ok(_) if forced => Reason::Asked,
        Ok(record) => match recipe.check(&record) {
            Ok(()) => return Ok(Some(record)),
            Err(damage) => Reason::Damaged(damage.to_string()),
        },
        Err(_) if forced => Reason::Absent,
        Err(why) => {
            recipe.refuse(&why)?;
            if let Unusable::Missing(_) = why { Reason::Absent } else { Reason::Unusable(why) }
        }
    };
    call.note(job, NoteKind::Making { what: recipe.product(), reason });
    Ok(None)
}

/// A claim on the result, so that no other process makes it too; or its record, if another process has made it
/// meanwhile.
fn claimed<R: Recipe>(call: &Call, recipe: &R, job: &str) -> Result<Result<Claim, R::Record>, LabError> {
    let path = recipe.path();
    let (mut watch, mut said) = (call.job(job), false);
    loop {
        match atomic::claim(&path)? {
            Ok(claim) => {
                // Another process may have finished since the record was looked for, and the files that the request has
                // read may be old.
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

/// The stored record that [`made`] would reuse.
pub(crate) fn standing_record<R: Recipe>(recipe: &R) -> Option<R::Record> {
    recipe.standing().ok().filter(|record| recipe.check(record).is_ok())
}
