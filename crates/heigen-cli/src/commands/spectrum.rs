//! The command `heigen hessian`.

use crate::args::HessianArgs;
use crate::session::{Session, one_model, print, usage};
use crate::{describe, remedy};
use anyhow::Result;
use heigen_lab::{AnalysisRequest, Found};

pub(crate) fn run(args: &HessianArgs) -> Result<()> {
    let asked = args.asked();
    if let Err(contradiction) = asked.check() {
        usage(&remedy::contradicting(contradiction));
    }
    let session = Session::new(&args.common)?;
    let experiments = session.load(&args.names, &[], "hessian")?;
    one_model(args.analysing.model.as_deref(), &experiments);
    for experiment in experiments {
        let (store, making) = (session.store.clone(), session.making.clone());
        let request = AnalysisRequest { store, experiment, asked: asked.clone(), making };
        let (found, _) = session.lab.analyse(&request, &session.face)?;
        session.face.clear();
        print(&if session.json { json(&found)? } else { text(&found) })?;
    }
    Ok(())
}

fn json(found: &Found) -> Result<String> {
    Ok(match found {
        Found::Whole(record) => serde_json::to_string(record)?,
        Found::Top(record) => serde_json::to_string(record)?,
    })
}

/// The text about a spectrum, whole or in part, for people.
pub(super) fn text(found: &Found) -> String {
    match found {
        Found::Whole(record) => describe::whole(record),
        Found::Top(record) => describe::top(record),
    }
}
