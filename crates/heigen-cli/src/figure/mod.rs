//! `heigen figure`.

mod catalogue;
mod draw;
mod embedding;
mod labels;
mod plane;
mod stored;

pub(crate) use plane::{BOUNDARY_NODES, plane};
pub(crate) use stored::top;

pub(crate) use catalogue::{FIGURES, Figure, find, names};
pub(crate) use draw::{Drawing, Shown, draw, draw_paper, up_to_date};

use crate::args::FigureArgs;
use crate::hessian::one_model;
use crate::session::{Session, print, say, usage};
use anyhow::Result;

pub(crate) fn run(args: &FigureArgs) -> Result<()> {
    if args.list {
        return FIGURES
            .iter()
            .try_for_each(|f| print(&format!("{:6} {}\n       {}", f.name, f.what, f.experiments.join(" "))));
    }
    let Some(figure) = args.figure.as_deref().and_then(find) else {
        let names = names();
        match &args.figure {
            Some(name) => usage(&format!("there is no figure {name}; there are {names} (heigen figure --list)")),
            None => usage(&format!("which figure? There are {names} (heigen figure --list)")),
        }
    };
    let session = Session::new(&args.common)?;
    let experiments = session.load(&args.names, figure.experiments, &format!("figure {}", figure.name))?;
    one_model(&args.analysing, &experiments);
    let how = Drawing {
        eigenvectors: args.eigenvectors.unwrap_or(figure.eigenvectors).into(),
        resolution: args.resolution.into(),
    };
    let drawn = draw(&session, figure, experiments, &args.analysing, how, &args.figures)?;
    for record in &drawn.analyses {
        if session.json {
            print(record)?;
        }
    }
    for path in &drawn.paths {
        let path = path.display().to_string();
        if session.json { say(&format!("drew {path}")) } else { print(&path)? }
    }
    Ok(())
}
