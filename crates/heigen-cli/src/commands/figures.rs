//! The commands `heigen figure` and `heigen plot`.

use super::spectrum::json;
use crate::args::{DrawArgs, FigureArgs, PlotArgs};
use crate::session::{Session, one_model, print, say, usage};
use anyhow::Result;
use heigen_lab::{Drawing, FIGURES, Figure, FigureRequest, PLOTS, Parts, figure_names, find_figure};
use heigen_store::catalogue::Loaded;

pub(crate) fn run(args: &FigureArgs) -> Result<()> {
    if args.list {
        return FIGURES
            .iter()
            .try_for_each(|f| print(&format!("{:6} {}\n       {}", f.name, f.what, f.experiments.join(" "))));
    }
    let Some(figure) = args.figure.as_deref().and_then(find_figure) else {
        let names = figure_names(&FIGURES);
        match &args.figure {
            Some(name) => usage(&format!("there is no figure {name}; there are {names} (heigen figure --list)")),
            None => usage(&format!("which figure? There are {names} (heigen figure --list)")),
        }
    };
    let session = Session::new(&args.draw.common)?;
    let experiments = session.load(&args.draw.names, figure.experiments, &format!("figure {}", figure.name))?;
    draw_all(&session, figure, experiments, &args.draw)
}

/// Runs `heigen plot`.
pub(crate) fn run_plot(args: &PlotArgs) -> Result<()> {
    if args.list {
        // Only maps on the plane have options of their own.
        let options = |f: &Figure| if f.name == "planes" { "; --vectors, --reconstructed" } else { "" };
        return PLOTS.iter().try_for_each(|f| print(&format!("{:16} {}{}", f.name, f.what, options(f))));
    }
    let Some(figure) = PLOTS.iter().find(|f| args.kind.as_deref() == Some(f.name)) else {
        let names = figure_names(&PLOTS);
        match &args.kind {
            Some(kind) => usage(&format!("there is no plot {kind}; there are {names} (heigen plot --list)")),
            None => usage(&format!("which plot? There are {names} (heigen plot --list)")),
        }
    };
    let session = Session::new(&args.draw.common)?;
    let experiments = session.load(&args.draw.names, &[], &format!("plot {}", figure.name))?;
    draw_all(&session, figure, experiments, &args.draw)
}

fn draw_all(session: &Session, figure: &'static Figure, experiments: Vec<Loaded>, args: &DrawArgs) -> Result<()> {
    one_model(args.analysing.model.as_deref(), &experiments);
    let drawing = Drawing {
        eigenvectors: args.eigenvectors.map(usize::from).or(figure.eigenvectors),
        resolution: args.resolution.into(),
        vectors: args.vectors.vectors(),
        reconstructed: args.reconstructed,
        individual_bars: args.individual_bars,
        classes: args.classes.clone(),
        reparameterize: args.reparameterize,
        weight_decay: args.penalty.weight_decay,
        decay_only: args.penalty.decay_only.clone(),
        label_smoothing: args.penalty.label_smoothing,
        loss_args: args.penalty.loss_args(),
    };
    let pictures = if figure.each { experiments.into_iter().map(|e| vec![e]).collect() } else { vec![experiments] };
    for experiments in pictures {
        let request = FigureRequest {
            store: session.store.clone(),
            figure,
            experiments,
            how: args.analysing.how(),
            parts: Parts::default(),
            drawing: drawing.clone(),
            asked: None,
            folder: args.figures.clone(),
            making: session.making.clone(),
        };
        let drawn = session.lab.draw(&request, &session.face)?;
        session.face.clear();
        if session.json {
            drawn.analyses.into_iter().try_for_each(|summary| print(&json(summary)?))?;
        }
        for path in &drawn.paths {
            let path = path.display().to_string();
            if session.json { say(&format!("drew {path}")) } else { print(&path)? }
        }
    }
    Ok(())
}
