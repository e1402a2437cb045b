//! Networks and samples that are handed over in memory give what their files give; stored analyses are found, moved and
//! drawn without new files.

use crate::common::{Folder, Recorder, lab, small};
use heigen::curvature::SymmetricOperator;
use heigen::linalg::Matrix;
use heigen_lab::{
    AnalysisRequest, Asked, Drawing, ExperimentStudyRequest, FigureRequest, Found, Given, How, ImportRequest, Imported,
    Making, Matter, NoteKind, Owned, PLOTS, Parts, Store, TopPairs,
};
use heigen_store::npy::{self, Order};
use heigen_store::own_data::Opened;
use heigen_store::weights::NamedTensor;
use heigen_store::{atomic, files};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

const ARCHITECTURE: &str = r#"{"layers": [{"type": "linear", "name": "a", "out_features": 3}, {"type": "tanh"},
    {"type": "linear", "name": "b", "out_features": 2}]}"#;

fn tensors() -> Vec<NamedTensor<f64>> {
    let tensor = |name: &str, shape: &[usize], from: usize| {
        let count: usize = shape.iter().product();
        let values = (from..from + count).map(|i| (1.7 * i as f64).sin()).collect();
        NamedTensor { name: name.to_owned(), shape: shape.to_vec(), values }
    };
    vec![
        tensor("a.weight", &[3, 2], 0),
        tensor("a.bias", &[3], 6),
        tensor("b.weight", &[2, 3], 9),
        tensor("b.bias", &[2], 15),
    ]
}

/// The bytes of .npy files of the samples.
fn samples() -> (Vec<u8>, Vec<u8>) {
    let folder = files::MemoryFolder::new();
    let (x, y) = (folder.dir().join("x.npy"), folder.dir().join("y.npy"));
    let features: Vec<f32> = (0..40).map(|i| (0.9 * i as f32).cos()).collect();
    let labels: Vec<i64> = (0..20).map(|i| i % 2).collect();
    npy::write(&x, &[20, 2], Order::C, &features).unwrap();
    npy::write(&y, &[20], Order::C, &labels).unwrap();
    (files::read(&x).unwrap(), files::read(&y).unwrap())
}

fn request(model: PathBuf) -> ImportRequest {
    let data = heigen::config::FileArgs { path: "X".into(), ..Default::default() };
    ImportRequest { name: Some("own/net".to_owned()), ..ImportRequest::new(model, data) }
}

fn given() -> ImportRequest {
    let (x, y) = samples();
    let given = Given {
        architecture: Some(ARCHITECTURE.to_owned()),
        tensors: Some(Arc::new(tensors())),
        samples: Some(Arc::new(Opened::of_arrays(x, y))),
        ties_are_known: true,
    };
    ImportRequest { given, ..request("a module".into()) }
}

fn analysed(store: &Store, imported: &Imported, asked: Asked) -> Found {
    let (store, experiment) = (store.clone(), imported.experiment.clone());
    lab().analyse(&AnalysisRequest { store, experiment, asked, making: Making::default() }, &()).unwrap().0
}

fn eigenvalues(found: &Found) -> Vec<f64> {
    match found {
        Found::Whole(record) => record.summary.eigenvalues_top.clone(),
        Found::Top(record) => record.summary.eigenvalues.clone(),
        Found::Estimates(_) => vec![],
    }
}

#[test]
fn what_is_handed_over_in_memory_gives_what_its_files_give() {
    let folder = Folder::new();
    let (x, y) = samples();
    let [model, arch, x_path, y_path] =
        ["net.safetensors", "arch.json", "X.npy", "y.npy"].map(|name| folder.path(name));
    heigen_store::weights::save(&model, &tensors(), &BTreeMap::default()).unwrap();
    std::fs::write(&arch, ARCHITECTURE).unwrap();
    std::fs::write(&x_path, x).unwrap();
    std::fs::write(&y_path, y).unwrap();
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let data = heigen::config::FileArgs {
        path: text(&x_path),
        labels_path: Some(text(&y_path)),
        ..heigen::config::FileArgs::default()
    };
    let by_files = ImportRequest { arch: Some(text(&arch)), data, ..request(model) };
    let (memory, disk) = (Store::memory(), folder.store("results"));
    let imported = lab().import(&disk, &by_files, &()).unwrap();
    let wanted = analysed(&disk, &imported, Asked::default());
    let imported = lab().import(&memory, &given(), &()).unwrap();
    let got = analysed(&memory, &imported, Asked::default());
    assert_eq!(eigenvalues(&got), eigenvalues(&wanted));
    assert_eq!(eigenvalues(&got).len(), 17);
    // Beside the experiment stand its samples.
    let names: Vec<String> = memory.files().unwrap().iter().map(|p| p.display().to_string()).collect();
    assert!(names.iter().any(|name| name.ends_with("experiments/own/net_X.npy")), "{names:?}");
}

#[test]
fn an_import_that_fails_leaves_no_samples_behind() {
    let folder = Folder::new();
    let mut wrong = given();
    wrong.given.architecture = Some(ARCHITECTURE.replace("3}", "4}"));
    assert!(lab().import(&folder.store("results"), &wrong, &()).is_err());
    assert!(folder.names("results").is_empty());
}

