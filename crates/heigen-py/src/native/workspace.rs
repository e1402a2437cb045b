//! An experiment with its results, in the hands of Python.

use super::asked::Options;
use super::drawing::DrawingOptions;
use super::following::FollowOptions;
use super::labs::{Resources, lab};
use super::operator::NativeHandle;
use super::running::run;
use super::{errors, network};
use heigen::curvature::named_parameters;
use heigen::vocabulary::Targets;
use heigen_lab::{
    AnalysisRequest, Asked, AttributionRequest, BoundaryRequest, Dtype, ExperimentStudyRequest, Figure, FigureRequest,
    How, Lab, LabError, Making, Owned, PLOTS, Parts, Store, Summary, TrainRequest,
};
use heigen_store::catalogue::{self, Loaded};
use heigen_store::own_data::Opened;
use heigen_store::weights::NamedTensor;
use heigen_store::{atomic, files};
use numpy::{PyArray1, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Notes of a piece of work, each with whether it is a warning.
type Notes = Vec<(bool, String)>;
/// Numbers of an analysis as JSON, the path of its record, and notes.
type Analysed = (String, String, Notes);
/// A tensor: its name, its shape, its numbers.
type Tensor<'py> = (String, Vec<usize>, Bound<'py, PyArray1<f64>>);

/// An experiment, the lab that works on it, and the store that keeps its results.
#[pyclass(frozen, module = "heigen._heigen")]
pub(crate) struct Workspace {
    resources: Resources,
    store: Store,
    experiment: Loaded,
}

/// Where a tensor stands: its name, its first place, one past its last, and its shape.
type Places = (String, usize, usize, Vec<usize>);

/// Options of making results.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MakingOptions {
    seed: Option<u64>,
    pretrained: Option<PathBuf>,
    force: bool,
    eval_every: Option<usize>,
}

