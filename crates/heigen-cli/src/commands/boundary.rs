//! The command `heigen boundary`.

use super::spectrum::json;
use crate::args::BoundaryArgs;
use crate::describe;
use crate::session::{Session, print};
use anyhow::Result;
use heigen_lab::{Asked, BoundaryRequest};

pub(crate) fn run(args: &BoundaryArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    for experiment in session.load(&args.names, &[], "boundary")? {
        let (store, making) = (session.store.clone(), session.making.clone());
        let request = BoundaryRequest { store, experiment, asked: Asked::default(), margin: args.margin, making };
        let record = session.lab.boundary(&request, &session.face)?;
        session.face.clear();
        print(&if session.json { json(record)? } else { describe::boundary(&record) })?;
    }
    Ok(())
}
