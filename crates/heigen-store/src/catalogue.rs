//! Experiment files: the ones shipped inside the program, and any on disk.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use heigen::config::{Experiment, ExperimentName, KnownExperiments, Start, nearest, why_it_cannot_run};
use include_dir::{Dir, include_dir};

use crate::{StoreError, files};

static CONFIGS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/experiments");

static NAMES: LazyLock<Vec<ExperimentName>> = LazyLock::new(|| {
    let files = CONFIGS.dirs().flat_map(Dir::files).filter_map(|file| file.path().to_str());
    let mut names: Vec<ExperimentName> =
        files.filter_map(|path| path.replace('\\', "/").strip_suffix(".json")?.parse().ok()).collect();
    names.sort();
    names
});

/// Largest experiment file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Where an experiment file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Inside the program.
    Shipped,
    /// At this canonical path.
    File(PathBuf),
}

/// An experiment as read from its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The checked experiment.
    pub experiment: Experiment,
    /// Remarks on values that were resolved or have no effect, in whole sentences.
    pub notes: Vec<String>,
    /// Where the file stands.
    pub origin: Origin,
}

/// The names of the shipped experiments in alphabetical order.
pub fn names() -> &'static [ExperimentName] {
    &NAMES
}

/// The experiment that a user means by `arg`.
///
/// An existing file of that path comes first; its experiment is named after its last folder and its name. Else the
/// shipped experiment `<folder>/<name>`, also with `.json` behind or `configs/` before it.
///
/// # Errors
/// [`StoreError::UnknownExperiment`] with the nearest names, [`StoreError::Read`], or what the parser refuses.
pub fn load(arg: &str) -> Result<Loaded, StoreError> {
    let path = Path::new(arg);
    if files::is_file(path) { load_file(path) } else { load_shipped(arg) }
}

/// The experiments whose trained models `loaded` starts from, the first to train first.
///
/// A start named in a file on disk is looked for beside that file's folder, then in the catalogue.
///
/// # Errors
/// [`StoreError::Cycle`] if experiments start from one another, and the errors of [`load`].
pub fn chain(loaded: &Loaded) -> Result<Vec<Loaded>, StoreError> {
    let mut seen = vec![loaded.experiment.name.clone()];
    let mut starts: Vec<Loaded> = Vec::new();
    loop {
        let last = starts.last().unwrap_or(loaded);
        let (Start::Trained(name) | Start::LargeNorm(name)) = &last.experiment.start else {
            starts.reverse();
            return Ok(starts);
        };
        let met = seen.iter().position(|earlier| earlier == name);
        seen.push(name.clone());
        if let Some(first) = met {
            return Err(StoreError::Cycle { names: seen[first..].iter().map(ToString::to_string).collect() });
        }
        let beside = match &last.origin {
            Origin::File(path) => Some(Beside::new(path).path(name)).filter(|path| files::is_file(path)),
            Origin::Shipped => None,
        };
        let start = match beside {
            Some(path) => load_file(&path)?,
            None => load_shipped(&name.to_string())?,
        };
        starts.push(start);
    }
}

/// The reason why `loaded` can never run, in one sentence: its data set, or that of a model it starts from, has no
/// definition. None if it can run.
///
/// # Errors
/// As [`chain`].
pub fn why_not(loaded: &Loaded) -> Result<Option<String>, StoreError> {
    let starts = chain(loaded)?;
    Ok(why_it_cannot_run(&loaded.experiment, starts.iter().map(|start| &start.experiment)))
}

fn load_shipped(arg: &str) -> Result<Loaded, StoreError> {
    let plain = arg.strip_prefix("./").unwrap_or(arg);
    let plain = plain.strip_prefix("configs/").unwrap_or(plain);
    let plain = plain.strip_suffix(".json").unwrap_or(plain);
    let found = plain.parse::<ExperimentName>().ok().filter(|name| NAMES.contains(name));
    let text = found.as_ref().and_then(|name| CONFIGS.get_file(format!("{name}.json"))?.contents_utf8());
    let (Some(name), Some(text)) = (found, text) else {
        return Err(StoreError::UnknownExperiment { arg: arg.to_owned(), nearest: suggestions(plain) });
    };
    let origin = format!("configs/{name}.json");
    let parsed = Experiment::parse(text, name, &origin, &*NAMES)?;
    Ok(Loaded { experiment: parsed.experiment, notes: parsed.notes, origin: Origin::Shipped })
}

/// The experiments of a folder if `plain` names one, else the names that `plain` resembles.
fn suggestions(plain: &str) -> Vec<String> {
    let folder = plain.trim_end_matches('/');
    let inside: Vec<String> =
        NAMES.iter().filter(|name| name.folder == folder).take(5).map(ToString::to_string).collect();
    if !inside.is_empty() {
        return inside;
    }
    let all: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    nearest(plain, all.iter().map(String::as_str), 3)
}

fn load_file(path: &Path) -> Result<Loaded, StoreError> {
    let canonical = files::canonicalize(path).map_err(|e| StoreError::read(path, e))?;
    let name = name_of(&canonical)?;
    let size = files::length(&canonical).map_err(|e| StoreError::read(path, e))?;
    let refused = |found: String| StoreError::NoExperiment { path: path.to_owned(), found };
    if size > MAX_FILE {
        return Err(refused(format!("{size} bytes long")));
    }
    let bytes = files::read(&canonical).map_err(|e| StoreError::read(path, e))?;
    let text = String::from_utf8(bytes).map_err(|e| {
        refused(format!("not text in UTF-8 (the first wrong byte is number {})", e.utf8_error().valid_up_to()))
    })?;
    let parsed = Experiment::parse(&text, name, &path.display().to_string(), &Beside::new(&canonical))?;
    Ok(Loaded { experiment: parsed.experiment, notes: parsed.notes, origin: Origin::File(canonical) })
}

/// Last folder and name without `.json` of a canonical path.
fn name_of(canonical: &Path) -> Result<ExperimentName, StoreError> {
    let part = |part: Option<&std::ffi::OsStr>| part.map_or(String::new(), |p| p.to_string_lossy().into_owned());
    let file = part(canonical.file_name());
    let stem = file.strip_suffix(".json").unwrap_or(&file);
    Ok(ExperimentName::new(part(canonical.parent().and_then(Path::file_name)), stem)?)
}

/// The experiments that a file on disk may start from: those beside its folder, and the shipped ones.
struct Beside {
    root: PathBuf,
}

impl Beside {
    /// `canonical` is the path of the file that names the start.
    fn new(canonical: &Path) -> Self {
        Self { root: canonical.parent().and_then(Path::parent).unwrap_or(canonical).to_owned() }
    }

    fn path(&self, name: &ExperimentName) -> PathBuf {
        self.root.join(&name.folder).join(format!("{}.json", name.stem))
    }
}

impl KnownExperiments for Beside {
    fn contains(&self, name: &ExperimentName) -> bool {
        files::is_file(&self.path(name)) || NAMES.contains(name)
    }

    fn names(&self) -> Vec<ExperimentName> {
        NAMES.clone()
    }
}