/// A followed training: its record as JSON, the path of the record, the pictures' kinds with their files, and notes.
type Followed = (String, String, Vec<(&'static str, Vec<PathBuf>)>, Notes);

/// A value from JSON that the package's own code wrote.
fn parsed<T: for<'de> Deserialize<'de>>(py: Python<'_>, json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|e| errors::input(py, &e.to_string()))
}

fn making(py: Python<'_>, json: &str) -> PyResult<Making> {
    let MakingOptions { seed, pretrained, force, eval_every } = parsed(py, json)?;
    Ok(Making { seed, pretrained, force, eval_every, ..Making::default() })
}

fn asked(py: Python<'_>, json: &str) -> PyResult<Asked> {
    Options::parse(json).and_then(|options| options.asked()).map_err(|text| errors::input(py, &text))
}

fn store(folder: Option<PathBuf>) -> Store {
    folder.map_or_else(Store::memory, Store::folder)
}

fn in_json(py: Python<'_>, found: impl Into<Summary>) -> PyResult<String> {
    let value = found.into().to_json().map_err(|e| errors::internal(py, &e.to_string()))?;
    Ok(value.to_string())
}

/// The picture or figure of a name.
fn figure(py: Python<'_>, name: &str) -> PyResult<&'static Figure> {
    let figure = PLOTS.iter().find(|figure| figure.name == name).or_else(|| heigen_lab::find_figure(name));
    figure.ok_or_else(|| errors::input(py, &format!("there is no picture \"{name}\"")))
}

#[pymethods]
impl Workspace {
    /// Takes in a network with its samples; whatever is not given in memory is read from the files that `origin` names.
    #[staticmethod]
    #[pyo3(signature = (origin, resources, folder, tensors, samples, progress))]
    fn taken_in(
        py: Python<'_>,
        origin: &str,
        resources: &str,
        folder: Option<PathBuf>,
        tensors: Option<Vec<(String, PyReadonlyArrayDyn<'_, f64>)>>,
        samples: Option<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Self, Notes)> {
        let mut taken = None;
        if let Some(tensors) = tensors {
            let one = |(name, values): (String, PyReadonlyArrayDyn<'_, f64>)| {
                Ok(NamedTensor { name, shape: values.shape().to_vec(), values: values.as_slice()?.to_vec() })
            };
            taken = Some(tensors.into_iter().map(one).collect::<PyResult<Vec<_>>>()?);
        }
        let samples = samples.map(|(x, y)| Opened::of_arrays(x.as_bytes().to_vec(), y.as_bytes().to_vec()));
        let request = network::request(origin, taken, samples).map_err(|text| errors::input(py, &text))?;
        let resources: Resources = parsed(py, resources)?;
        let store = store(folder);
        let lab = lab(&resources).map_err(|error| errors::of(py, &error))?;
        let into = store.clone();
        let (imported, mut notes) = run(py, progress, move |watch| lab.import(&into, &request, watch))?;
        for (is_warning, said) in [(true, imported.warnings), (false, imported.notes)] {
            for text in said {
                if !notes.contains(&(is_warning, text.clone())) {
                    notes.push((is_warning, text));
                }
            }
        }
        Ok((Self { resources, store, experiment: imported.experiment }, notes))
    }

    /// An experiment that heigen ships, or one in a file.
    #[staticmethod]
    fn named(py: Python<'_>, name: &str, resources: &str, folder: Option<PathBuf>) -> PyResult<(Self, Vec<String>)> {
        let failed = |error: LabError| errors::of(py, &error);
        let experiment = catalogue::load(name).map_err(|error| failed(error.into()))?;
        if let Some(why) = catalogue::why_not(&experiment).map_err(|error| failed(error.into()))? {
            return Err(errors::input(py, &why));
        }
        let notes = experiment.notes.clone();
        Ok((Self { resources: parsed(py, resources)?, store: store(folder), experiment }, notes))
    }

    /// The paths of the records of all analyses in a folder of results.
    #[staticmethod]
    fn analyses_in(folder: PathBuf) -> Vec<String> {
        Store::folder(folder).analyses().iter().map(|path| path.display().to_string()).collect()
    }

    /// An analysis that stands in a folder, or in files that are given by their paths below one; with its options, and the
    /// path of its record. Of several records the one that `record` ends is taken.
    #[staticmethod]
    #[pyo3(signature = (resources, folder, given, record))]
    fn stored(
        py: Python<'_>,
        resources: &str,
        folder: Option<PathBuf>,
        given: Option<BTreeMap<String, Bound<'_, PyBytes>>>,
        record: &str,
    ) -> PyResult<(Self, String, String, String)> {
        let failed = |error: LabError| errors::of(py, &error);
        let mut store = store(folder);
        if let Some(given) = given {
            // What was taken along stood in another folder, whose name is left behind by the copy.
            let there = Store::memory();
            for (path, bytes) in &given {
                atomic::write(&there.dir().join(path), bytes.as_bytes()).map_err(|e| failed(e.into()))?;
            }
            store = there;
        }
        let path = store.dir().join(record);
        let found = store.analysis(&path).map_err(failed)?;
        let options = Options::of(&found.asked).to_json().map_err(|text| errors::internal(py, &text))?;
        let summary = in_json(py, found.found)?;
        let resources = parsed(py, resources)?;
        Ok((Self { resources, store, experiment: found.experiment }, options, path.display().to_string(), summary))
    }

    /// The name of the experiment.
    #[getter]
    fn name(&self) -> String {
        self.experiment.experiment.name.to_string()
    }

    /// The experiment as JSON, every default written out.
    #[getter]
    fn config(&self) -> String {
        self.experiment.experiment.to_json().to_string()
    }

    /// The folder of the results; `None` where they are in memory.
    #[getter]
    fn folder(&self) -> Option<PathBuf> {
        self.store.files().is_none().then(|| self.store.dir().to_owned())
    }

    /// Trains the model, unless that was done before: the record as JSON, and notes.
    fn train(
        &self,
        py: Python<'_>,
        making_options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, Notes)> {
        let making = making(py, making_options)?;
        let request = TrainRequest { store: self.store.clone(), experiment: self.experiment.clone(), making };
        let lab = self.lab(py)?;
        let (trained, notes) = run(py, progress, move |watch| lab.train(&request, watch))?;
        Ok((in_json(py, trained.record)?, notes))
    }

    /// The analysis that `options` ask for, made or found; reasons why its numbers may mislead are among the notes.
    fn analyse(
        &self,
        py: Python<'_>,
        options: &str,
        making_options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Analysed> {
        let request = self.request(asked(py, options)?, making(py, making_options)?);
        let lab = self.lab(py)?;
        let ((found, paths, doubts), mut notes) = run(py, progress, move |watch| {
            let (found, paths) = lab.analyse(&request, watch)?;
            let doubts = lab.doubts(&request, &found, watch)?;
            Ok((found, paths, doubts))
        })?;
        notes.extend(doubts.into_iter().map(|doubt| (true, doubt)));
        Ok((in_json(py, found)?, paths.analysis().display().to_string(), notes))
    }

    /// Reasons why the numbers of the analysis whose record stands at `record` may mislead.
    fn doubts(&self, py: Python<'_>, record: &str) -> PyResult<Vec<String>> {
        let stored = self.store.analysis(Path::new(record)).map_err(|error| errors::of(py, &error))?;
        let request = self.request(stored.asked, Making::default());
        let lab = self.lab(py)?;
        let (doubts, _) = run(py, None, move |watch| lab.doubts(&request, &stored.found, watch))?;
        Ok(doubts)
    }

    /// The measures of the decision boundary, as JSON.
    fn boundary(
        &self,
        py: Python<'_>,
        options: &str,
        making_options: &str,
        margin: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let AnalysisRequest { store, experiment, asked, making } =
            self.request(asked(py, options)?, making(py, making_options)?);
        let request = BoundaryRequest { store, experiment, asked, margin, making };
        let lab = self.lab(py)?;
        let (record, _) = run(py, progress, move |watch| lab.boundary(&request, watch))?;
        in_json(py, record)
    }

    /// The attribution of the leading eigenvectors of the analysis that `options` ask for, as JSON, and notes.
    fn attribution(
        &self,
        py: Python<'_>,
        options: &str,
        making_options: &str,
        vectors: Option<usize>,
        rise: f64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, Notes)> {
        let AnalysisRequest { store, experiment, asked, making } =
            self.request(asked(py, options)?, making(py, making_options)?);
        let request = AttributionRequest { store, experiment, asked, vectors, rise, making };
        let lab = self.lab(py)?;
        let (record, notes) = run(py, progress, move |watch| lab.attribution(&request, watch))?;
        Ok((in_json(py, record)?, notes))
    }

    /// The spectra along the training that `options` ask for, made or found.
    fn follow(
        &self,
        py: Python<'_>,
        options: &str,
        making_options: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Followed> {
        let options: FollowOptions = parsed(py, options)?;
        let request = options.request(self.store.clone(), self.experiment.clone(), making(py, making_options)?);
        let request = request.map_err(|text| errors::input(py, &text))?;
        let lab = self.lab(py)?;
        let (followed, notes) = run(py, progress, move |watch| lab.follow(&request, watch))?;
        let pictures = followed.pictures.into_iter().map(|picture| (picture.kind, picture.paths)).collect();
        let path = followed.files.record().display().to_string();
        Ok((in_json(py, followed.record)?, path, pictures, notes))
    }

    /// The bytes of an array of a moment of a followed training, `vectors` or `theta`; `None` where it was not kept.
    fn array_of_moment<'py>(
        &self,
        py: Python<'py>,
        record: &str,
        place: usize,
        what: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(folder) = record.strip_suffix(".json") else { return Ok(None) };
        let path = Path::new(folder).join(format!("moment_{place:06}_{what}.npy"));
        if !path.starts_with(self.store.dir()) || !files::is_file(&path) {
            return Ok(None);
        }
        let bytes = files::read(&path).map_err(|source| errors::of(py, &LabError::Read { path, source }))?;
        Ok(Some(PyBytes::new(py, &bytes)))
    }

    /// A picture of the analysis that `options` ask for, as the bytes of a file of the kind `format`.
    #[pyo3(signature = (name, options, making_options, drawing, format, dpi, progress))]
    #[expect(clippy::too_many_arguments, reason = "the package's own code calls it, by one function")]
    fn picture<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        options: &str,
        making_options: &str,
        drawing: &str,
        format: &str,
        dpi: Option<f64>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let figure = figure(py, name)?;
        let (asked, making) = (asked(py, options)?, making(py, making_options)?);
        let own: DrawingOptions = parsed(py, drawing)?;
        let drawing = own.of(figure).map_err(|text| errors::input(py, &text))?;
        let request = FigureRequest {
            store: self.store.clone(),
            figure,
            experiments: vec![self.experiment.clone()],
            how: How::default(),
            parts: Parts::default(),
            drawing,
            asked: Some(asked),
            folder: PathBuf::new(),
            making,
        };
        let (lab, format) = (self.lab(py)?, format.to_owned());
        let (bytes, _) = run(py, progress, move |watch| {
            let scene = lab.compose(&request, watch)?;
            if format == "svg" {
                return Ok(heigen_figures::svg(&scene)?.into_bytes());
            }
            let rendered = heigen_figures::render_at(&scene, dpi.unwrap_or(heigen_figures::DEFAULT_DPI))?;
            Ok(if format == "pdf" { rendered.pdf } else { rendered.png })
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The page about the analysis that `options` ask for, and notes.
    fn report(
        &self,
        py: Python<'_>,
        options: &str,
        making_options: &str,
        margin: bool,
        notes: (Vec<String>, Vec<String>),
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, Notes)> {
        let AnalysisRequest { store, experiment, asked, making } =
            self.request(asked(py, options)?, making(py, making_options)?);
        // Pictures and page are made aside, so that the store keeps the results alone.
        let aside = Store::memory();
        let request = ExperimentStudyRequest {
            store,
            experiment,
            asked,
            margin,
            figures: aside.dir().join("figures"),
            report: aside.dir().join("report"),
            notes: notes.0,
            warnings: notes.1,
            making,
            command: None,
            live: Some(|_, _| "analysis.explore()".to_owned()),
        };
        let lab = self.lab(py)?;
        let (study, notes) = run(py, progress, move |watch| lab.study_experiment(&request, watch))?;
        let page = files::read_to_string(&study.report);
        drop(aside);
        Ok((page.map_err(|e| errors::internal(py, &e.to_string()))?, notes))
    }

    /// The matrix that `options` ask about, as an operator.
    fn operator(&self, py: Python<'_>, options: &str, progress: Option<&Bound<'_, PyAny>>) -> PyResult<NativeHandle> {
        let request = self.request(asked(py, options)?, Making::default());
        let lab = self.lab(py)?;
        Ok(if request.asked.how.dtype == Dtype::Float32 {
            let (owned, _): (Owned<f32>, _) = run(py, progress, move |watch| lab.operator(&request, watch))?;
            NativeHandle::single(&owned)
        } else {
            let (owned, _): (Owned<f64>, _) = run(py, progress, move |watch| lab.operator(&request, watch))?;
            NativeHandle::double(&owned)
        })
    }

    /// The bytes of an array beside the record of an analysis; `None` where it was not made.
    fn array<'py>(&self, py: Python<'py>, record: &str, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(stem) = record.strip_suffix("analysis.json") else { return Ok(None) };
        let path = PathBuf::from(format!("{stem}{name}.npy"));
        if !path.starts_with(self.store.dir()) || !files::is_file(&path) {
            return Ok(None);
        }
        let bytes = files::read(&path).map_err(|source| errors::of(py, &LabError::Read { path, source }))?;
        Ok(Some(PyBytes::new(py, &bytes)))
    }

    /// The tensors of the network in the order of theta, or those of `layers`: each a name, its first place, one past its
    /// last, and its shape.
    #[expect(clippy::needless_pass_by_value, reason = "Python's lists are taken by value")]
    fn parameters(&self, py: Python<'_>, layers: Vec<String>) -> PyResult<Vec<Places>> {
        let (lab, experiment) = (self.lab(py)?, self.experiment.experiment.clone());
        let (prepared, _) = run(py, None, move |watch| lab.prepared(&experiment, watch))?;
        let layout = prepared.network.layout();
        let chosen = if layers.is_empty() {
            None
        } else {
            let chosen = named_parameters(layout, &layers).map_err(|e| errors::of(py, &LabError::from(e)))?;
            Some(chosen.ranges().to_vec())
        };
        let is_chosen = |start: usize| chosen.as_ref().is_none_or(|all| all.iter().any(|range| range.contains(&start)));
        let (mut told, mut place) = (vec![], 0);
        for entry in layout.entries().iter().filter(|entry| is_chosen(entry.range.start)) {
            let length = entry.range.len();
            told.push((entry.name.clone(), place, place + length, entry.shape.clone()));
            place += length;
        }
        Ok(told)
    }

    /// The samples that the loss is taken over: features [N d] with their shape, labels, names of classes, and in place of
    /// labels other targets with their number a sample; an ignored class of a position is -1.
    #[allow(clippy::type_complexity, reason = "a tuple of arrays is what Python unpacks")]
    fn samples<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(
        Bound<'py, PyArray1<f32>>,
        Vec<usize>,
        Bound<'py, PyArray1<i64>>,
        Option<Vec<String>>,
        Option<(Bound<'py, PyArray1<f64>>, usize)>,
    )> {
        let (lab, experiment) = (self.lab(py)?, self.experiment.experiment.clone());
        let (prepared, _) = run(py, None, move |watch| lab.prepared(&experiment, watch))?;
        let data = prepared.training();
        let labels: Vec<i64> = data.labels.iter().map(|&label| i64::try_from(label).unwrap_or(i64::MAX)).collect();
        let features = PyArray1::from_slice(py, &data.features);
        let classes = prepared.samples.classes.clone();
        let class = |&y: &usize| if y == Targets::IGNORED { -1.0 } else { y as f64 };
        let others = data.others.as_ref().map(|others| match others {
            Targets::Real { values, outputs } => (values.clone(), *outputs),
            Targets::Positions { classes, positions, .. } => (classes.iter().map(class).collect(), *positions),
            Targets::Classes(classes) => (classes.iter().map(class).collect(), 1),
        });
        let others = others.map(|(values, width)| (PyArray1::from_vec(py, values), width));
        Ok((features, data.shape.clone(), PyArray1::from_vec(py, labels), classes, others))
    }

    /// The weights that stand in the store, in float64.
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Vec<Tensor<'py>>> {
        let failed = |error: LabError| errors::of(py, &error);
        let path = self.store.of(&self.experiment.experiment.name).map_err(|e| failed(e.into()))?.weights();
        let weights = heigen_store::weights::load_f64(&path).map_err(|e| failed(e.into()))?;
        let one = |t: NamedTensor<f64>| (t.name, t.shape, PyArray1::from_vec(py, t.values));
        Ok(weights.tensors.into_iter().map(one).collect())
    }

    /// Writes what the analysis whose record stands at `record` is about into a folder, as files that the command line takes: the
    /// paths of the experiment and of the weights, the folder of the image sets, and the number of threads that was asked for.
    fn hand_over(
        &self,
        py: Python<'_>,
        record: PathBuf,
        folder: PathBuf,
    ) -> PyResult<(PathBuf, PathBuf, PathBuf, usize)> {
        let (lab, store) = (self.lab(py)?, self.store.clone());
        let (files, _) = run(py, None, move |watch| lab.hand_over(&store, &record, &folder, watch))?;
        Ok((files.experiment, files.weights, self.resources.images.clone(), self.resources.threads))
    }

    /// Copies all results of the experiment into a folder.
    fn save(&self, py: Python<'_>, folder: PathBuf, force: bool) -> PyResult<()> {
        let to = Store::folder(folder);
        let name = &self.experiment.experiment.name;
        py.detach(|| self.store.copy(name, &to, force)).map_err(|error| errors::of(py, &error))
    }

    /// All files of the experiment, by their paths below the folder of results, as [`Workspace::stored`] takes them.
    fn files<'py>(&self, py: Python<'py>) -> PyResult<BTreeMap<String, Bound<'py, PyBytes>>> {
        let failed = |error: LabError| errors::of(py, &error);
        let paths = self.store.of(&self.experiment.experiment.name).map_err(|e| failed(e.into()))?;
        let mut all = BTreeMap::new();
        for path in paths.all() {
            let bytes = files::read(&path).map_err(|source| failed(LabError::Read { path: path.clone(), source }))?;
            let below = path.strip_prefix(self.store.dir()).unwrap_or(Path::new("")).display().to_string();
            all.insert(below, PyBytes::new(py, &bytes));
        }
        Ok(all)
    }
}

impl Workspace {
    fn lab(&self, py: Python<'_>) -> PyResult<Arc<Lab>> {
        lab(&self.resources).map_err(|error| errors::of(py, &error))
    }

    fn request(&self, asked: Asked, making: Making) -> AnalysisRequest {
        AnalysisRequest { store: self.store.clone(), experiment: self.experiment.clone(), asked, making }
    }
}
