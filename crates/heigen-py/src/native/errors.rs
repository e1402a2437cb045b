//! Errors of the lab as exceptions of Python, with remedies in Python's words.

use heigen::curvature::{Method, SpectrumError};
use heigen_lab::{Choice, Contradiction, ImportError, LabError, Renaming, remedy_of};
use heigen_spectra::{EstimateError, Failure};
use heigen_store::foreign_text::shown;
use heigen_store::{FileOption, Remedy, StoreError};
use pyo3::prelude::*;
use pyo3::types::PyModule;
use std::error::Error;

/// An exception of a class of `heigen._errors`.
fn raised(py: Python<'_>, class: &str, text: &str) -> PyErr {
    let text = &without_memory(text);
    let made = || PyModule::import(py, "heigen._errors")?.getattr(class)?.call1((text,));
    made().map_or_else(|error| error, |value| PyErr::from_value(value))
}

/// A text in which files in memory have the names that they have in Python: X and y for samples.
fn without_memory(text: &str) -> String {
    let mut said = String::new();
    for (i, part) in text.split("memory:").enumerate() {
        if i == 0 {
            said.push_str(part);
            continue;
        }
        let end = part.find(|c: char| c.is_whitespace() || ";,()\"'".contains(c)).unwrap_or(part.len());
        let (path, rest) = part.split_at(end);
        let colon = path.ends_with(':');
        let path = path.trim_end_matches(':');
        said.push_str(match path.rsplit('_').next() {
            Some("X.npy") => "X",
            Some("y.npy") => "y",
            _ => path.split_once('/').map_or(path, |(_, below)| below),
        });
        if colon {
            said.push(':');
        }
        said.push_str(rest);
    }
    said
}

/// The exception for an argument that cannot be used.
pub(crate) fn input(py: Python<'_>, text: &str) -> PyErr {
    raised(py, "InputError", text)
}

/// The exception for a mistake of heigen's own.
pub(crate) fn internal(py: Python<'_>, text: &str) -> PyErr {
    raised(py, "InternalError", text)
}

/// The exception for an error of the lab.
pub(crate) fn of(py: Python<'_>, error: &LabError) -> PyErr {
    raised(py, class(error), &text(error))
}

/// The name of the class of exceptions that fits.
fn class(error: &LabError) -> &'static str {
    match error {
        LabError::Of { source, .. }
        | LabError::Choice { source, .. }
        | LabError::Import(ImportError::Fit { source, .. }) => class(source),
        LabError::Lost | LabError::Panicked(_) | LabError::Circle | LabError::Threads(_) | LabError::Eigen(_) => {
            "InternalError"
        }
        LabError::Memory { .. } | LabError::Import(ImportError::TooLarge { .. }) => "TooLargeError",
        LabError::Read { .. } | LabError::NoAnalysis { .. } => "FileError",
        LabError::Store(error) => match **error {
            StoreError::Read { .. } | StoreError::Write { .. } => "FileError",
            _ => "InputError",
        },
        LabError::Failure(Failure::NotFinite) | LabError::Train(_) => "NotFiniteError",
        LabError::Solver(error) => match error.downcast_ref::<SpectrumError>() {
            Some(SpectrumError::NotCertified { .. }) => "NotCertifiedError",
            Some(SpectrumError::TooLarge { .. }) => "TooLargeError",
            Some(SpectrumError::Failed(Failure::NotFinite)) => "NotFiniteError",
            None if matches!(error.downcast_ref::<Failure>(), Some(Failure::NotFinite)) => "NotFiniteError",
            None if !error.is::<EstimateError>() => "NotConvergedError",
            _ => "InputError",
        },
        _ => "InputError",
    }
}

/// The text for an error of the lab, in one line.
pub(crate) fn text(error: &LabError) -> String {
    match error {
        LabError::Of { job, source } => format!("{job}: {}", text(source)),
        LabError::Choice { part, source } => format!("{}: {}", keyword(*part), text(source)),
        LabError::CoherenceLeftOut { .. } => format!("{error}; coherence=True keeps them"),
        LabError::WeightsChanged { .. } | LabError::WeightsForeign { .. } => {
            format!("{error}; give them as weights=, move them away, or train over them: train(force=True)")
        }
        LabError::WeightsImported { .. } => format!("{error}; analyse them, or choose another folder or name"),
        LabError::Untrainable { .. } => format!("{error} (weights=)"),
        LabError::NothingToFollow { .. } => {
            format!(
                "{error}; weights= takes a folder or a list of files, or \"snapshots\" where the training kept some"
            )
        }
        LabError::NoPretrained { .. } => format!(
            "{error}: nothing is downloaded here; pretrained=\"resnet18.safetensors\" names a file with \
             torchvision.models.resnet18(weights=\"DEFAULT\").state_dict()"
        ),
        LabError::ArrayOrder { .. } => format!("{error}; analyse again with force=True"),
        LabError::NeedsWhole { .. } => format!("{error}: leave out k=, or method=\"exact\" to insist"),
        LabError::Contradiction(contradiction) => contradicting(*contradiction),
        LabError::Import(error) => import(error),
        LabError::Solver(source) => format!("{}{}", error.in_full(), solver(source.as_ref())),
        LabError::Panicked(_) | LabError::Lost => format!("{error}; please report this"),
        _ => mended(error),
    }
}

