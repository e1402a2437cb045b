//! The whole spectrum at some of the moments, for the numbers that need it.

use super::recipe::Follow;
use super::schedule::spread;
use crate::LabError;
use crate::analysis::solvers;
use crate::call::JobWatch;
use crate::watch::NoteKind;
use heigen::analysis::analyze;
use heigen::curvature::{ExampleLabels, Hessian, Method, Problem, WholeColumns, Work};
use heigen_store::along_record::WholeSpectrum;

/// Operations that all whole spectra together may take where no number of them is asked for; they are half a minute or less.
const ALL: f64 = 2e11;

/// The places, among `n` moments, at which the whole spectrum is computed: as many as were asked for, else as many as are quick.
pub(super) fn places(work: &Work, memory: f64, n: usize, asked: Option<usize>) -> Vec<usize> {
    let quick = || {
        let (dense, exact) = (work.dense(), work.exact(work.rank()));
        let fits = dense.bytes <= memory || exact.bytes <= memory;
        let operations = dense.operations.min(exact.operations).max(1.0);
        if fits { (ALL / operations) as usize } else { 0 }
    };
    spread(n, asked.unwrap_or_else(quick).min(n))
}

/// Numbers of the whole spectrum of a problem whose vectors are whole in this process; none if it could not be found, which the watch is told.
pub(super) fn whole(
    follow: &Follow,
    problem: &Problem<'_, f64>,
    watch: &mut JobWatch,
) -> Result<Option<WholeSpectrum>, LabError> {
    let call = follow.call;
    let found = solvers::spectrum(&Hessian(problem), Method::Auto, call.lab.memory, watch);
    let spectrum = match found {
        Ok(spectrum) => spectrum,
        Err(stopped) if stopped.is_stopped() => return Err(stopped),
        Err(why) => {
            let note = format!("no whole spectrum at this moment: {}", why.in_full());
            call.note(&follow.loaded.experiment.name, NoteKind::Remark(note));
            return Ok(None);
        }
    };
    let labels = if problem.classes().is_some() { ExampleLabels::Predicted } else { ExampleLabels::True };
    let gradients = problem.space().of_samples(problem, problem.example_gradients(&labels))?;
    let summary = analyze(problem, gradients, spectrum, false)?.summary;
    Ok(Some(WholeSpectrum {
        rank: summary.rank,
        trace: summary.trace,
        lambda_max: summary.lambda_max,
        lambda_min: summary.lambda_min,
        outliers: summary.outliers.count,
        g_theta: summary.g_theta,
    }))
}
