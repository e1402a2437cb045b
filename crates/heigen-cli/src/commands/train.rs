//! The command `heigen train`.

use super::spectrum::json;
use crate::args::TrainArgs;
use crate::describe;
use crate::session::{Session, print};
use anyhow::Result;
use heigen_lab::TrainRequest;

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    for experiment in session.load(&args.names, &[], "train")? {
        let request = TrainRequest { store: session.store.clone(), experiment, making: session.making.clone() };
        let record = session.lab.train(&request, &session.face)?.record;
        session.face.clear();
        print(&if session.json { json(record)? } else { describe::model(&record) })?;
    }
    Ok(())
}
