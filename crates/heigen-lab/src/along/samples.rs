//! The samples that looks take: all of them, or the share that one of several processes has.

use super::weights::Point;
use crate::LabError;
use crate::call::Call;
use crate::prepare::Prepared;
use heigen::curvature::Problem;
use heigen::data::Dataset;
use heigen::model::Network;
use heigen::train::Parts;
use heigen::vocabulary::Objective;
use heigen_store::record::PartReport;
use std::sync::Arc;

/// The shares of one of several processes, at weights that every look replaces by its own.
pub(super) struct Shares {
    training: Problem<'static, f32>,
    validation: Option<Problem<'static, f32>>,
    test: Option<Problem<'static, f32>>,
    /// The samples of the training; none where no training is followed.
    pub(super) parts: Option<Parts>,
}

impl Shares {
    /// The shares of this process, if there are several that share their work; the samples of the others are then let go of, but those of
    /// a plane, of which each process draws its own boundary.
    pub(super) fn taken(
        call: &Call,
        prepared: &mut Prepared,
        objective: &Objective,
        (files, theta): (Option<&[Point]>, &[f32]),
    ) -> Result<Option<Self>, LabError> {
        let Some(communicator) = call.lab.together.communicator() else { return Ok(None) };
        let mut of_first = prepared.clone();
        let theta = match files {
            // Some numbers besides the parameters come with the weights.
            Some(points) => {
                let Some(point) = points.first() else { return Ok(None) };
                let file = call.weights_for_all(&point.path)?;
                call.memo.forget(&point.path);
                of_first.load(&point.path, &file)?
            }
            None => theta.iter().map(|&w| f64::from(w)).collect(),
        };
        // What cannot be trained, or dealt, is refused when it comes to that.
        if of_first.network.couples_samples() || (files.is_none() && !prepared.trainable()) {
            return Ok(None);
        }
        let network = Arc::new(of_first.network);
        let samples = Arc::clone(&prepared.samples);
        let share = |data: &Dataset| -> Result<_, LabError> {
            if data.n_samples() == 0 {
                return Ok(None);
            }
            let (network, all) = (Arc::clone(&network), Arc::clone(communicator));
            Ok(Some(Problem::share_of(network, &theta, data, objective.clone(), all)?.on(call.threads.clone())))
        };
        let Some(training) = share(&samples.training)? else { return Ok(None) };
        let shares = Self {
            training,
            validation: share(&samples.data.subset(&samples.split.validation))?,
            test: share(&samples.data.subset(&samples.split.test))?,
            parts: if files.is_none() { Some(prepared.parts(call)?) } else { None },
        };
        if prepared.network.n_inputs() != 2 {
            prepared.let_go_of_samples();
            call.memo.let_go_of_samples(&call.lab.cache);
        }
        Ok(Some(shares))
    }
}

/// The samples that the looks of a followed training take.
pub(super) struct Samples<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) objective: Objective,
    pub(super) shares: Option<Shares>,
}

impl Samples<'_> {
    /// The problem over the training samples, at the weights of a look; its sums are those over all samples.
    pub(super) fn training<'n>(&self, prepared: &'n Prepared, theta: &[f64]) -> Result<Problem<'n, f64>, LabError> {
        if let Some(shares) = &self.shares {
            return moved(&shares.training, &prepared.network, theta);
        }
        let problem = self.over(prepared.training(), &prepared.network, theta)?;
        match self.call.lab.together.communicator() {
            Some(communicator) => Ok(problem.dealt(Arc::clone(communicator))?),
            None => Ok(problem),
        }
    }

    /// Loss and accuracy over the validation samples; none where there are none.
    pub(super) fn validation(&self, prepared: &Prepared, theta: &[f64]) -> Result<Option<PartReport>, LabError> {
        match &self.shares {
            Some(shares) => told_by_share(shares.validation.as_ref(), prepared, theta),
            None => self.told_by(&prepared.samples.split.validation, prepared, theta),
        }
    }

    /// Loss and accuracy over the test samples; none where there are none.
    pub(super) fn test(&self, prepared: &Prepared, theta: &[f64]) -> Result<Option<PartReport>, LabError> {
        match &self.shares {
            Some(shares) => told_by_share(shares.test.as_ref(), prepared, theta),
            None => self.told_by(&prepared.samples.split.test, prepared, theta),
        }
    }

    /// Loss and accuracy over some of the samples.
    fn told_by(&self, some: &[usize], prepared: &Prepared, theta: &[f64]) -> Result<Option<PartReport>, LabError> {
        if some.is_empty() {
            return Ok(None);
        }
        self.over(&prepared.samples.data.subset(some), &prepared.network, theta).map(|problem| Some(report(&problem)))
    }

    fn over<'n>(&self, data: &Dataset, network: &'n Network, theta: &[f64]) -> Result<Problem<'n, f64>, LabError> {
        Ok(self.call.problem(network, theta, data, self.objective.clone())?)
    }
}

/// Loss and accuracy over the samples of all processes, of which this one has a share.
fn told_by_share(
    share: Option<&Problem<'static, f32>>,
    prepared: &Prepared,
    theta: &[f64],
) -> Result<Option<PartReport>, LabError> {
    share.map(|share| moved(share, &prepared.network, theta).map(|problem| report(&problem))).transpose()
}

/// A share at the weights of a look.
fn moved<'n>(share: &Problem<'static, f32>, network: &'n Network, theta: &[f64]) -> Result<Problem<'n, f64>, LabError> {
    Ok(share.in_type::<f64>().moved_to(network, theta)?)
}

fn report(problem: &Problem<'_, f64>) -> PartReport {
    PartReport { loss: problem.loss(), accuracy: problem.accuracy() }
}
