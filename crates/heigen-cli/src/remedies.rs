//! What the command line can do about an error: the flags and commands that the crates below do not know.

use heigen_store::{FileOption, Remedy, StoreError};

/// The error with its causes in one line, and behind it how to mend it on the command line.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let said = format!("{error:#}");
    let remedy = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>()?.remedy());
    match remedy {
        Some(Remedy::Give(option) | Remedy::LeaveOut(option)) => format!("{said} ({})", names(option)),
        Some(Remedy::ImageFolder) => format!("{said} by --data-dir or HEIGEN_DATA"),
        Some(Remedy::Catalogue) => {
            let joint = if said.ends_with('?') { "" } else { ";" };
            format!("{said}{joint} `heigen list` shows all")
        }
        _ => said,
    }
}

/// The option in experiment files, and its flag.
fn names(option: FileOption) -> String {
    let flag = match option {
        FileOption::LabelsPath => "--labels FILE",
        FileOption::FeaturesKey => "--features-key",
        FileOption::LabelsKey => "--labels-key",
        FileOption::LabelColumn => "--label-column",
        FileOption::Header => "--header",
    };
    format!("{flag}, or `dataset.args.{}` of an experiment", option.key())
}
