//! One function for every parser: whatever the bytes, it returns.

use heigen::config::{AnyName, Experiment, ExperimentName, LayerSpec, ModelSpec};
use heigen::data;
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen_formats::samples::{self, Column, SampleOptions, Samples};
use heigen_formats::{npy as arrays, state_dict};
use heigen_pickle::{Known, Pickle, Value};

/// Pickles, and what can be asked of them.
pub fn pickle(bytes: &[u8]) {
    const KNOWN: Known<'static, u8> = Known {
        globals: &[
            ("collections", "OrderedDict", 0),
            ("torch._utils", "_rebuild_tensor_v2", 1),
            ("torch", "FloatStorage", 2),
        ],
        makes: "test values",
    };
    if let Ok(pickle) = heigen_pickle::parse(bytes, &KNOWN) {
        ask(&pickle);
    }
    if let Ok(pickle) = heigen_pickle::parse(bytes, &heigen_pickle::numpy::NUMPY) {
        ask(&pickle);
        for key in ["data", "labels"] {
            let _ = heigen_pickle::numpy::entry(&pickle, key)
                .and_then(|entry| heigen_pickle::numpy::byte_array(&pickle, entry));
        }
    }
}

fn ask<G>(pickle: &Pickle<'_, G>) {
    let top = pickle.top();
    let _ = (pickle.text(top), pickle.size(top), pickle.sizes(top), pickle.entry(top, "state_dict"));
    for &(key, value) in pickle.items(top) {
        let _ = (pickle.text(key), pickle.sizes(value), pickle.tuple(value).map(<[_]>::len));
        if let Value::List(parts) = pickle.value(value) {
            let _ = parts.iter().filter(|part| pickle.text(**part).is_some()).count();
        }
    }
}

/// Files of torch.save.
pub fn pytorch(bytes: &[u8]) {
    if let Ok(found) = state_dict::pytorch(bytes, "fuzz.pt") {
        for tensor in found.tensors {
            assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>());
        }
    }
}

/// Single arrays, also as features and as labels.
pub fn npy(bytes: &[u8]) {
    if let Ok(array) = arrays::array(bytes, "fuzz.npy") {
        assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
    }
    let _ = arrays::any_array(bytes, "fuzz.npy");
    check(samples::npy_pair([bytes, bytes], ["features.npy", "labels.npy"], None).ok());
}

/// Archives of arrays, as weights and as samples.
pub fn npz(bytes: &[u8]) {
    let _ = state_dict::npz(bytes, "fuzz.npz");
    check(samples::npz(bytes, "fuzz.npz", &SampleOptions::default()).ok());
}

/// Comma-separated and tab-separated values.
pub fn csv(bytes: &[u8]) {
    for label_column in [None, Some(Column::Position(0)), Some(Column::Name("species".to_owned()))] {
        for header in [None, Some(false), Some(true)] {
            let options = SampleOptions { label_column: label_column.clone(), header, ..SampleOptions::default() };
            check(samples::csv(bytes, "fuzz.csv", &options).ok());
        }
    }
    check(samples::tsv(bytes, "fuzz.tsv", &SampleOptions::default()).ok());
}

/// Parquet.
pub fn parquet(bytes: &[u8]) {
    check(samples::parquet(bytes, "fuzz.parquet", &SampleOptions::default()).ok());
}

/// IDX as features, with the same file's first part as labels.
pub fn idx(bytes: &[u8]) {
    check(samples::idx_pair([bytes, bytes], ["images", "labels"], None).ok());
    let labels = [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1];
    check(samples::idx_pair([bytes, &labels], ["images", "labels"], None).ok());
    let images = [0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 1, 1, 2, 3, 4];
    check(samples::idx_pair([&images, bytes], ["images", "labels"], None).ok());
}

fn check(found: Option<Samples>) {
    if let Some(found) = found {
        assert_eq!(found.features.len(), found.labels.len() * found.shape.iter().product::<usize>());
        assert!(found.features.iter().all(|value| value.is_finite()));
        assert!(found.labels.iter().all(|&label| label < found.classes.len()));
        assert!(found.feature_names.is_empty() || found.feature_names.len() == found.shape[0]);
    }
}

/// MNIST's two files.
pub fn mnist(bytes: &[u8]) {
    let _ = (data::mnist_pixels(bytes), data::mnist_labels(bytes), data::mnist(bytes, bytes));
}

/// A batch of CIFAR-10's binary version.
pub fn cifar10_binary(bytes: &[u8]) {
    let _ = data::cifar10_binary(bytes);
}

/// A batch of CIFAR-10's python version.
pub fn cifar10_python(bytes: &[u8]) {
    let _ = data::cifar10_python(bytes);
}

/// Experiment files and architectures, and the networks that they describe.
pub fn config(bytes: &[u8]) {
    let (Ok(text), Ok(name)) = (std::str::from_utf8(bytes), ExperimentName::new("mine", "first")) else { return };
    let experiment = Experiment::parse(text, name, "mine/first.json", &AnyName).map(|parsed| parsed.experiment.model);
    for model in experiment.into_iter().chain(ModelSpec::parse(text, "arch.json")) {
        for shape in [&[4][..], &[1, 8, 8]] {
            let _ = Network::build_for(&model, shape, 3);
        }
    }
}

/// Architectures that are graphs of operations, built and, where they are small, run.
pub fn graph(bytes: &[u8]) {
    let Ok(Ok(ModelSpec::Sequential(own))) = std::str::from_utf8(bytes).map(|text| ModelSpec::parse(text, "arch.json"))
    else {
        return;
    };
    let Some(LayerSpec::Graph(graph)) = own.layers.first() else { return };
    let Some(size) = graph.input_shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size)) else { return };
    let Ok(network) = Network::build_for(&ModelSpec::Sequential(own), &[size], 3) else { return };
    if network.n_params() + network.activation_size() < 1 << 20 && !network.has_graph_buffers() {
        let outputs = network.outputs(&vec![0.5; network.n_params()], &Matrix::<f64>::zeros(size, 2));
        assert_eq!(outputs.data.len(), 6);
    }
}

/// Weights.
pub fn safetensors(bytes: &[u8]) {
    let _ = heigen_store::weights::parse_f64(std::path::Path::new("net.safetensors"), bytes);
}
