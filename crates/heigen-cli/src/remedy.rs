//! Errors of the lab as text, with remedies in terms of the command line.

use heigen::curvature::{Method, SpectrumError};
use heigen_lab::{Choice, Contradiction, ImportError, LabError, Renaming, remedy_of};
use heigen_store::foreign_text::{escaped, shown};
use heigen_store::{FileOption, Remedy};
use std::error::Error;

/// The text for an error of a command, in one line.
pub(crate) fn of(error: &anyhow::Error) -> String {
    error.downcast_ref::<LabError>().map_or_else(|| mended(format!("{error:#}"), error.as_ref()), text)
}

/// The text for an error of the lab, in one line.
pub(crate) fn text(error: &LabError) -> String {
    match error {
        LabError::Of { job, source } => format!("{job}: {}", text(source)),
        LabError::Shared(error) => text(error),
        LabError::Choice { part, source } => format!("{}: {}", option_of(*part), text(source)),
        LabError::CoherenceLeftOut { .. } => {
            format!("{error}; --coherence of `heigen hessian` and `heigen analyze` stores them")
        }
        LabError::WeightsChanged { name, .. } | LabError::WeightsForeign { name, .. } => {
            format!("{error}; analyse it with --model, move it away, or train over it: heigen train {name} --force")
        }
        LabError::WeightsImported { path } => format!(
            "{} are weights that `heigen analyze` was given, and no training makes them again; give them by --model, or \
             move them away",
            path.display()
        ),
        LabError::NothingToFollow { .. } => {
            format!(
                "{error}; set `trainer.how_often_save_model` and train again for --snapshots, or name files by --weights"
            )
        }
        LabError::Untrainable { .. } => format!("{error} (--model FILE); set it to \"batch\" to train"),
        LabError::NoPretrained { name } => format!(
            "{name} starts from a ResNet18 pretrained on ImageNet, and nothing is downloaded here: give its weights by \
             --pretrained FILE, which python -c \"import torchvision, safetensors.torch as s; \
             s.save_file(torchvision.models.resnet18(weights='DEFAULT').state_dict(), 'resnet18.safetensors')\" writes, \
             or set `model.args.pretrained` to false in an experiment of your own"
        ),
        LabError::ArrayOrder { .. } => format!("{error}; analyse again with --force"),
        LabError::VariedMargin { .. } => {
            format!("{error}; leave --classes, --reparameterize, --model and --dtype out")
        }
        LabError::Contradiction(contradiction) => contradicting(*contradiction),
        LabError::Import(error) => import(error),
        LabError::Solver(source) => format!("{error}{}", solver(source.as_ref())),
        _ => mended(error.in_full(), error),
    }
}

