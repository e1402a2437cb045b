//! The command `heigen hessian`.

use crate::args::HessianArgs;
use crate::session::{Session, one_model, print, usage};
use crate::{describe, remedy};
use anyhow::Result;
use heigen_lab::{AnalysisRequest, Found, Summary};

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
        print(&if session.json { json(found)? } else { text(&found) })?;
    }
    Ok(())
}

/// The summary of a result as one line of JSON.
pub(super) fn json(result: impl Into<Summary>) -> Result<String> {
    Ok(result.into().to_json()?.to_string())
}

/// The text about a spectrum, whole or in part, for people.
pub(super) fn text(found: &Found) -> String {
    match found {
        Found::Whole(record) => describe::whole(record),
        Found::Top(record) => describe::top(record),
        Found::Estimates(record) => describe::estimated(record),
    }
}
