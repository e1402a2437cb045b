//! Requests at the limits of memory, and requests that need less than a spectrum.

use crate::common::{Folder, Recorder, lab, lab_of, small};
use heigen_lab::{
    AnalysisRequest, Asked, DensityAsked, EstimatesAsked, Found, Keep, LabError, Making, NoteKind, Product, Summary,
};

#[test]
fn cosines_that_memory_does_not_hold_are_left_out_and_said_so() {
    let folder = Folder::new();
    let request = |coherence: bool| AnalysisRequest {
        store: folder.store("results"),
        experiment: folder.experiment("plain", &small(10)),
        asked: Asked { keep: Keep { coherence, ..Keep::default() }, ..Asked::default() },
        making: Making::default(),
    };
    // Memory for the cosines of the gradients of 150 losses of 123 parameters, and not of 450 logits.
    let (n, p) = (150.0, 123.0);
    let (tight, notes) = (lab_of(8.0 * (n * n + 3.0 * p * n) + 1000.0), Recorder::default());
    let (_, paths) = tight.analyse(&request(false), &notes).unwrap();
    let left_out = |kind: &NoteKind| matches!(kind, NoteKind::CoherenceLeftOut { of: "logit", .. });
    assert_eq!(notes.count(left_out), 1);
    assert!(paths.coherence().exists() && !paths.logit_coherence().exists());
    assert!(matches!(tight.analyse(&request(true), &()), Err(LabError::Memory { .. })));
    // With memory enough they are made where they are asked for.
    lab().analyse(&request(true), &()).unwrap();
    assert!(paths.logit_coherence().exists());
}

#[test]
fn estimates_alone_compute_no_eigenpairs() {
    let folder = Folder::new();
    let density = Some(DensityAsked { probes: 3, steps: 20 });
    let request = AnalysisRequest {
        store: folder.store("results"),
        experiment: folder.experiment("plain", &small(10)),
        asked: Asked {
            estimates: EstimatesAsked { trace: Some(40), density, ..EstimatesAsked::default() },
            ..Asked::default()
        },
        making: Making::default(),
    };
    let notes = Recorder::default();
    let (found, paths) = lab().analyse(&request, &notes).unwrap();
    let Found::Estimates(record) = &found else { panic!("{found:?}") };
    assert!(paths.analysis().ends_with("plain+estimates_analysis.json") && paths.density().exists());
    assert!(!paths.heigenvalues().exists());
    // They are those beside the whole spectrum, whose trace is known.
    let mut whole = request.clone();
    whole.asked.how.way = heigen_lab::Way::Dense;
    let (Found::Whole(all), _) = lab().analyse(&whole, &()).unwrap() else { panic!() };
    assert_eq!(all.estimates, record.estimates);
    let trace = record.estimates.trace.unwrap();
    assert!((trace.value - all.summary.trace).abs() < 6.0 * trace.standard_error.max(1e-12), "{trace:?}");
    // The summary is read back from its JSON, and the result is reused.
    let summary = Summary::from(found.clone());
    assert_eq!(Summary::parse(&summary.to_json().unwrap().to_string()).unwrap(), summary);
    lab().analyse(&request, &notes).unwrap();
    assert_eq!(notes.count(|kind| matches!(kind, NoteKind::Reused { what: Product::Analysis { .. }, .. })), 1);
}
