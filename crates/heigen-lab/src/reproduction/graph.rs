//! The tasks of a reproduction and their order: an experiment's starting model, its training, its analysis, its
//! boundary, then the figures and the report.

use super::schedule::Job;
use crate::drawing::Figure;
use crate::{LabError, Making, Store};
use heigen::config::Experiment;
use heigen_store::catalogue::{self, Loaded, chain};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A task of a reproduction.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Train an experiment.
    Train(Run),
    /// Analyse the Hessian of an experiment.
    Analyse(Run),
    /// Measure the decision boundary of an experiment.
    Boundary(Run),
    /// Draw a figure.
    Figure(&'static Figure),
    /// Write the report.
    Report,
}

/// A store that a reproduction works in, with the options of making results there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) store: Store,
    pub(crate) making: Making,
}

impl Place {
    /// The experiment with the seed that belongs to this store.
    fn seeded(&self, loaded: Loaded) -> Loaded {
        let seed = self.making.seed.unwrap_or(loaded.experiment.seed);
        Loaded { experiment: Experiment { seed, ..loaded.experiment }, ..loaded }
    }
}

/// An experiment in one of the stores.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The index of the experiment's store in [`Graph::places`].
    pub(crate) place: usize,
    pub(crate) loaded: Loaded,
}

impl Run {
    pub(crate) fn name(&self) -> String {
        self.loaded.experiment.name.to_string()
    }
}

/// The tasks with their dependencies, and the stores that they work in: the main one first, then one for each seed.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) places: Vec<Place>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) jobs: Vec<Job>,
    /// The experiments of the figures in order, each with its run in the store of every seed.
    pub(crate) runs: Vec<Vec<Run>>,
}

impl Task {
    /// The name of the task in messages.
    pub(crate) fn name(&self, places: &[Place]) -> String {
        let of = |verb: &str, run: &Run| {
            let seed = places[run.place].making.seed.map_or_else(String::new, |s| format!(" (seed {s})"));
            format!("{verb} {}{seed}", run.name())
        };
        match self {
            Self::Train(run) => of("train", run),
            Self::Analyse(run) => of("analyse", run),
            Self::Boundary(run) => of("boundary", run),
            Self::Figure(figure) => format!("figure {}", figure.name),
            Self::Report => "report".to_owned(),
        }
    }
}

impl Graph {
    /// All tasks that `figures` and the report need, repeated for each of `seeds`.
    pub(crate) fn new(
        store: &Store,
        making: &Making,
        figures: &[&'static Figure],
        seeds: &[u64],
    ) -> Result<Self, LabError> {
        let main = Place { store: store.clone(), making: making.clone() };
        let seeded =
            |&seed: &u64| Place { store: store.at_seed(seed), making: Making { seed: Some(seed), ..making.clone() } };
        let places = [main].into_iter().chain(seeds.iter().map(seeded)).collect();
        let mut graph = Self { places, tasks: vec![], jobs: vec![], runs: vec![] };
        let mut known = BTreeMap::new();
        let mut drawn = Vec::new();
        for figure in figures {
            let mut needs = Vec::new();
            for name in figure.experiments {
                let [analysis, boundary] = graph.experiment(name, seeds, &mut known)?;
                needs.push(analysis);
                needs.extend(figure.boundary.then_some(boundary));
            }
            drawn.push(graph.add(Task::Figure(figure), needs));
        }
        let all = (0..graph.tasks.len()).collect();
        let report = graph.add(Task::Report, vec![]);
        graph.jobs[report].after_end_of = all;
        graph.jobs[report].here = true;
        Ok(graph)
    }

    /// Leaves out all tasks but these. What they need of the others is not waited for: it is made on the way.
    pub(crate) fn restrict(&mut self, kept: &[bool]) {
        let mut place = vec![None; kept.len()];
        let indices = (0..kept.len()).filter(|&i| kept[i]);
        indices.enumerate().for_each(|(new, old)| place[old] = Some(new));
        let moved = |all: &[usize]| all.iter().filter_map(|&i| place[i]).collect::<Vec<usize>>();
        self.jobs.iter_mut().for_each(|job| {
            (job.after, job.after_end_of) = (moved(&job.after), moved(&job.after_end_of));
        });
        let mut keep = kept.iter();
        self.jobs.retain(|_| keep.next() == Some(&true));
        let mut keep = kept.iter();
        self.tasks.retain(|_| keep.next() == Some(&true));
    }

    /// The file that somebody claims while he makes the results of a task; `None` for a task that claims none.
    pub(crate) fn claimed_at(&self, task: usize) -> Option<PathBuf> {
        let paths = |run: &Run| self.places[run.place].store.of(&run.loaded.experiment.name).ok();
        match self.tasks.get(task)? {
            Task::Train(run) => Some(paths(run)?.weights()),
            Task::Analyse(run) => Some(paths(run)?.analysis()),
            Task::Boundary(run) => Some(paths(run)?.boundary()),
            Task::Figure(_) | Task::Report => None,
        }
    }

    /// Adds the tasks of an experiment: training in every store, analysis and boundary where they are needed.
    fn experiment(
        &mut self,
        name: &str,
        seeds: &[u64],
        known: &mut BTreeMap<(usize, String), [usize; 2]>,
    ) -> Result<[usize; 2], LabError> {
        let loaded = catalogue::load(name)?;
        let own = loaded.experiment.seed;
        // The main store holds the experiment with its own seed.
        let mut folders = vec![0];
        folders.extend(seeds.iter().enumerate().filter(|(_, s)| **s != own).map(|(i, _)| i + 1));
        let mut runs = Vec::new();
        for &place in &folders {
            let seeded = self.places[place].seeded(loaded.clone());
            runs.push(Run { place, loaded: seeded.clone() });
            if known.contains_key(&(place, name.to_owned())) {
                continue;
            }
            let mut before: Option<usize> = None;
            for start in chain(&seeded)?.into_iter().chain([seeded.clone()]) {
                let run = Run { place, loaded: self.places[place].seeded(start) };
                let same = |t: &Task| matches!(t, Task::Train(r) if r.place == place && r.name() == run.name());
                let existing = self.tasks.iter().position(same);
                before = Some(existing.unwrap_or_else(|| self.add(Task::Train(run), before.into_iter().collect())));
            }
            let run = Run { place, loaded: seeded };
            let analysis = self.add(Task::Analyse(run.clone()), before.into_iter().collect());
            let boundary = self.add(Task::Boundary(run), vec![analysis]);
            known.insert((place, name.to_owned()), [analysis, boundary]);
        }
        if !self.runs.iter().any(|r| r[0].name() == runs[0].name()) {
            self.runs.push(runs);
        }
        Ok(known[&(0, name.to_owned())])
    }

    fn add(&mut self, task: Task, after: Vec<usize>) -> usize {
        self.tasks.push(task);
        self.jobs.push(Job { after, ..Job::default() });
        self.tasks.len() - 1
    }
}