/// The advice that is added to an error of a solver that found no spectrum.
fn solver(error: &(dyn Error + Send + Sync + 'static)) -> &'static str {
    match error.downcast_ref::<SpectrumError>() {
        Some(SpectrumError::HighRank { .. }) => "; method=\"auto\" or \"dense\"",
        Some(SpectrumError::NeedsFloat64) => "; dtype=\"float64\", or method=\"dense\"",
        Some(SpectrumError::NotCertified { single: true, .. }) => "; dtype=\"float64\"",
        Some(SpectrumError::NotCertified { method: Method::Dense, .. }) => "; please report this",
        Some(SpectrumError::NotCertified { .. }) => "; try method=\"dense\", and report this",
        _ => "",
    }
}

/// The words of an error with its causes, and behind them the keyword that mends what the store or a format complains of.
fn mended(error: &LabError) -> String {
    let said = error.in_full();
    match remedy_of(error) {
        Some(Remedy::Give(option) | Remedy::LeaveOut(option)) => match named(option) {
            Some(keyword) => format!("{said} ({keyword})"),
            None => said,
        },
        Some(Remedy::ImageFolder) => format!("{said} by images= or HEIGEN_DATA"),
        Some(Remedy::Catalogue) => {
            let joint = if said.ends_with('?') { "" } else { ";" };
            format!("{said}{joint} heigen.experiments() lists all")
        }
        _ => said,
    }
}

/// The keyword for an option of files, if there is one in Python: arrays need few of them.
fn named(option: FileOption) -> Option<&'static str> {
    match option {
        FileOption::ClassNames => Some("class_names="),
        FileOption::MaxGib => Some("max_gib="),
        FileOption::WeightsKey => Some("weights_key="),
        _ => None,
    }
}

fn keyword(part: Choice) -> &'static str {
    match part {
        Choice::Layers => "layers",
        Choice::Classes => "classes",
        Choice::Samples => "samples",
        Choice::Factors => "reparameterize",
    }
}

/// The text for options that contradict each other.
fn contradicting(contradiction: Contradiction) -> String {
    match contradiction {
        Contradiction::CountOfWhole => {
            "k is for method=\"lanczos\"; the other methods find all eigenpairs anyway".to_owned()
        }
        Contradiction::EndOfWhole => {
            "which chooses among k eigenpairs; the whole spectrum has both ends: give k, or leave which out".to_owned()
        }
        Contradiction::BasisOfPart => "full_basis completes a whole spectrum; k finds a part of one".to_owned(),
        Contradiction::MatrixOfPart => {
            "matrix=True forms the matrix, which k is there to avoid; leave one of them out".to_owned()
        }
        Contradiction::Decay(decay) => format!("weight_decay is {decay}; expected a finite number"),
        Contradiction::ExactInSingle => {
            "method=\"exact\" needs dtype=\"float64\": float32 leaves too few digits".to_owned()
        }
        Contradiction::MarginOfPart => "a margin needs v_1 of a whole spectrum; leave k out".to_owned(),
    }
}

/// The text for a network that cannot be taken in.
fn import(error: &ImportError) -> String {
    match error {
        ImportError::BringsArchitecture { path } => {
            format!("{} brings its architecture and names along; give its path alone", path.display())
        }
        ImportError::NoArchitecture { path } => format!(
            "{} holds weights only; give (architecture, weights), where the architecture is a dictionary or a JSON file of \
             layers, or one of FNN, FNN_2layer, CNN, LeNet5, ResNet18",
            path.display()
        ),
        ImportError::Renaming { renaming, .. } => format!("rename={{{:?}: {:?}}}: {error}", renaming.from, renaming.to),
        ImportError::NamedTwice { name } => format!("rename gives two tensors the name {}", shown(name)),
        ImportError::LeaveOut { start, .. } => format!("leave_out={}: {error}", shown(start)),
        ImportError::Several { starts, .. } => {
            let ways: Vec<String> = starts.iter().take(4).map(|start| format!("rename={{{start:?}: \"\"}}")).collect();
            format!("{error}: {}", ways.join(", or "))
        }
        ImportError::Fit { renamings, unused, source, .. } => {
            let hint = if !unused.is_empty() {
                let names: Vec<String> = unused.iter().take(20).map(|name| format!("{name:?}")).collect();
                format!("to leave out what the architecture lacks: leave_out=[{}]", names.join(", "))
            } else if !renamings.is_empty() {
                let map = |r: &Renaming| format!("{:?}: {:?}", r.from, r.to);
                let maps: Vec<String> = renamings.iter().take(20).map(map).collect();
                format!("in the order of the tensors they would, with rename={{{}}}", maps.join(", "))
            } else {
                return format!("{error}: {}", text(source));
            };
            format!("{error} ({hint}): {}", text(source))
        }
        ImportError::LabelsOfSingleOutput { source, .. } => format!("{error}: {}", text(source)),
        ImportError::Occupied { .. } => {
            format!("{error}; name=\"folder/name\" chooses another, force=True replaces it")
        }
        _ => error.to_string(),
    }
}
