//! A temporary folder with small experiments, and watches.

use heigen::config::FileArgs;
use heigen_lab::{Event, ImportRequest, Lab, LabOptions, LabWatch, Note, NoteKind, Store};
use heigen_store::catalogue::{self, Loaded};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;

pub(crate) fn lab() -> Lab {
    lab_of(1e9)
}

/// A lab whose analyses may take so many bytes.
pub(crate) fn lab_of(memory: f64) -> Lab {
    let options = LabOptions { images: "none".into(), threads: 2, memory, machine: "a machine".into() };
    Lab::new(options).unwrap()
}

/// A small network on three Gaussian blobs.
pub(crate) fn small(epochs: usize) -> Value {
    json!({
        "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 8, "num_neurons_layer2": 8}},
        "optimizer": {"type": "SGD", "args": {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}},
        "dataset": {"type": "gauss_mixtures", "args": {"random": false}},
        "init_model_at": "",
        "train_fraction": 0.5,
        "test_fraction": 0.2,
        "trainer": {"num_epochs": epochs, "how_often_save_model": 50, "how_often_compute_grads": 0,
                    "how_often_print": 50, "batch_size": 64}
    })
}

/// Asks to take in a network of another program, by its own architecture.
pub(crate) fn imported(model: PathBuf, data: String) -> ImportRequest {
    ImportRequest::new(model, FileArgs { path: data, ..FileArgs::default() })
}

/// A temporary folder.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    pub(crate) fn store(&self, name: &str) -> Store {
        Store::folder(self.path(name))
    }

    pub(crate) fn experiment(&self, name: &str, config: &Value) -> Loaded {
        let path = self.path(&format!("my/{name}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, config.to_string()).unwrap();
        catalogue::load(path.to_str().unwrap()).unwrap()
    }

    /// A network of another program and a table of its samples.
    pub(crate) fn foreign(&self) -> (PathBuf, String) {
        let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/foreign");
        let data = self.path("iris.csv");
        fs::copy(foreign.join("iris.csv"), &data).unwrap();
        (foreign.join("iris_mlp.onnx"), data.to_str().unwrap().to_owned())
    }

    /// All files below a folder, with the measured seconds left out.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        fn visit(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(root, &path, found);
                    continue;
                }
                let mut bytes = fs::read(&path).unwrap();
                if path.extension().is_some_and(|e| e == "json") {
                    let text = String::from_utf8(bytes).unwrap();
                    // The checksum covers the path of the weights.
                    let differs = ["\"seconds\"", "\"weights\": ", "\"checksum\": "];
                    let timeless = |line: &&str| !differs.iter().any(|word| line.contains(word));
                    bytes = text.lines().filter(timeless).collect::<String>().into_bytes();
                }
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), bytes);
            }
        }
        let (root, mut found) = (self.path(folder), BTreeMap::new());
        visit(&root, &root, &mut found);
        found
    }

    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        self.files(folder).into_keys().collect()
    }
}

/// The names of the files of a trained model of 2,000 epochs with snapshots every 50.
pub(crate) fn model_files(name: &str) -> Vec<String> {
    let snapshots = (0..=40).map(|i| format!("models/my/{name}_snapshots/epoch_{:06}.safetensors", 50 * i));
    let model = ["json", "safetensors"].map(|ending| format!("models/my/{name}.{ending}"));
    let mut all: Vec<String> = snapshots.chain(model).collect();
    all.sort();
    all
}

/// A watch that stops a request at one of its events, and checks that it is asked on the caller's thread.
pub(crate) struct StopsAt {
    stage: Option<&'static str>,
    at: usize,
    pub(crate) asked: AtomicUsize,
    thread: Option<ThreadId>,
}

impl StopsAt {
    /// Stops at the event with this number, counted from 1.
    pub(crate) fn event(at: usize) -> Self {
        Self { stage: None, at, asked: AtomicUsize::new(0), thread: None }
    }

    /// Stops at the event with this number among those of a stage; made on the thread that must be asked.
    pub(crate) fn stage(stage: &'static str, at: usize) -> Self {
        Self { stage: Some(stage), thread: Some(std::thread::current().id()), ..Self::event(at) }
    }
}

impl LabWatch for StopsAt {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        assert!(self.thread.is_none_or(|thread| thread == std::thread::current().id()), "asked on a worker");
        if self.stage.is_some_and(|stage| stage != event.stage) {
            return ControlFlow::Continue(());
        }
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if asked >= self.at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A watch that keeps all notes.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Note>>);

impl Recorder {
    pub(crate) fn count(&self, of: impl Fn(&NoteKind) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|note| of(&note.kind)).count()
    }
}

impl LabWatch for Recorder {
    fn note(&self, note: &Note) {
        self.0.lock().unwrap().push(note.clone());
    }
}
