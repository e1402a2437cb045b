//! The tidy table of a study: a row for each cell, a column for each factor and each measure.

use super::cells::Cell;
use super::file::StudyFile;
use super::judge::state;
use super::measures::measure_names;
use crate::LabError;
use heigen_formats::table::{Table, Values};
use heigen_store::cell_record::CellRecord;

/// The table of the cells that are there, in the order of the study.
pub(super) fn table(file: &StudyFile, rows: &[(&Cell, &CellRecord)]) -> Result<Table, LabError> {
    let text = |of: &dyn Fn(&Cell, &CellRecord) -> Option<String>| {
        Values::Text(rows.iter().map(|(cell, record)| of(cell, record)).collect())
    };
    let mut table = Table::default();
    for factor in file.factors.keys() {
        table = table.with(factor.clone(), text(&|cell, _| Some(cell.level(factor).to_owned())))?;
    }
    table = table.with("seed", Values::Whole(rows.iter().map(|(cell, _)| i64::try_from(cell.seed).ok()).collect()))?;
    table = table.with("state", text(&|_, record| Some(state(file, record).to_owned())))?;
    for measure in measure_names() {
        let of = |(_, record): &(&Cell, &CellRecord)| record.measures.get(measure).copied();
        table = table.with(measure, Values::Number(rows.iter().map(of).collect()))?;
    }
    let why = |record: &CellRecord| match state(file, record) {
        "failed" => record.failure.clone(),
        "converged" => None,
        _ => {
            let loss = record.measures.get("train_loss").map_or_else(|| "unknown".to_owned(), |l| format!("{l:.3e}"));
            Some(format!("the training loss is {loss}, above {}", file.converged_loss))
        }
    };
    Ok(table.with("reason", text(&|_, record| why(record)))?)
}
