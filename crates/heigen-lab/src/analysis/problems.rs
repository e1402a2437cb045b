//! The problems that an analysis is computed from: over all samples, over those that are asked for, and over the share of one of
//! several processes.

use super::operator::restricted_samples;
use super::setting::{Goal, Setting};
use crate::LabError;
use crate::error::OfJob;
use heigen::curvature::Problem;
use heigen::linalg::{ROW_TILE, Scalar};
use heigen_spectra::Communicator;
use heigen_store::record::Dtype;
use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// The problem over the samples that one of several processes has, which owns all that it is made from.
pub(super) enum Own {
    Single(Box<Problem<'static, f32>>),
    Double(Box<Problem<'static, f64>>),
}

impl Setting<'_> {
    /// The problem over all training samples.
    pub(super) fn problem<T: Scalar>(&self) -> Result<Problem<'_, T>, LabError> {
        self.room_for_samples::<T>()?;
        self.call.problem(&self.prepared.network, &self.theta, &self.samples, self.objective()).of(self.name())
    }

    fn room_for_samples<T>(&self) -> Result<(), LabError> {
        let numbers = self.samples.features.len();
        self.call.room("the samples", (numbers * size_of::<T>()) as f64, String::new).of(self.name())
    }

    /// The problem over those of the training samples that are asked for.
    pub(crate) fn restricted_problem<T: Scalar>(&self) -> Result<Problem<'_, T>, LabError> {
        restricted_samples(self.problem()?, &self.asked.subject)
    }

    /// The connection of the processes that samples are dealt to, if there are several and the operator is a sum over samples: one of
    /// mini-batches is not.
    fn connection(&self) -> Option<&Arc<dyn Communicator>> {
        self.call.lab.together.communicator().filter(|_| self.asked.subject.batch.is_none())
    }

    /// The problem over the samples that this process has of a computation by several, whose products are those of all; `None`
    /// for a process that works by itself.
    pub(super) fn share<T: Scalar>(&self) -> Result<Option<Problem<'_, T>>, LabError> {
        let Some(communicator) = self.connection() else { return Ok(None) };
        Ok(Some(self.restricted_problem::<T>()?.dealt(Arc::clone(communicator)).of(self.name())?))
    }

    /// The setting of one of several processes that has the samples of its own leaves alone, and lets go of all others, and of the
    /// weights but for the problem's; the leading one keeps the weights of a whole spectrum for later steps. Nothing changes for a
    /// process that works by itself.
    pub(crate) fn dealt(mut self) -> Result<Self, LabError> {
        if self.own.is_some() || self.connection().is_none() || self.prepared.network.couples_samples() {
            return Ok(self);
        }
        self.own = Some(match self.asked.how.dtype {
            Dtype::Float32 => Own::Single(Box::new(self.own_problem()?)),
            Dtype::Float64 => Own::Double(Box::new(self.own_problem()?)),
        });
        if !matches!(self.goal, Goal::Whole(_)) {
            self.theta = vec![];
        }
        self.let_go();
        Ok(self)
    }

    /// Lets go of the samples of all processes, and of the weights where another process does what comes later.
    fn let_go(&mut self) {
        if !self.call.lab.together.leads() {
            self.theta = vec![];
        }
        self.samples = Arc::new(self.samples.subset(&[]));
        self.prepared.let_go_of_samples();
        self.call.memo.let_go(&self.call.lab.cache);
    }

    /// The setting for what the leading one of several processes does by itself: it has all samples again, and the others have none.
    /// Nothing changes for a process that works by itself.
    pub(crate) fn with_all_samples(mut self) -> Result<Self, LabError> {
        let (call, loaded) = (self.call, self.loaded);
        if self.own.take().is_some() {
            call.lab.together.by_leader(|| self.prepared.read_samples_again(call, &loaded.experiment))?;
            self.samples = Arc::clone(self.prepared.training());
        } else if !call.lab.together.leads() {
            self.let_go();
        }
        Ok(self)
    }

    /// [`Setting::summed_problem`] as a problem that borrows nothing.
    fn own_problem<T: Scalar>(&self) -> Result<Problem<'static, T>, LabError> {
        self.room_for_samples::<T>()?;
        let (network, matter) = (Arc::new(self.prepared.network.clone()), &self.asked.subject);
        let of_all = matter.classes.is_empty() && matter.samples.is_none();
        if let Some(communicator) = self.connection().filter(|_| of_all) {
            let (theta, objective) = (&self.theta, self.objective());
            let share = Problem::share_of(network, theta, &self.samples, objective, Arc::clone(communicator));
            return Ok(share.of(self.name())?.on(self.call.threads.clone()));
        }
        let problem = Problem::new(network, &self.theta, &self.samples, self.objective()).of(self.name())?;
        let problem = restricted_samples(problem.on(self.call.threads.clone()), matter)?;
        let Some(communicator) = self.connection() else { return Ok(problem) };
        problem.dealt(Arc::clone(communicator)).of(self.name())
    }

    /// The problem whose products are those of all samples that are asked for: over the samples of this process where there are several,
    /// over all samples where there is one.
    pub(super) fn summed_problem<T: Scalar>(&self) -> Result<Cow<'_, Problem<'_, T>>, LabError> {
        let own: Option<&dyn Any> = self.own.as_ref().map(|own| match own {
            Own::Single(problem) => &**problem as &dyn Any,
            Own::Double(problem) => &**problem as &dyn Any,
        });
        if let Some(problem) = own.and_then(|own| own.downcast_ref::<Problem<'static, T>>()) {
            return Ok(Cow::Borrowed(problem));
        }
        Ok(Cow::Owned(self.share()?.map_or_else(|| self.restricted_problem(), Ok)?))
    }

    /// [`Setting::summed_problem`] of a setting that was [`Setting::dealt`]: over all samples where these cannot be.
    pub(crate) fn summed_or_whole_problem<T: Scalar>(&self) -> Result<Cow<'_, Problem<'_, T>>, LabError> {
        if self.own.is_some() { self.summed_problem() } else { Ok(Cow::Owned(self.restricted_problem()?)) }
    }

    /// The number of processes that the rows of vectors are spread over; 1 where every process has whole vectors. Vectors are spread where
    /// every process gets a tile of their rows: shorter ones would be sent more often than read.
    pub(super) fn pieces(&self) -> usize {
        let pieces = self.connection().map_or(1, Communicator::size);
        if self.prepared.network.n_params().div_ceil(ROW_TILE) >= pieces { pieces } else { 1 }
    }

    /// [`Setting::pieces`] for a whole spectrum: a full basis is made of whole vectors.
    pub(super) fn pieces_of_whole(&self) -> usize {
        if self.asked.keep.full_basis { 1 } else { self.pieces() }
    }
}
