//! The command `heigen attribute`.

use super::spectrum::json;
use crate::args::AttributeArgs;
use crate::describe_attribution::attribution;
use crate::session::{Session, print};
use anyhow::Result;
use heigen_lab::{Asked, AttributionRequest};

pub(crate) fn run(args: &AttributeArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    for experiment in session.load(&args.names, &[], "attribute")? {
        let request = AttributionRequest {
            store: session.store.clone(),
            experiment,
            asked: Asked::default(),
            vectors: args.k.map(usize::from),
            rise: args.rise,
            making: session.making.clone(),
        };
        let record = session.lab.attribution(&request, &session.face)?;
        session.face.clear();
        print(&if session.json { json(record)? } else { attribution(&record) })?;
    }
    Ok(())
}