#[test]
fn a_copied_analysis_is_found_up_to_date_where_it_stands_then() {
    let folder = Folder::new();
    let (memory, disk) = (Store::memory(), folder.store("results"));
    let imported = lab().import(&memory, &given(), &()).unwrap();
    let ggn = Matter { operator: heigen::curvature::OperatorKind::GaussNewton, ..Matter::default() };
    let part = Asked { top: TopPairs { count: Some(2), ..TopPairs::default() }, subject: ggn, ..Asked::default() };
    let (whole, some) = (analysed(&memory, &imported, Asked::default()), analysed(&memory, &imported, part));
    memory.copy(&imported.experiment.experiment.name, &disk, false).unwrap();
    drop(memory);
    let found = disk.analyses();
    assert_eq!(found.len(), 2, "{found:?}");
    for (path, wanted) in found.iter().zip([&some, &whole]) {
        let stored = disk.analysis(path).unwrap();
        assert_eq!(eigenvalues(&stored.found), eigenvalues(wanted));
        let request = AnalysisRequest {
            store: disk.clone(),
            experiment: stored.experiment,
            asked: stored.asked,
            making: Making::default(),
        };
        let notes = Recorder::default();
        lab().analyse(&request, &notes).unwrap();
        assert_eq!(notes.count(|kind| matches!(kind, NoteKind::Reused { .. })), 1, "{}", path.display());
    }
    // Another network of that name is not replaced, unless asked.
    let other = Store::memory();
    let mut request = given();
    let mut tensors = tensors();
    tensors[0].values[0] += 1.0;
    request.given.tensors = Some(Arc::new(tensors));
    let name = lab().import(&other, &request, &()).unwrap().experiment.experiment.name;
    assert!(other.copy(&name, &disk, false).is_err());
    other.copy(&name, &disk, true).unwrap();
}

#[test]
fn a_record_of_something_else_is_no_analysis() {
    let folder = Folder::new();
    let disk = folder.store("results");
    let path = folder.path("results/grads/own/net_analysis.json");
    atomic::write(&path, br#"{"format": "heigen boundary", "version": 1}"#).unwrap();
    assert_eq!(disk.analyses(), std::slice::from_ref(&path));
    let error = disk.analysis(&path).unwrap_err().to_string();
    assert!(error.contains("is no analysis that can be used"), "{error}");
}

#[test]
fn an_owned_operator_outlives_the_lab_and_multiplies_by_the_analysed_matrix() {
    let store = Store::memory();
    let imported = lab().import(&store, &given(), &()).unwrap();
    let subject = Matter { layers: vec!["b".to_owned()], weight_decay: 0.25, ..Matter::default() };
    let asked = Asked { subject, ..Asked::default() };
    let found = analysed(&store, &imported, asked.clone());
    let (store, experiment) = (store, imported.experiment);
    let request = AnalysisRequest { store, experiment, asked, making: Making::default() };
    let owned: Owned<f64> = lab().operator(&request, &()).unwrap();
    drop(request);
    let p = owned.operator.n_params();
    assert_eq!(p, 8);
    let mut identity = Matrix::zeros(p, p);
    (0..p).for_each(|i| identity.data[i * p + i] = 1.0);
    let product = owned.operator.product(&identity).unwrap();
    let trace: f64 = (0..p).map(|i| product.data[i * p + i]).sum();
    assert!((trace - eigenvalues(&found).iter().sum::<f64>()).abs() < 1e-12);
    assert!(owned.operator.split().unwrap().is_some());
}

#[test]
fn figures_and_pages_of_an_experiment_leave_the_store_as_it_is() {
    let folder = Folder::new();
    let (lab, store) = (lab(), Store::memory());
    let experiment = folder.experiment("plain", &small(50));
    let request = |name: &str, asked: Asked| FigureRequest {
        store: store.clone(),
        figure: PLOTS.iter().find(|figure| figure.name == name).unwrap(),
        experiments: vec![experiment.clone()],
        how: How::default(),
        parts: Parts::default(),
        drawing: Drawing::paper(PLOTS.iter().find(|figure| figure.name == name).unwrap()),
        asked: Some(asked),
        folder: PathBuf::new(),
        making: Making::default(),
    };
    let ggn = Matter { operator: heigen::curvature::OperatorKind::GaussNewton, ..Matter::default() };
    let ggn = Asked { subject: ggn, ..Asked::default() };
    let plain = heigen_figures::svg(&lab.compose(&request("spectrum", Asked::default()), &()).unwrap()).unwrap();
    let other = heigen_figures::svg(&lab.compose(&request("spectrum", ggn), &()).unwrap()).unwrap();
    assert_ne!(plain, other);
    let before = store.files().unwrap();
    let aside = Store::memory();
    let page = lab
        .study_experiment(
            &ExperimentStudyRequest {
                store: store.clone(),
                experiment: experiment.clone(),
                asked: Asked::default(),
                margin: false,
                figures: aside.dir().join("figures"),
                report: aside.dir().join("report"),
                notes: vec!["a note of the face's".to_owned()],
                warnings: vec![],
                making: Making::default(),
                command: None,
                live: None,
            },
            &(),
        )
        .unwrap();
    assert!(files::read_to_string(&page.report).unwrap().contains("a note of the face"));
    let added = |path: &&PathBuf| !before.contains(path);
    let new: Vec<String> =
        store.files().unwrap().iter().filter(added).map(|p| p.file_name().unwrap().to_string_lossy().into()).collect();
    assert_eq!(new, ["plain_boundary.json", "plain_logits.npy"]);
}
