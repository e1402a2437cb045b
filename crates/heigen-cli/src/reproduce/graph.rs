//! What there is to do: experiment -> its starting model -> analysis -> boundary -> figures -> report.

use super::schedule::Job;
use crate::figure::Figure;
use crate::session::Session;
use anyhow::Result;
use heigen_store::catalogue::{self, Loaded, chain};
use heigen_store::layout::Results;
use std::collections::BTreeMap;

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Train an experiment.
    Train(Run),
    /// Analyse its Hessian.
    Analyse(Run),
    /// Measure its decision boundary.
    Boundary(Run),
    /// Draw a figure.
    Figure(&'static Figure),
    /// Write the report.
    Report,
}

/// An experiment in one of the results folders.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Which of [`Graph::sessions`].
    pub(crate) session: usize,
    pub(crate) loaded: Loaded,
}

impl Run {
    pub(crate) fn name(&self) -> String {
        self.loaded.experiment.name.to_string()
    }
}

/// Tasks, what they need, and the results folders that they work in: the first is the main one, the others are of one
/// seed each.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) sessions: Vec<Session>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) jobs: Vec<Job>,
    /// The figures' experiments in order, each in the results folder of every seed.
    pub(crate) runs: Vec<Vec<Run>>,
}

impl Task {
    /// What it is called in messages.
    pub(crate) fn name(&self, sessions: &[Session]) -> String {
        let of = |verb: &str, run: &Run| {
            let seed = sessions[run.session].seed.map_or_else(String::new, |s| format!(" (seed {s})"));
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
    /// Everything that `figures` and the report need, repeated over `seeds`.
    pub(crate) fn new(session: Session, figures: &[&'static Figure], seeds: &[u64]) -> Result<Self> {
        let results = session.results.clone();
        let folder = |seed: &u64| Results::new(results.dir().join("seeds").join(seed.to_string()));
        let seeded: Vec<Session> = seeds.iter().map(|seed| session.at_seed(folder(seed), *seed)).collect();
        let sessions = [session].into_iter().chain(seeded).collect();
        let mut graph = Self { sessions, tasks: vec![], jobs: vec![], runs: vec![] };
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
        Ok(graph)
    }

    /// The tasks of an experiment in every results folder; analysis and boundary in the main one.
    fn experiment(
        &mut self,
        name: &str,
        seeds: &[u64],
        known: &mut BTreeMap<(usize, String), [usize; 2]>,
    ) -> Result<[usize; 2]> {
        let loaded = catalogue::load(name)?;
        let own = loaded.experiment.seed;
        // The main folder holds the experiment's own seed.
        let mut folders = vec![0];
        folders.extend(seeds.iter().enumerate().filter(|(_, s)| **s != own).map(|(i, _)| i + 1));
        let mut runs = Vec::new();
        for &session in &folders {
            let seeded = self.sessions[session].seeded(loaded.clone());
            runs.push(Run { session, loaded: seeded.clone() });
            if known.contains_key(&(session, name.to_owned())) {
                continue;
            }
            let mut before: Option<usize> = None;
            for start in chain(&seeded)?.into_iter().chain([seeded.clone()]) {
                let run = Run { session, loaded: self.sessions[session].seeded(start) };
                let same = |t: &Task| matches!(t, Task::Train(r) if r.session == session && r.name() == run.name());
                let existing = self.tasks.iter().position(same);
                before = Some(existing.unwrap_or_else(|| self.add(Task::Train(run), before.into_iter().collect())));
            }
            let run = Run { session, loaded: seeded };
            let analysis = self.add(Task::Analyse(run.clone()), before.into_iter().collect());
            let boundary = self.add(Task::Boundary(run), vec![analysis]);
            known.insert((session, name.to_owned()), [analysis, boundary]);
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
