//! The numbers of every experiment and seed, read from its records.

use super::super::graph::{Graph, Run, Task};
use heigen::analysis::Summary;
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{AnalysisRecord, ModelRecord};
use std::path::PathBuf;

/// The records of one experiment at one seed; a field is `None` where there is no record.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) seed: u64,
    pub(super) model: Option<ModelRecord>,
    pub(super) analysis: Option<AnalysisRecord>,
    pub(super) boundary: Option<BoundaryRecord>,
}

/// The measures of an experiment at every seed, its own seed first.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    pub(super) name: String,
    pub(super) all: Vec<Measured>,
}

impl Measured {
    /// Reads the records of tasks that ended well. Other records may be of another version or seed.
    fn of(graph: &Graph, run: &Run, well: &[bool]) -> Self {
        let same = |r: &Run| r.place == run.place && r.name() == run.name();
        let ended_well = |kind: fn(&Task) -> Option<&Run>| {
            let of_kind = |(task, &well): (&Task, &bool)| well && kind(task).is_some_and(same);
            graph.tasks.iter().zip(well).any(of_kind)
        };
        let trained = ended_well(|t| if let Task::Train(run) = t { Some(run) } else { None });
        let analysed = ended_well(|t| if let Task::Analyse(run) = t { Some(run) } else { None });
        let measured = ended_well(|t| if let Task::Boundary(run) = t { Some(run) } else { None });
        let experiment = &run.loaded.experiment;
        let paths = graph.places[run.place].store.of(&experiment.name).ok();
        let read = |f: fn(&ExperimentPaths) -> PathBuf| paths.as_ref().map(f);
        Self {
            seed: experiment.seed,
            model: read(ExperimentPaths::record).filter(|_| trained).and_then(|p| ModelRecord::load(&p).ok()),
            analysis: read(ExperimentPaths::analysis).filter(|_| analysed).and_then(|p| AnalysisRecord::load(&p).ok()),
            boundary: read(ExperimentPaths::boundary).filter(|_| measured).and_then(|p| BoundaryRecord::load(&p).ok()),
        }
    }

    pub(super) fn summary(&self) -> Option<&Summary> {
        self.analysis.as_ref().map(|a| &a.summary)
    }

    /// The eigenvalue lambda_i, where i counts from 1.
    pub(super) fn lambda(&self, i: usize) -> Option<f64> {
        self.summary()?.eigenvalues_top.get(i - 1).copied()
    }

    pub(super) fn outliers(&self) -> Option<f64> {
        Some(self.summary()?.outliers.count as f64)
    }

    /// The numbers of outliers above the gap that defines them, above half of it, and above twice the gap.
    pub(super) fn outliers_by_gap(&self) -> Option<[f64; 3]> {
        let found = &self.summary()?.outliers;
        Some([found.count, found.count_at_half_gap, found.count_at_double_gap].map(|n| n as f64))
    }

    pub(super) fn g_theta(&self) -> Option<f64> {
        self.summary()?.g_theta_of_figure_4()
    }

    /// The value of `G_theta` as in [`Measured::g_theta`], with the alignment that random directions reach as the threshold.
    pub(super) fn g_theta_above_random(&self) -> Option<f64> {
        self.summary()?.g_theta_above_random()
    }

    /// The value of `G_theta` as in [`Measured::g_theta`], with the smallest of the thresholds.
    pub(super) fn g_theta_above_zero(&self) -> Option<f64> {
        self.summary()?.g_theta_above_zero()
    }

    /// The accuracy on the validation samples at the end of training.
    pub(super) fn validation(&self) -> Option<f64> {
        self.model.as_ref()?.epochs.last()?.validation?.accuracy
    }

    /// The accuracy on the test samples at the end of training.
    pub(super) fn test(&self) -> Option<f64> {
        self.model.as_ref()?.epochs.last()?.test?.accuracy
    }

    /// Number of changes of the predicted class on segments between samples of the same class, on average.
    pub(super) fn switches(&self) -> Option<f64> {
        Some(self.boundary.as_ref()?.switches.same_class.mean)
    }

    /// The standard error of [`Measured::switches`] over the segments.
    pub(super) fn error_of_switches(&self) -> Option<f64> {
        Some(self.boundary.as_ref()?.switches.same_class.standard_error)
    }
}

impl Measures {
    /// Mean and standard deviation over the seeds of the number that `number` takes from each; `None` where no seed has
    /// it.
    pub(super) fn over_seeds(&self, number: impl Fn(&Measured) -> Option<f64>) -> Option<(f64, Option<f64>)> {
        let values: Vec<f64> = self.all.iter().filter_map(number).collect();
        super::statistics::mean(&values)
    }

    /// The measures at the experiment's own seed.
    pub(super) fn own(&self) -> Option<&Measured> {
        self.all.first()
    }
}

/// The measures of all experiments of the graph.
pub(super) fn gather(graph: &Graph, well: &[bool]) -> Vec<Measures> {
    let all = |runs: &Vec<Run>| Measures {
        name: runs[0].name(),
        all: runs.iter().map(|run| Measured::of(graph, run, well)).collect(),
    };
    graph.runs.iter().map(all).collect()
}

/// The measures of the experiment named `name`.
pub(super) fn of<'a>(all: &'a [Measures], name: &str) -> Option<&'a Measures> {
    all.iter().find(|m| m.name == name)
}
