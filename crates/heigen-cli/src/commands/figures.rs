//! The commands `heigen figure` and `heigen plot`.

use super::spectrum::json;
use crate::args::{DirectionsArg, DrawArgs, FigureArgs, PlotArgs};
use crate::session::{Session, one_model, print, say, usage};
use anyhow::Result;
use heigen_lab::{Drawing, FIGURES, Figure, FigureRequest, OwnOptions, PLOTS, Parts, figure_names, find_figure};
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
    draw_all(&session, figure, experiments, &args.draw, Drawing::paper(figure))
}

/// Runs `heigen plot`.
pub(crate) fn run_plot(args: &PlotArgs) -> Result<()> {
    if args.list {
        let options = |f: &Figure| match f.own_options() {
            OwnOptions::Maps => "; --vectors, --reconstructed",
            OwnOptions::Plane => "; --directions",
            OwnOptions::Batches => "; --batch-size, --batches",
            OwnOptions::None => "",
        };
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
    let of_others = [
        (OwnOptions::Plane, "surface", args.surface.given()),
        (OwnOptions::Batches, "minibatches", args.batches.given()),
    ];
    for (own, plot, given) in of_others {
        if let (true, Some(option)) = (figure.own_options() != own, given.first()) {
            usage(&format!("{option} is for `heigen plot {plot}`"));
        }
    }
    let directions = args.surface.directions.unwrap_or_default();
    if !args.surface.checkpoints.is_empty() && directions != DirectionsArg::Trajectory {
        usage("--checkpoints are the way of a training: add --directions trajectory");
    }
    if args.surface.direction_seed.is_some() && directions != DirectionsArg::FilterNormalised {
        usage("--direction-seed is the seed of random directions: add --directions filter-normalised");
    }
    let (surface, batches) = (args.surface.options(), args.batches.options());
    draw_all(&session, figure, experiments, &args.draw, Drawing { surface, batches, ..Drawing::paper(figure) })
}

fn draw_all(
    session: &Session,
    figure: &'static Figure,
    experiments: Vec<Loaded>,
    args: &DrawArgs,
    base: Drawing,
) -> Result<()> {
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
        ..base
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
            // What needs no spectrum is told by its own numbers, which a figure that was up to date has not computed.
            if let Some(numbers) = session.lab.figure_numbers(&request, drawn.numbers, &session.face)? {
                print(&serde_json::to_string(&numbers)?)?;
            }
            drawn.analyses.into_iter().try_for_each(|summary| print(&json(summary)?))?;
        }
        for path in &drawn.paths {
            let path = path.display().to_string();
            if session.json { say(&format!("drew {path}")) } else { print(&path)? }
        }
    }
    Ok(())
}
