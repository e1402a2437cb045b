//! Tests of labs side by side, of requests that are stopped, and of work that must be done only once.

use crate::common::{Folder, Recorder, StopsAt, imported, lab, model_files, small};
use heigen_lab::{
    AnalysisRequest, Asked, BoundaryRequest, Drawing, FIGURES, FigureRequest, How, LabError, Making, NoteKind, Parts,
    Product, ReproduceRequest, StudyRequest, TrainRequest, find_figure, stage,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

#[test]
fn two_labs_work_side_by_side_and_one_is_stopped() {
    let folder = Folder::new();
    let experiment = folder.experiment("long", &small(2_000));
    let [stopped, finished] = ["stopped", "finished"].map(|name| AnalysisRequest {
        store: folder.store(name),
        experiment: experiment.clone(),
        asked: Asked::default(),
        making: Making::default(),
    });
    std::thread::scope(|scope| {
        let other = scope.spawn(|| lab().analyse(&finished, &()));
        // The request is stopped in the middle of the training, and then, when that is done, in the middle of the
        // spectrum.
        let spectrum = heigen_spectra::stage::EIGENPROBLEM;
        for (at, n, left) in [(stage::TRAINING, 3, vec![]), (spectrum, 1, model_files("long"))] {
            let watch = StopsAt::stage(at, n);
            let error = lab().analyse(&stopped, &watch).unwrap_err();
            assert!(error.is_stopped() && matches!(error, LabError::Stopped), "{error:?}");
            assert!(watch.asked.load(Ordering::Relaxed) == n, "{at} was not reached");
            assert_eq!(folder.names("stopped"), left);
        }
        other.join().unwrap().unwrap();
    });
    // The request that was stopped goes on, and ends at the same bytes.
    lab().analyse(&stopped, &()).unwrap();
    assert!(folder.files("stopped") == folder.files("finished"));
}

/// A request that its watch may stop.
type Stoppable<'a> = dyn Fn(&StopsAt) -> Result<(), LabError> + 'a;

#[test]
fn stopped_at_any_moment_a_request_leaves_no_file() {
    let folder = Folder::new();
    let lab = lab();
    let experiment = folder.experiment("plain", &small(130));
    let store = folder.store("results");
    let making = Making::default();
    let train = || TrainRequest { store: store.clone(), experiment: experiment.clone(), making: making.clone() };
    let analyse = || AnalysisRequest {
        store: store.clone(),
        experiment: experiment.clone(),
        asked: Asked::default(),
        making: making.clone(),
    };
    let boundary = || BoundaryRequest {
        store: store.clone(),
        asked: heigen_lab::Asked::default(),
        experiment: experiment.clone(),
        margin: false,
        making: making.clone(),
    };
    let figure = find_figure("2").unwrap();
    let draw = || FigureRequest {
        store: store.clone(),
        figure,
        experiments: vec![experiment.clone()],
        how: How::default(),
        parts: Parts::default(),
        drawing: Drawing { resolution: 5, ..Drawing::paper(figure) },
        asked: None,
        folder: folder.path("results/figures"),
        making: making.clone(),
    };
    let requests: [&Stoppable; 4] = [
        &|watch| lab.train(&train(), watch).map(drop),
        &|watch| lab.analyse(&analyse(), watch).map(drop),
        &|watch| lab.boundary(&boundary(), watch).map(drop),
        &|watch| lab.draw(&draw(), watch).map(drop),
    ];
    for request in requests {
        let before = folder.files("results");
        let mut n = 1;
        while let Err(error) = request(&StopsAt::event(n)) {
            assert!(error.is_stopped(), "{error:?}");
            assert!(folder.files("results") == before, "stopped at event {n}");
            n += 1;
        }
        assert!(n > 1, "nothing asked");
    }
}

#[test]
fn of_two_that_want_the_same_model_one_trains_it() {
    let folder = Folder::new();
    let request = TrainRequest {
        store: folder.store("results"),
        experiment: folder.experiment("shared", &small(3_000)),
        making: Making::default(),
    };
    let notes = Recorder::default();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| lab().train(&request, &notes).unwrap());
        }
    });
    assert_eq!(notes.count(|kind| matches!(kind, NoteKind::Trained { .. })), 1);
    assert_eq!(notes.count(|kind| matches!(kind, NoteKind::Reused { .. })), 2);
    assert!(folder.names("results").iter().all(|name| !name.contains("claim")));
}

