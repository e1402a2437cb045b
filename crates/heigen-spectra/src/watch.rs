//! Progress, and the wish to stop.

use std::ops::ControlFlow;

/// How far a computation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Name of the step that is being done: one of the constants of [`stage`], or one of another crate's.
    pub stage: &'static str,
    /// Finished units of this step.
    pub done: u64,
    /// All units of this step, where that is known beforehand.
    pub total: Option<u64>,
    /// Name of the units, in the plural: "columns", "products", "epochs".
    pub unit: &'static str,
}

/// The steps that this crate's solvers report, as they stand in [`Progress::stage`].
pub mod stage {
    /// Columns of the operator's range that have been found.
    pub const RANGE: &str = "range";
    /// Columns of the operator that have been projected on its range.
    pub const PROJECTION: &str = "projection";
    /// Columns of the operator that have been written out as a dense matrix.
    pub const DENSE: &str = "dense";
    /// Products by which the operator is written out in a form whose products are cheaper.
    pub const STRUCTURE: &str = "structure";
    /// A dense eigenproblem, which cannot be stopped; `total` is its size and `done` is 0 before and `total` after it.
    pub const EIGENPROBLEM: &str = "eigenproblem";
    /// Eigenvectors of the operator from those of its projection.
    pub const EIGENVECTORS: &str = "eigenvectors";
    /// Products that certify a spectrum.
    pub const CERTIFICATE: &str = "certificate";
    /// Eigenpairs that Lanczos has found.
    pub const LANCZOS: &str = "lanczos";
    /// Lanczos steps of a spectral density.
    pub const DENSITY: &str = "density";
    /// Products of an estimate of the trace.
    pub const TRACE: &str = "trace";
    /// Products of an estimate of the diagonal.
    pub const DIAGONAL: &str = "diagonal";
    /// Products of an estimate of the Frobenius norm.
    pub const FROBENIUS: &str = "Frobenius norm";
    /// Linear systems that conjugate gradients have solved.
    pub const SOLVE: &str = "linear systems";
}

/// Watches a computation and may stop it.
///
/// Every solver asks its watch between operations on blocks of vectors, on the thread that called the solver. A watch that
/// answers `Break` ends the computation with [`Stopped`] inside its error; nothing is left half done.
///
/// ```
/// use heigen_spectra::{Progress, Watch};
/// use std::ops::ControlFlow;
///
/// /// Allows a number of looks.
/// struct Patience(usize);
/// impl Watch for Patience {
///     fn progress(&mut self, _: Progress) -> ControlFlow<()> {
///         self.0 = self.0.saturating_sub(1);
///         if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
///     }
/// }
/// let mut watch = Patience(2);
/// assert!(watch.tell("counting", 1, Some(2), "steps").is_ok());
/// assert!(watch.tell("counting", 2, Some(2), "steps").is_err());
/// ```
pub trait Watch {
    /// Takes notice of how far the computation is; `Break` stops it.
    fn progress(&mut self, progress: Progress) -> ControlFlow<()>;

    /// [`Watch::progress`] with the parts of a [`Progress`], as a result.
    ///
    /// # Errors
    /// [`Stopped`] if the watch answers `Break`.
    fn tell(&mut self, stage: &'static str, done: u64, total: Option<u64>, unit: &'static str) -> Result<(), Stopped> {
        match self.progress(Progress { stage, done, total, unit }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stopped),
        }
    }
}

/// The empty watch, which never stops anything.
impl Watch for () {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl<W: Watch + ?Sized> Watch for &mut W {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        (**self).progress(progress)
    }
}

/// A watch that passes every [`Progress`] to a function.
#[derive(Clone, Copy, Debug)]
pub struct WatchFn<F>(pub F);

impl<F: FnMut(Progress) -> ControlFlow<()>> Watch for WatchFn<F> {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.0(progress)
    }
}

/// The computation was stopped by its [`Watch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped before it was done")]
pub struct Stopped;
