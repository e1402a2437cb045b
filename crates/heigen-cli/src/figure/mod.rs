//! `heigen figure`.

mod catalogue;
mod diagnostics;
mod draw;
mod embedding;
mod labels;
mod line;
mod plane;
mod samples;
mod stored;

pub(crate) use plane::{BOUNDARY_NODES, plane};
pub(crate) use stored::top;

pub(crate) use catalogue::{FIGURES, Figure, PLOTS, find, names};
pub(crate) use draw::{Drawing, Shown, draw, draw_paper, up_to_date};

use crate::args::{DrawArgs, FigureArgs, PlotArgs};
use crate::hessian::one_model;
use crate::session::{Session, print, say, usage};
use anyhow::Result;
use heigen_store::catalogue::Loaded;

pub(crate) fn run(args: &FigureArgs) -> Result<()> {
    if args.list {
        return FIGURES
            .iter()
            .try_for_each(|f| print(&format!("{:6} {}\n       {}", f.name, f.what, f.experiments.join(" "))));
    }
    let Some(figure) = args.figure.as_deref().and_then(find) else {
        let names = names(&FIGURES);
        match &args.figure {
            Some(name) => usage(&format!("there is no figure {name}; there are {names} (heigen figure --list)")),
            None => usage(&format!("which figure? There are {names} (heigen figure --list)")),
        }
    };
    let session = Session::new(&args.draw.common)?;
    let experiments = session.load(&args.draw.names, figure.experiments, &format!("figure {}", figure.name))?;
    draw_all(&session, figure, experiments, &args.draw)
}

/// `heigen plot`.
pub(crate) fn run_plot(args: &PlotArgs) -> Result<()> {
    if args.list {
        return PLOTS.iter().try_for_each(|f| print(&format!("{:16} {}", f.name, f.what)));
    }
    let Some(figure) = PLOTS.iter().find(|f| args.kind.as_deref() == Some(f.name)) else {
        let names = names(&PLOTS);
        match &args.kind {
            Some(kind) => usage(&format!("there is no plot {kind}; there are {names} (heigen plot --list)")),
            None => usage(&format!("which plot? There are {names} (heigen plot --list)")),
        }
    };
    let session = Session::new(&args.draw.common)?;
    let experiments = session.load(&args.draw.names, &[], &format!("plot {}", figure.name))?;
    draw_all(&session, figure, experiments, &args.draw)
}

fn draw_all(session: &Session, figure: &Figure, experiments: Vec<Loaded>, args: &DrawArgs) -> Result<()> {
    one_model(&args.analysing, &experiments);
    let how = Drawing {
        eigenvectors: args.eigenvectors.map(usize::from).or(figure.eigenvectors),
        resolution: args.resolution.into(),
        vectors: args.vectors,
        reconstructed: args.reconstructed,
        individual_bars: args.individual_bars,
        classes: args.classes.clone(),
        reparameterize: args.reparameterize,
    };
    let pictures = if figure.each { experiments.into_iter().map(|e| vec![e]).collect() } else { vec![experiments] };
    for experiments in pictures {
        let drawn = draw(session, figure, experiments, &args.analysing, &how, &args.figures)?;
        if session.json {
            drawn.analyses.iter().try_for_each(|record| print(record))?;
        }
        for path in &drawn.paths {
            let path = path.display().to_string();
            if session.json { say(&format!("drew {path}")) } else { print(&path)? }
        }
    }
    Ok(())
}
