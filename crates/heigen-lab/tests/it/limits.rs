//! Requests at the limits of memory, and requests that need less than a spectrum.

use crate::common::{Folder, Recorder, lab, lab_of, small};
use heigen_lab::{
    AnalysisRequest, Asked, BoundaryRequest, DensityAsked, Drawing, EstimatesAsked, FigureRequest, Found, How, Keep,
    LabError, Making, NoteKind, Parts, Product, Summary, TopPairs, Way, find_figure,
};

/// Asks for an analysis of the small network: 123 parameters, 150 samples of 3 classes.
fn request(folder: &Folder, asked: Asked) -> AnalysisRequest {
    let (store, experiment) = (folder.store("results"), folder.experiment("plain", &small(10)));
    AnalysisRequest { store, experiment, asked, making: Making::default() }
}

/// The text of the error for which memory does not hold what is asked for.
fn refused(folder: &Folder, memory: f64, asked: Asked) -> String {
    let error = lab_of(memory).analyse(&request(folder, asked), &()).unwrap_err();
    let LabError::Of { source, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(**source, LabError::Memory { .. }), "{error:?}");
    assert!(folder.names("results").iter().all(|name| !name.contains("grads")), "{:?}", folder.names("results"));
    error.in_full()
}

#[test]
fn cosines_that_memory_does_not_hold_are_left_out_and_said_so() {
    let folder = Folder::new();
    let request = |coherence: bool| AnalysisRequest {
        store: folder.store("results"),
        experiment: folder.experiment("plain", &small(10)),
        asked: Asked { keep: Keep { coherence, ..Keep::default() }, ..Asked::default() },
        making: Making::default(),
    };
    // Memory for the whole spectrum of 123 parameters and the cosines of the gradients of 150 losses, and not of 450 logits.
    let (tight, notes) = (lab_of(1.5e6), Recorder::default());
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

/// The notes that the whole spectrum is too much, each the reason and the operations of what is done instead.
fn narrowed(kind: &NoteKind) -> Option<(&str, f64)> {
    match kind {
        NoteKind::TooLarge { n_params: 123, eigenpairs: 10, why, operations, bytes } if *bytes > 0.0 => {
            Some((why, *operations))
        }
        _ => None,
    }
}

#[test]
fn where_memory_holds_no_whole_spectrum_the_largest_eigenvalues_are_computed_and_their_cost_is_said() {
    let folder = Folder::new();
    let by_hand = Asked { top: TopPairs { count: Some(10), ..TopPairs::default() }, ..Asked::default() };
    let (wanted, _) = lab().analyse(&request(&folder, by_hand), &()).unwrap();
    let Found::Top(wanted) = wanted else { panic!("{wanted:?}") };
    // The first memory holds neither the matrix nor its range, the second the spectrum, but not the gradients and their
    // alignments.
    for (memory, reason) in [(3e5, "written out, and"), (6e5, "the gradients of 150 samples and their alignments")] {
        let notes = Recorder::default();
        let (found, paths) = lab_of(memory).analyse(&request(&folder, Asked::default()), &notes).unwrap();
        let Found::Top(record) = found else { panic!("{found:?}") };
        assert_eq!(record.summary.eigenvalues, wanted.summary.eigenvalues);
        assert!(paths.analysis().ends_with("plain+largest-10_analysis.json"));
        let why = |kind: &NoteKind| narrowed(kind).is_some_and(|(why, cost)| why.contains(reason) && cost > 1e6);
        assert_eq!(notes.count(why), 1, "{reason}");
    }
}

/// The rank that is expected fits into memory. That it is larger shows only when the range is followed.
#[test]
fn a_rank_higher_than_memory_can_follow_ends_in_the_largest_eigenvalues_and_not_in_an_error() {
    let folder = Folder::new();
    let mut asked = Asked::default();
    asked.subject.samples = Some(0..12);
    let (notes, lab) = (Recorder::default(), lab_of(3.7e5));
    let (found, _) = lab.analyse(&request(&folder, asked.clone()), &notes).unwrap();
    assert!(matches!(found, Found::Top(_)), "{found:?}");
    let reason = "the 123 x 123 matrix and its eigenvectors need";
    let why = |kind: &NoteKind| narrowed(kind).is_some_and(|(why, _)| why.contains(reason) && !why.contains("ask for"));
    assert_eq!(notes.count(why), 1);
    // It begins after the note: what was asked for is begun, then the smaller part.
    let begun = |kind: &NoteKind| matches!(kind, NoteKind::Making { what: Product::Analysis { .. }, .. });
    assert_eq!(notes.count(begun), 2);
    // Where the way or something that belongs to the whole is asked for, it is refused, and so is what needs the whole.
    for change in [|asked: &mut Asked| asked.how.way = Way::Dense, |asked: &mut Asked| asked.keep.full_basis = true] {
        let mut whole = asked.clone();
        change(&mut whole);
        let error = lab.analyse(&request(&folder, whole), &()).unwrap_err().in_full();
        assert!(error.contains("123") && error.contains("may be used; the largest eigenvalues alone need"), "{error}");
    }
}

#[test]
fn where_memory_holds_no_eigenpairs_the_error_says_how_many_would_fit() {
    let folder = Folder::new();
    // Vectors of 123 numbers, of which 60 are the least that ten pairs need.
    let vectors = |count: f64| count * 8.0 * 123.0;
    let error =
        refused(&folder, vectors(50.0), Asked { how: How { way: Way::Lanczos, ..How::default() }, ..Asked::default() });
    assert!(
        error.contains("10 eigenpairs of order 123 by Lanczos need 57.7 KiB") && error.ends_with("; 7 would fit"),
        "{error}"
    );
    let auto = refused(&folder, vectors(50.0), Asked::default());
    assert!(auto.ends_with("; 7 would fit"), "{auto}");
    let one = refused(&folder, vectors(20.0), Asked::default());
    assert!(one.ends_with("one eigenvalue of a block of up to 102 parameters would fit"), "{one}");
    let four = Asked { top: TopPairs { count: Some(4), ..TopPairs::default() }, ..Asked::default() };
    let (found, _) = lab_of(vectors(50.0)).analyse(&request(&folder, four), &()).unwrap();
    assert!(matches!(found, Found::Top(_)));
}

#[test]
fn gradients_estimates_and_arrays_that_memory_does_not_hold_are_refused_before_they_are_computed() {
    let folder = Folder::new();
    let way = |way: Way| How { way, ..How::default() };
    // The matrix and its eigenvectors fit; the gradients of 150 samples and what is made of them do not.
    let dense = Asked { how: way(Way::Dense), ..Asked::default() };
    for memory in [1.0e6, 1.32e6] {
        let error = refused(&folder, memory, dense.clone());
        assert!(error.contains("the gradients of 150 samples by 123 parameters with their alignments need"), "{error}");
    }
    let kept = Keep { matrix: true, ..Keep::default() };
    let error = refused(&folder, 2e5, Asked { how: way(Way::Exact), keep: kept, ..Asked::default() });
    assert!(error.contains("the 123 x 123 matrix, which is to be kept, need"), "{error}");
    let estimated = |estimates: EstimatesAsked| Asked { estimates, ..Asked::default() };
    let density = Some(DensityAsked { probes: 3, steps: 100 });
    let error = refused(&folder, 1e5, estimated(EstimatesAsked { density, ..EstimatesAsked::default() }));
    assert!(
        error.contains("3 probes of the density with 100 steps each") && error.ends_with("29 steps would fit"),
        "{error}"
    );
    let error = refused(&folder, 1e5, estimated(EstimatesAsked { trace: Some(100), ..EstimatesAsked::default() }));
    assert!(error.contains("100 products of the trace") && error.ends_with("67 would fit"), "{error}");
    let error = refused(&folder, 1e5, estimated(EstimatesAsked { diagonal: Some(10), ..EstimatesAsked::default() }));
    assert!(error.contains("the diagonal need 0.2 MiB"), "{error}");
    let error = refused(&folder, 1e5, estimated(EstimatesAsked { by_layer: true, ..EstimatesAsked::default() }));
    assert!(error.contains("the table by layer need"), "{error}");
    let error = refused(&folder, 1000.0, Asked::default());
    assert!(error.contains("the samples need"), "{error}");
}

#[test]
fn pictures_and_measures_that_memory_does_not_hold_are_refused() {
    let folder = Folder::new();
    lab().analyse(&request(&folder, Asked::default()), &()).unwrap();
    let draw = |memory: f64, name: &str| {
        let figure = heigen_lab::PLOTS.iter().find(|f| f.name == name).or(find_figure(name)).unwrap();
        let request = FigureRequest {
            store: folder.store("results"),
            figure,
            experiments: vec![folder.experiment("plain", &small(10))],
            how: How { way: Way::Auto, ..How::default() },
            parts: Parts::default(),
            drawing: Drawing { resolution: 200, eigenvectors: Some(100), ..Drawing::paper(figure) },
            asked: None,
            folder: folder.path("figures"),
            making: Making::default(),
        };
        lab_of(memory).draw(&request, &()).unwrap_err().in_full()
    };
    let error = draw(2e6, "planes");
    assert!(error.contains("the alignments with 100 vectors in 200 x 200 cells need 91.6 MiB"), "{error}");
    let error = draw(2e6, "2");
    assert!(error.contains("fewer cells or vectors would fit"), "{error}");
    // Arrays that another machine has written.
    let error = draw(1.6e6, "logit-coherence");
    assert!(error.contains("the 450 x 450 numbers of") && error.contains("need 1.5 MiB of memory"), "{error}");
    // A network whose spectrum takes less than the cells in which signs of alignments are compared.
    let mut tiny = small(10);
    tiny["model"]["args"] = serde_json::json!({"num_neurons_layer1": 2, "num_neurons_layer2": 2});
    let (store, experiment) = (folder.store("results"), folder.experiment("tiny", &tiny));
    let boundary =
        BoundaryRequest { store, experiment, asked: Asked::default(), margin: false, making: Making::default() };
    let error = lab_of(2e5).boundary(&boundary, &()).unwrap_err().in_full();
    assert!(error.contains("eigenvectors need") && error.contains("the alignments of"), "{error}");
}
