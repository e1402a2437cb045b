//! Memory that the parts of an analysis take, compared with the memory that may be used before they begin.

use super::setting::Setting;
use super::top_k::Pairs;
use crate::LabError;
use crate::words::bytes;
use heigen::curvature::{DensityOptions, Method, SpectrumError, TopKOptions};
use heigen::linalg::EigenError;

/// Blocks of directions that the diagonal holds at a time, and their columns.
const DIAGONAL: f64 = 3.0 * 64.0;
/// Vectors of length P that the table by layer holds at most, beside a search for two eigenpairs.
const BY_LAYER: f64 = 300.0;

impl Setting<'_> {
    /// Fails if memory holds neither the whole spectrum by `method` nor what follows from it, whatever the rank turns out
    /// to be. `entry` is the size of a number.
    pub(super) fn room_for_whole(&self, method: Method, entry: usize) -> Result<(), LabError> {
        let work = self.work();
        let p = work.n_params as f64;
        if method == Method::Dense {
            self.room(format!("the {p} x {p} matrix and its eigenvectors"), work.dense().bytes)?;
        }
        if self.asked.keep.matrix {
            self.room(format!("the {p} x {p} matrix, which is to be kept,"), p * p * (8 + entry) as f64)?;
        }
        if self.asked.keep.full_basis {
            self.room(format!("a full basis of {p} eigenvectors"), 4.0 * p * p * entry as f64)?;
        }
        self.room_for_measures(0, entry)
    }

    /// Fails if memory does not hold what follows from a whole spectrum with `columns` known eigenvectors.
    pub(super) fn room_for_measures(&self, columns: usize, entry: usize) -> Result<(), LabError> {
        let work = self.work();
        let what = format!("the gradients of {} samples by {} parameters", work.n_samples, work.all_params);
        let bytes = work.measures(columns) * entry as f64 / 8.0 / self.pieces_of_whole() as f64;
        self.room(format!("{what} with their alignments"), bytes)
    }

    /// Fails if memory does not hold a part of a whole spectrum; the error says what the largest eigenvalues would need.
    fn room(&self, what: String, needed: f64) -> Result<(), LabError> {
        let instead = || format!("the largest eigenvalues alone need {}", bytes(self.work().lanczos(1).bytes));
        self.call.room(what, needed, instead)
    }

    /// The options of a search for eigenpairs that fits into memory.
    pub(super) fn search(&self, pairs: Pairs, entry: usize) -> Result<TopKOptions, LabError> {
        let options = TopKOptions { tolerance: pairs.tolerance, ..TopKOptions::default() };
        // Vectors may lie in the memory of several processes.
        let (limit, p) = (self.call.lab.memory * self.pieces() as f64, self.work().n_params);
        if let Some(fitting) = options.clone().within(limit, pairs.k, p, entry) {
            return Ok(fitting);
        }
        let least = TopKOptions { max_subspace: Some(0), ..options.clone() };
        let instead = match options.most_within(limit, p, entry) {
            0 => {
                let most = (p as f64 * limit / least.bytes(1, p, entry)) as usize;
                format!("one eigenvalue of a block of up to {most} parameters would fit")
            }
            k => format!("{k} would fit"),
        };
        let what = format!("{} eigenpairs of order {p} by Lanczos", pairs.k);
        self.call.room(what, least.bytes(pairs.k, p, entry) / self.pieces() as f64, || instead)?;
        Ok(least)
    }

    /// Fails if memory does not hold an estimate that is asked for.
    pub(super) fn room_for_estimates(&self, entry: usize) -> Result<(), LabError> {
        let (asked, work) = (&self.asked.estimates, self.work());
        let vectors = |count: f64| count * work.n_params as f64 * entry as f64 / self.pieces() as f64;
        if let Some(density) = asked.density {
            let (probes, steps) = (density.probes, density.steps.min(work.n_params));
            let needed =
                |steps| vectors(DensityOptions { probes, steps, seed: 0 }.vectors(work.n_params, entry) as f64);
            let what = format!("{probes} probes of the density with {steps} steps each");
            let most = || (1..steps).rev().find(|&steps| needed(steps) <= self.call.lab.memory).unwrap_or(0);
            self.call.room(what, needed(steps), || format!("{} steps would fit", most()))?;
        }
        if let Some(products) = asked.trace.filter(|&products| products < work.n_params) {
            // The sketch and the random columns, each with its product: two thirds, and two thirds of the products.
            let most = (self.call.lab.memory / vectors(1.5)) as usize;
            let what = format!("{products} products of the trace");
            self.call.room(what, vectors(1.5 * products as f64), || format!("{most} would fit"))?;
        }
        if asked.diagonal.is_some() {
            self.call.room("the diagonal", vectors(DIAGONAL), String::new)?;
        }
        if asked.by_layer {
            let all = work.all_params;
            let search = TopKOptions::default().bytes(2, all, entry);
            self.call.room("the table by layer", search + BY_LAYER * (all * entry) as f64, String::new)?;
        }
        Ok(())
    }
}

/// Whether an error says that memory does not hold what was asked for.
pub(super) fn is_of_memory(error: &LabError) -> bool {
    match error {
        LabError::Of { source, .. } => is_of_memory(source),
        LabError::Memory { .. } | LabError::Eigen(EigenError::Memory(_)) => true,
        LabError::Solver(error) => matches!(error.downcast_ref(), Some(SpectrumError::TooLarge { .. })),
        _ => false,
    }
}
