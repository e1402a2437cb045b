//! The report: every figure, published numbers beside ours, and the paper's claims one by one.

mod beyond;
mod claims;
mod evidence;
mod gathered;
mod published;
mod rules;
mod sections;
mod statistics;

use super::graph::{Graph, Run, Task};
use super::{Found, ReproduceRequest};
use crate::page_text::machine;
use crate::words::seconds;
use crate::{Lab, LabError};
use gathered::Measures;
use heigen_report::{Report, TaskState, Timing, html};
use heigen_store::atomic;
use heigen_store::record::{AnalysisRecord, ModelRecord};
use std::collections::BTreeSet;

/// Writes `index.html` from the records in the store and the drawings in the figures folder.
pub(super) fn write(lab: &Lab, request: &ReproduceRequest, graph: &Graph, found: &Found) -> Result<(), LabError> {
    let all = gathered::gather(graph, &found.well);
    let paper = sections::sections(lab, request, graph, &all, &found.well);
    let report = Report {
        title: "The Hessian and the decision boundary".to_owned(),
        subtitle: "Reproduction of arXiv:2306.07104 by heigen".to_owned(),
        intro: vec![
            "What does the curvature of a trained classifier's loss say about its decision boundary? This page \
             reproduces *Unveiling the Hessian's Connection to the Decision Boundary* (Sabanayagam, Behrens, Adomaityte, \
             Dawid, 2023): every figure, with the numbers that the paper prints beside ours, and the claims one by one with \
             what was measured for and against them."
                .to_owned(),
            "Each spectrum is complete, and carries a certificate: bounds on the errors of its eigenvalues and eigenvectors \
             from products with the Hessian, which stand in the files of the results folder."
                .to_owned(),
            r"*Words.* The Hessian is the matrix of second derivatives of the training loss by all weights, with eigenvalues $\lambda_1, \lambda_2, \dots$ from the largest down and eigenvectors $v_1, v_2, \dots$. The alignment $A_i(x)$ is the cosine of the angle between $v_i$ and the gradient of the loss at an input $x$ with the class that the network predicts there as its label. Normal training starts from small random weights, an adversarial start from weights trained on random labels, a noisy start from weights trained on noisy data, a large norm from small random weights scaled up to the norm of the adversarial start; `c017` are the digits 0, 1 and 7."
                .to_owned(),
        ],
        facts: facts(lab, graph, &all, found.seconds),
        rules: rules::STATED.map(str::to_owned).to_vec(),
        claims: claims::claims(&all),
        sections: [paper, beyond::sections(request, &all)?].concat(),
        timings: timings(graph, found),
        problems: found.failures.clone(),
        footer: "Drawn and written by heigen, from its results alone; the page needs no network.".to_owned(),
    };
    let page = html(&report)?;
    Ok(atomic::write(&request.report.join("index.html"), page.as_bytes())?)
}

fn facts(lab: &Lab, graph: &Graph, all: &[Measures], took: f64) -> Vec<(String, String)> {
    let seeds: BTreeSet<u64> = all.iter().flat_map(|m| m.all.iter().map(|o| o.seed)).collect();
    let seeds = seeds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let alone = all.iter().all(|m| m.all.len() == 1);
    let seeds = if alone { format!("one for each experiment: {seeds}") } else { seeds };
    let source = graph.runs.iter().flatten().find_map(|run| {
        let paths = graph.places[run.place].store.of(&run.loaded.experiment.name).ok()?;
        let source = ModelRecord::load(&paths.record()).ok()?.data_source;
        source.contains("MNIST").then_some(source)
    });
    let facts = [
        ("Program", Some(format!("heigen {}", heigen::VERSION))),
        ("Machine", Some(machine(lab))),
        ("Seeds", Some(seeds)),
        ("Digits", source.map(|s| heigen_report::literal(&s))),
        ("Time", Some(seconds(took))),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The seconds that every task took when it was computed, with the reference's time where that is known.
fn timings(graph: &Graph, found: &Found) -> Vec<Timing> {
    let paths = |run: &Run| graph.places[run.place].store.of(&run.loaded.experiment.name).ok();
    let one = |(i, task): (usize, &Task)| {
        let (seconds, reference_seconds) = match task {
            Task::Train(run) => {
                let record = paths(run).and_then(|p| ModelRecord::load(&p.record()).ok());
                (record.map(|r| r.seconds), published::training(&run.name()))
            }
            Task::Analyse(run) => {
                let record =
                    paths(run).and_then(|p| AnalysisRecord::<heigen::analysis::Summary>::load(&p.analysis()).ok());
                (record.map(|r| r.seconds), published::analysis(&run.name()))
            }
            Task::Boundary(run) => {
                let record =
                    paths(run).and_then(|p| heigen_store::boundary_record::BoundaryRecord::load(&p.boundary()).ok());
                (record.map(|r| r.seconds), None)
            }
            Task::Figure(_) | Task::Report => return None,
        };
        // The record tells how long the task took when it was computed, in this run or earlier.
        let state = match (found.well[i], found.reused[i]) {
            (false, _) => TaskState::Failed,
            (true, true) => TaskState::Reused,
            (true, false) => TaskState::Computed,
        };
        let seconds = seconds.filter(|_| found.well[i]);
        Some(Timing { task: task.name(&graph.places), seconds, reference_seconds, state })
    };
    graph.tasks.iter().enumerate().filter_map(one).collect()
}