#[test]
fn a_reproduction_is_stopped_as_a_whole() {
    let folder = Folder::new();
    let request = ReproduceRequest {
        store: folder.store("results"),
        figures: vec![&FIGURES[0]],
        seeds: vec![],
        folder: folder.path("figures"),
        report: folder.path("report"),
        making: Making::default(),
        memory: None,
        part: heigen_lab::Part::Whole,
        command: None,
        live: None,
        beside: None,
    };
    let lab = lab();
    let planned = lab.plan(&request, &()).unwrap();
    assert_eq!(planned.tasks().len(), 5);
    assert!(matches!(lab.reproduce(&planned, &StopsAt::event(2)), Err(LabError::Stopped)));
    assert_eq!(folder.names("results"), Vec::<String>::new());
    assert!(!folder.path("report/index.html").exists());
}

#[test]
fn samples_are_prepared_and_weights_read_once_in_a_study() {
    let folder = Folder::new();
    let (model, data) = folder.foreign();
    let request = StudyRequest {
        store: folder.store("results"),
        import: imported(model, data),
        asked: Asked::default(),
        margin: false,
        figures: folder.path("figures"),
        report: folder.path("report"),
        making: Making::default(),
        command: None,
        live: None,
    };
    let lab = lab();
    let watch = Recorder::default();
    let study = lab.study(&request, &watch).unwrap();
    assert!(study.boundary.is_some() && study.pictures.len() == 6, "{:?}", study.notes);
    let counts = lab.counts();
    assert_eq!((counts.samples_prepared, counts.weights_read), (1, 1));
    let analyses = watch.count(|kind| matches!(kind, NoteKind::Made { what: Product::Analysis { .. }, .. }));
    assert_eq!(analyses, 1);
    // The second study knows the samples by their content. It reads two files of weights: the network's and the stored
    // ones.
    lab.study(&request, &watch).unwrap();
    let counts = lab.counts();
    assert_eq!((counts.samples_prepared, counts.weights_read), (1, 3));
    // A file with other content is another set of samples.
    let path = PathBuf::from(&request.import.data.path);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end().rsplit_once('\n').unwrap().0).unwrap();
    lab.study(&request, &watch).unwrap();
    assert_eq!(lab.counts().samples_prepared, 2);
}

#[test]
fn forced_everything_is_made_once() {
    let folder = Folder::new();
    let experiment = folder.experiment("plain", &small(10));
    let figure = find_figure("5").unwrap();
    let request = |force: bool| FigureRequest {
        store: folder.store("results"),
        figure,
        experiments: vec![experiment.clone()],
        how: How::default(),
        parts: Parts::default(),
        drawing: Drawing { resolution: 5, ..Drawing::paper(figure) },
        asked: None,
        folder: folder.path("figures"),
        making: Making { force, ..Making::default() },
    };
    let lab = lab();
    for force in [false, true] {
        let watch = Recorder::default();
        lab.draw(&request(force), &watch).unwrap();
        assert_eq!(watch.count(|kind| matches!(kind, NoteKind::Trained { .. })), 1);
        for product in ["Analysis", "Boundary"] {
            let made = |kind: &NoteKind| matches!(kind, NoteKind::Made { what, .. } if format!("{what:?}").starts_with(product));
            assert_eq!(watch.count(made), 1, "{product}");
        }
    }
    let watch = Recorder::default();
    lab.draw(&request(false), &watch).unwrap();
    assert_eq!(watch.count(|kind| matches!(kind, NoteKind::Reused { .. })), 3, "model, analysis, figure");
}

#[test]
fn the_engine_knows_no_face() {
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, found) } else { found.push(path) }
        }
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(own.join("Cargo.toml")).unwrap();
    for dependency in ["clap", "indicatif", "anyhow", "ctrlc", "signal-hook"] {
        assert!(!manifest.contains(dependency), "{dependency}");
    }
    let mut files = vec![];
    sources(&own.join("src"), &mut files);
    assert!(files.len() > 30);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        // Words for printing, ending the process, the environment, global threads, and options of a command line.
        for word in
            ["println!", "print!(", "process::exit", "env::var", "build_global", "current_num_threads()", "\"--", " --"]
        {
            let allowed = word == "current_num_threads()" && file.ends_with("lab.rs");
            assert!(allowed || !code.contains(word), "{}: {word}", file.display());
        }
    }
}
