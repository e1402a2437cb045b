//! The command `heigen follow`.

use super::spectrum::json;
use crate::args::FollowArgs;
use crate::describe;
use crate::session::{Session, print, say, usage};
use anyhow::Result;
use heigen_lab::FollowRequest;

pub(crate) fn run(args: &FollowArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    let experiments = session.load(&args.names, &[], "follow")?;
    if !args.weights.is_empty() && experiments.len() > 1 {
        usage("--weights gives the weights of one experiment; name one");
    }
    for experiment in experiments {
        let request = FollowRequest {
            store: session.store.clone(),
            experiment,
            weights: args.weights(),
            every: args.every,
            look: args.look(),
            whole: args.whole.map(|n| n as usize),
            figures: (!args.no_figures).then(|| args.figures.clone()),
            report: (!args.no_figures).then(|| args.report.clone()),
            live: Some(super::explore::command),
            making: session.making.clone(),
        };
        let followed = session.lab.follow(&request, &session.face)?;
        session.face.clear();
        print(&if session.json { json(followed.record)? } else { describe::along(&followed.record) })?;
        for path in followed.pictures.iter().flat_map(|picture| &picture.paths) {
            let path = path.display().to_string();
            if session.json { say(&format!("drew {path}")) } else { print(&path)? }
        }
    }
    Ok(())
}