/// The advice that is added to an error of a solver that found no spectrum.
fn solver(error: &(dyn Error + Send + Sync + 'static)) -> &'static str {
    match error.downcast_ref::<SpectrumError>() {
        Some(SpectrumError::HighRank { .. }) => "; use --method auto or dense",
        Some(SpectrumError::NeedsFloat64) => "; use --dtype float64, or --method dense",
        Some(SpectrumError::NotCertified { single: true, .. }) => "; use --dtype float64",
        Some(SpectrumError::NotCertified { method: Method::Dense, .. }) => "; please report this",
        Some(SpectrumError::NotCertified { .. }) => "; try --method dense, and report this",
        _ => "",
    }
}

/// The words of an error with its causes, and behind them the option or command that mends what the store or a format
/// complains of.
fn mended(said: String, error: &(dyn Error + 'static)) -> String {
    match remedy_of(error) {
        Some(Remedy::Give(option) | Remedy::LeaveOut(option)) => format!("{said} ({})", names(option)),
        Some(Remedy::ImageFolder) => format!("{said} by --data-dir or HEIGEN_DATA"),
        Some(Remedy::Catalogue) => {
            let joint = if said.ends_with('?') { "" } else { ";" };
            format!("{said}{joint} `heigen list` shows all")
        }
        _ => said,
    }
}

/// The name of the option in experiment files, and its flag on the command line.
fn names(option: FileOption) -> String {
    let flag = match option {
        FileOption::LabelsPath => "--labels FILE",
        FileOption::FeaturesKey => "--features-key",
        FileOption::LabelsKey => "--labels-key",
        FileOption::LabelColumn => "--label-column",
        FileOption::Header => "--header",
        FileOption::Drop => "--drop",
        FileOption::ClassNames => "--class-names",
        FileOption::MaxGib => "--max-gib",
        FileOption::WeightsKey => return "--weights-key".to_owned(),
    };
    format!("{flag}, or `dataset.args.{}` of an experiment", option.key())
}

fn option_of(part: Choice) -> &'static str {
    match part {
        Choice::Layers => "--layers",
        Choice::Classes => "--classes",
        Choice::Samples => "--samples",
        Choice::Factors => "--reparameterize",
    }
}

/// The text for options that contradict each other.
pub(crate) fn contradicting(contradiction: Contradiction) -> String {
    match contradiction {
        Contradiction::CountOfWhole => {
            "--top-k is for --method lanczos; the other ways find all eigenpairs anyway".to_owned()
        }
        Contradiction::EndOfWhole => {
            "--which chooses among the eigenpairs of --top-k; the whole spectrum has both ends".to_owned()
        }
        Contradiction::BasisOfPart => "--full-basis completes a whole spectrum; --top-k finds a part of one".to_owned(),
        Contradiction::MatrixOfPart => {
            "--save-hessian forms the matrix, which --top-k is there to avoid; leave one of them out".to_owned()
        }
        Contradiction::Decay(decay) => format!("--weight-decay is {decay}; expected a finite number"),
        Contradiction::ExactInSingle => {
            "--method exact needs --dtype float64: float32 leaves too few digits".to_owned()
        }
        Contradiction::MarginOfPart => {
            "--margin needs v_1 of a whole spectrum; leave out --margin or --top-k".to_owned()
        }
    }
}

/// A word as the shell takes it: between apostrophes unless it is plain.
fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_alphanumeric() || "_-./:@+".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", escaped(word, &[]).replace('\'', "'\\''")) }
}

/// Words and an option behind them, which is left out if it is too long to be copied.
fn brief(words: &str, option: &str) -> String {
    const LONGEST: usize = 1000;
    let shown = if option.len() > LONGEST { option.split_whitespace().next().unwrap_or_default() } else { option };
    format!("{words} {shown}")
}

/// The text for a network from elsewhere that cannot be taken in.
fn import(error: &ImportError) -> String {
    match error {
        ImportError::BringsArchitecture { path } => {
            format!(
                "{} brings its architecture and names along; leave out --arch, --map and --leave-out",
                path.display()
            )
        }
        ImportError::NoArchitecture { path } => format!(
            "{} holds weights only; say what network they belong to by --arch: a JSON file of its layers, or FNN, \
             FNN_2layer, CNN, LeNet5, ResNet18 (or export the network as ONNX)",
            path.display()
        ),
        ImportError::Renaming { renaming, .. } => format!("--map {}={}: {error}", renaming.from, renaming.to),
        ImportError::NamedTwice { name } => format!("--map gives two tensors the name {}", shown(name)),
        ImportError::LeaveOut { start, .. } => format!("--leave-out {}: {error}", shown(start)),
        ImportError::Several { starts, .. } => {
            let ways: Vec<String> = starts.iter().take(4).map(|start| format!("--map {}=", quoted(start))).collect();
            format!("{error}: {}", ways.join(", or "))
        }
        ImportError::NoTensor { arch, tensor, reference } => {
            let whose = if *reference { "the reference's" } else { "its" };
            format!("--arch {arch}: the weights have no {tensor}; expected {whose} names (--map renames)")
        }
        ImportError::Architecture { arch, source, .. } => format!(
            "--arch {arch} is neither FNN, FNN_2layer, CNN, LeNet5 or ResNet18 nor a file that can be read; \
             a file lists the layers, see `heigen analyze --help`: {source}"
        ),
        ImportError::LastLayer { arch, last } => {
            format!("--arch {arch}: the last layer is {last}; expected linear, one output for each class")
        }
        ImportError::NoLogProbabilities { model } => format!(
            "--loss nll takes log-probabilities, and the outputs of {} are none; cross_entropy takes logits",
            model.display()
        ),
        ImportError::Fit { model, renamings, unused, source, .. } => {
            // An ONNX file has its own names, so renamings are no remedy for it.
            let renames = !model.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"));
            let hint = if !unused.is_empty() && renames {
                let names: Vec<String> = unused.iter().map(|name| quoted(name)).collect();
                brief("to leave out what the architecture lacks, add", &format!("--leave-out {}", names.join(",")))
            } else if !renamings.is_empty() && renames {
                let map = |r: &Renaming| format!("--map {}={}", quoted(&r.from), quoted(&r.to));
                let maps: Vec<String> = renamings.iter().map(map).collect();
                brief("in the order of the file they would, with", &maps.join(" "))
            } else if renames {
                "--map FROM=TO renames tensors, --leave-out START leaves some out".to_owned()
            } else {
                return format!("{error}: {}", text(source));
            };
            format!("{error} ({hint}): {}", text(source))
        }
        ImportError::LabelsOfSingleOutput { source, .. } => format!("{error}: {}", text(source)),
        ImportError::Occupied { .. } => {
            format!("{error}; choose another name by --name FOLDER/NAME, or --force to replace it")
        }
        _ => error.to_string(),
    }
}
