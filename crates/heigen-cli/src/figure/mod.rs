//! `heigen figure`.

mod embedding;
mod plane;
mod stored;

use crate::args::FigureArgs;
use crate::hessian::{Analysed, analysed, one_model};
use crate::progress::spinner;
use crate::session::{Session, print, say, usage};
use anyhow::Result;
use heigen_figures::{Scene, figure2, figure3, figure6};
use heigen_store::atomic;
use heigen_store::catalogue::Loaded;

/// A figure that can be drawn.
struct Figure {
    /// Its number in the paper, or its name.
    name: &'static str,
    what: &'static str,
    /// The paper's experiments.
    experiments: &'static [&'static str],
    /// How many eigenvectors, where the command line does not say.
    eigenvectors: u16,
    /// Refuses experiments that it cannot show, before anything is trained.
    check: fn(&Session, &Loaded, &str) -> Result<()>,
    draw: fn(&[Shown], &Drawing) -> Result<Scene>,
}

/// An experiment with its analysis.
struct Shown {
    loaded: Loaded,
    analysed: Analysed,
    /// What it is called beside the others.
    label: String,
}

/// How it is drawn.
struct Drawing {
    eigenvectors: usize,
    resolution: usize,
}

const FIGURES: [Figure; 4] = [
    Figure {
        name: "2",
        what: "decision boundary and maps of the alignment with v_1..v_5, for experiments on the plane",
        experiments: &["gauss/normal_training"],
        eigenvectors: 5,
        check: plane::check,
        draw: |shown, how| Ok(figure2(&plane::rows(shown, how, plane::Aside::None)?)?),
    },
    Figure {
        name: "3",
        what: "the same for three minima of one network, v_1..v_7, with eigenvalue densities and outliers",
        experiments: &["gauss/normal_training", "gauss/adversarial_init_training", "gauss/large_norm_training"],
        eigenvectors: 7,
        check: plane::check,
        draw: |shown, how| Ok(figure3(&plane::rows(shown, how, plane::Aside::Density)?)?),
    },
    Figure {
        name: "6",
        what: "t-SNE of the training images by class and by alignment with v_1..v_5, with eigenvalue densities",
        experiments: &["mnist2D/normal_training_c017", "mnist2D/adversarial_init_training_c017"],
        eigenvectors: 5,
        check: embedding::check,
        draw: |shown, how| Ok(figure6(&embedding::rows(shown, how)?)?),
    },
    Figure {
        name: "extra",
        what: "the row of Figure 2 for five data sets",
        experiments: &[
            "gauss/normal_training",
            "circle/normal_training",
            "half_moon/normal_training",
            "hierachical/normal_training",
            "gauss_checkerboard_linear/normal_training_close",
        ],
        eigenvectors: 5,
        check: plane::check,
        draw: |shown, how| Ok(figure2(&plane::rows(shown, how, plane::Aside::None)?)?),
    },
];

pub(crate) fn run(args: &FigureArgs) -> Result<()> {
    if args.list {
        return FIGURES
            .iter()
            .try_for_each(|f| print(&format!("{:6} {}\n       {}", f.name, f.what, f.experiments.join(" "))));
    }
    let Some(figure) = args.figure.as_ref().and_then(|name| FIGURES.iter().find(|f| f.name == *name)) else {
        let names = FIGURES.map(|f| f.name).join(", ");
        match &args.figure {
            Some(name) => usage(&format!("there is no figure {name}; there are {names} (heigen figure --list)")),
            None => usage(&format!("which figure? There are {names} (heigen figure --list)")),
        }
    };
    let session = Session::new(&args.common)?;
    let experiments = session.load(&args.names, figure.experiments, &format!("figure {}", figure.name))?;
    one_model(&args.analysing, &experiments);
    experiments.iter().try_for_each(|loaded| (figure.check)(&session, loaded, figure.name))?;
    let stem = stem(figure, &experiments);
    let path = |extension: &str| args.figures.join(format!("{stem}.{extension}"));
    // Better now than after hours.
    atomic::check_writable(&path("svg"))?;
    let labels = labels(&experiments);
    let mut shown = Vec::new();
    for (loaded, label) in experiments.into_iter().zip(labels) {
        let analysed = analysed(&session, &loaded, &args.analysing)?;
        if session.json {
            print(&serde_json::to_string(&analysed.record)?)?;
        }
        shown.push(Shown { loaded, analysed, label });
    }
    let how = Drawing {
        eigenvectors: args.eigenvectors.unwrap_or(figure.eigenvectors).into(),
        resolution: args.resolution.into(),
    };
    let drawing = spinner("drawing");
    let rendered = (figure.draw)(&shown, &how).and_then(|scene| Ok(heigen_figures::render(&scene)?));
    drawing.finish_and_clear();
    let rendered = rendered?;
    let pieces = [("svg", rendered.svg.as_bytes()), ("pdf", &rendered.pdf[..]), ("png", &rendered.png[..])];
    let staged = pieces.map(|(extension, bytes)| atomic::stage_with(&path(extension), |file| file.write_all(bytes)));
    for (staged, (extension, _)) in staged.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().zip(pieces) {
        staged.commit()?;
        let drawn = path(extension).display().to_string();
        if session.json { say(&format!("drew {drawn}")) } else { print(&drawn)? }
    }
    Ok(())
}

/// `figure2`, or with the experiments' names behind where they are not the paper's.
fn stem(figure: &Figure, experiments: &[Loaded]) -> String {
    let names: Vec<String> = experiments.iter().map(|l| l.experiment.name.to_string()).collect();
    let figure = if figure.experiments == names {
        return format!("figure{}", figure.name);
    } else {
        figure.name
    };
    let joined = names.join("+").replace('/', "-");
    // File systems take 255 bytes.
    if joined.len() <= 150 {
        return format!("figure{figure}_{joined}");
    }
    let rest = heigen_store::record::stamp(&names);
    format!("figure{figure}_{}-and-{}-more-{}", names[0].replace('/', "-"), names.len() - 1, &rest[..8])
}

/// Names of the rows: what distinguishes the experiments; the data set alone for normal training.
fn labels(experiments: &[Loaded]) -> Vec<String> {
    let folder = |loaded: &Loaded| match loaded.experiment.name.folder.as_str() {
        "gauss" => "gaussian".to_owned(),
        "half_moon" => "half moon".to_owned(),
        "hierachical" => "hierarchical".to_owned(),
        folder if folder.starts_with("gauss_checkerboard") => "checkerboard".to_owned(),
        other => other.to_owned(),
    };
    // `adversarial_init_training_c017` is the adversarial start, of classes that all of them share.
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
