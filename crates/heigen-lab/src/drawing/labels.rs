//! Names of figures' files and of their rows.

use super::Figure;
use heigen_store::catalogue::Loaded;

/// The name of a figure's files without extension: `figure2`, followed by the experiments' names where they are not the
/// paper's; a plot's name begins with its kind, `spectrum_...`.
pub(super) fn stem(figure: &Figure, experiments: &[Loaded]) -> String {
    let names: Vec<String> = experiments.iter().map(|l| l.experiment.name.to_string()).collect();
    if figure.experiments == names {
        return figure.file();
    }
    let figure = if figure.experiments.is_empty() { figure.name.to_owned() } else { figure.file() };
    let joined = names.join("+").replace('/', "-");
    // File names have at most 255 bytes, so many experiments are named by a hash.
    if joined.len() <= 150 {
        return format!("{figure}_{joined}");
    }
    let rest = heigen_store::record::stamp(&names);
    format!("{figure}_{}-and-{}-more-{}", names[0].replace('/', "-"), names.len() - 1, &rest[..8])
}

/// The labels of the rows: the parts of the names that distinguish the experiments; the data set alone for normal
/// training.
pub(super) fn labels(experiments: &[Loaded]) -> Vec<String> {
    let folder = |loaded: &Loaded| match loaded.experiment.name.folder.as_str() {
        "gauss" => "gaussian".to_owned(),
        "half_moon" => "half moon".to_owned(),
        "hierachical" => "hierarchical".to_owned(),
        folder if folder.starts_with("gauss_checkerboard") => "checkerboard".to_owned(),
        other => other.to_owned(),
    };
    // `adversarial_init_training_c017` is labelled as the adversarial start: all rows share its classes.
    let start = |stem: &str| match stem.split_once("_training") {
        Some((start, _)) => start.replace("adverserial", "adversarial").trim_end_matches("_init").replace('_', " "),
        None => stem.replace('_', " "),
    };
    let starts: Vec<String> = experiments.iter().map(|l| start(&l.experiment.name.stem)).collect();
    let one_data_set = experiments.windows(2).all(|pair| folder(&pair[0]) == folder(&pair[1]));
    let distinct = starts.iter().enumerate().all(|(i, s)| !starts[..i].contains(s));
    let label = |(loaded, start): (&Loaded, &String)| {
        let stem = &loaded.experiment.name.stem;
        if experiments.len() > 1 && one_data_set && distinct {
            start.clone()
        } else if stem == "normal_training" || stem == "normal_training_close" {
            folder(loaded)
        } else {
            format!("{}: {}", folder(loaded), stem.replace('_', " "))
        }
    };
    experiments.iter().zip(&starts).map(label).collect()
}
