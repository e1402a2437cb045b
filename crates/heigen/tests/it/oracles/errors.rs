//! Tests of every reason why network, weights, samples and spectrum do not fit together, and of its text.

use crate::common::cases::{Architecture, Small};
use crate::common::networks::two_layers;
use crate::common::textbook::Textbook;
use heigen::config::{Activation, LossKind, ModelSpec};
use heigen::curvature::{Hessian, Method, Problem, ProblemError, Progress, SpectrumError, Watch, spectrum};
use heigen::model::{LayoutError, ModelError, Network, ParamLayout};
use std::ops::ControlFlow;

/// A case with 20 parameters: fc1 [2, 3] + [2], fc2 [4, 2] + [4].
fn small() -> Small {
    let textbook = Textbook {
        widths: vec![3, 2, 4],
        activation: Activation::Relu,
        log_softmax: false,
        loss: LossKind::CrossEntropy,
    };
    Small::new(Architecture::FullyConnected, textbook, 5, 1)
}

fn refused(change: impl FnOnce(&mut Small)) -> (ProblemError, String) {
    let mut case = small();
    change(&mut case);
    let network = case.network();
    let error = Problem::<f64>::new(&network, &case.theta, &case.data, LossKind::Mse).unwrap_err();
    let single = Problem::<f32>::new(&network, &case.theta, &case.data, LossKind::Mse).unwrap_err();
    assert_eq!(error, single);
    let text = error.to_string();
    (error, text)
}

#[test]
fn a_wrong_number_of_weights() {
    for got in [0, 19, 21] {
        let (error, text) = refused(|case| case.theta.resize(got, 0.0));
        assert_eq!(error, ProblemError::Parameters { got, wanted: 20 });
        assert_eq!(text, format!("the network has 20 parameters, theta has {got}"));
    }
}

#[test]
fn samples_of_another_size() {
    for got in [2, 4] {
        let (error, text) = refused(|case| {
            case.data.features = vec![0.0; 5 * got];
            case.data.shape = vec![got];
        });
        assert_eq!(error, ProblemError::Features { got, wanted: 3 });
        assert_eq!(text, format!("the network takes 3 features, the samples have {got}"));
    }
}

#[test]
fn no_samples() {
    let (error, text) = refused(|case| {
        case.data.features.clear();
        case.data.labels.clear();
    });
    assert_eq!(error, ProblemError::NoSamples);
    assert_eq!(text, "there are no samples: the mean loss over none is undefined");
}

#[test]
fn a_label_that_is_no_output() {
    let (error, text) = refused(|case| case.data.labels = vec![0, 3, 1, 4, 9]);
    assert_eq!(error, ProblemError::Label { sample: 3, label: 4, classes: 4 });
    assert_eq!(text, "sample 3 has label 4, but the network has 4 outputs");
}

#[test]
fn weights_that_are_not_finite_are_found_by_name() {
    let places = [(0, "fc1.weight"), (5, "fc1.weight"), (6, "fc1.bias"), (7, "fc1.bias"), (8, "fc2.weight")];
    for (index, tensor) in places.into_iter().chain([(15, "fc2.weight"), (16, "fc2.bias"), (19, "fc2.bias")]) {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (error, text) = refused(|case| case.theta[index] = bad);
            assert_eq!(error, ProblemError::Weight { index, tensor: tensor.into() });
            assert_eq!(
                text,
                format!(
                    "the weight {index} of theta, in {tensor}, is infinite or NaN; the training that made it has diverged"
                )
            );
        }
    }
}

#[test]
fn features_that_are_not_finite_are_found_by_sample() {
    for (index, sample) in [(0, 0), (2, 0), (3, 1), (14, 4)] {
        for bad in [f32::NAN, f32::INFINITY] {
            let (error, text) = refused(|case| case.data.features[index] = bad);
            assert_eq!(error, ProblemError::Input { sample });
            assert_eq!(text, format!("sample {sample} has a feature that is infinite or NaN"));
        }
    }
}

#[test]
fn layouts_list_everything_that_does_not_fit() {
    let network = small().network();
    let layout = network.layout();
    let (one, four) = ([0.5f32; 8], [2usize, 4]);
    let misshapen = layout.assemble([("fc2.weight", &four[..], &one[..]), ("fc9", &[8][..], &one[..])]).unwrap_err();
    let wanted = LayoutError {
        missing: ["fc1.weight", "fc1.bias", "fc2.bias"].map(String::from).to_vec(),
        unexpected: vec!["fc9".into()],
        misshapen: vec!["fc2.weight is [2, 4], expected [4, 2]".into()],
        untied: vec![],
    };
    assert_eq!(misshapen, wanted);
    assert_eq!(
        misshapen.to_string(),
        "the weights do not fit the network: missing: fc1.weight, fc1.bias, fc2.bias; unexpected: fc9; \
         wrong shape: fc2.weight is [2, 4], expected [4, 2]; use weights of this network, or an experiment with theirs"
    );
    let only = |missing: &str| {
        format!(
            "the weights do not fit the network: missing: {missing}; \
             use weights of this network, or an experiment with theirs"
        )
    };
    let mut layout = ParamLayout::default();
    assert_eq!(layout.assemble::<f32>([]), Ok(vec![]));
    layout.push("a", &[2]);
    assert_eq!(layout.assemble::<f32>([]).unwrap_err().to_string(), only("a"));
    let error = layout.assemble([("a", &[2][..], &[1.0, 2.0][..]), ("b", &[][..], &[0.0][..])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights do not fit the network: unexpected: b; use weights of this network, or an experiment with theirs"
    );
    let error = layout.assemble([("a", &[1, 2][..], &[1.0, 2.0][..])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the weights do not fit the network: wrong shape: a is [1, 2], expected [2]; use weights of this network, or an experiment with theirs"
    );
}

#[test]
fn layouts_put_weights_before_biases_in_the_order_of_the_layers() {
    let check = |network: &Network, wanted: &[(&str, &[usize])]| {
        let mut start = 0;
        assert_eq!(network.layout().entries().len(), wanted.len());
        for (entry, &(name, shape)) in network.layout().entries().iter().zip(wanted) {
            let end = start + shape.iter().product::<usize>();
            assert_eq!((entry.name.as_str(), &entry.shape[..], entry.range.clone()), (name, shape, start..end));
            start = end;
        }
        assert_eq!(network.n_params(), start);
    };
    check(
        &small().network(),
        &[("fc1.weight", &[2, 3]), ("fc1.bias", &[2]), ("fc2.weight", &[4, 2]), ("fc2.bias", &[4])],
    );
    let fnn = Network::build(&ModelSpec::Fnn { num_neurons: 5, init_scales: None }, 2, 3).unwrap();
    check(
        &fnn,
        &[
            ("linear_relu_stack.0.weight", &[5, 2]),
            ("linear_relu_stack.0.bias", &[5]),
            ("linear_relu_stack.2.weight", &[3, 5]),
            ("linear_relu_stack.2.bias", &[3]),
        ],
    );
}

#[test]
fn networks_that_cannot_be_built() {
    let empty = |inputs, outputs| ModelError::Empty { inputs, outputs };
    for widths in [&[][..], &[3], &[0, 2], &[2, 0], &[2, 0, 2]] {
        let (first, last) = (widths.first().copied().unwrap_or(0), widths.last().copied().unwrap_or(0));
        assert_eq!(Network::fully_connected(widths, Activation::Relu), Err(empty(first, last)), "{widths:?}");
    }
    let spec = two_layers(3, Activation::Relu, false);
    assert_eq!(Network::build(&spec, 0, 2), Err(empty(0, 2)));
    let error = Network::build(&spec, 2, 0).unwrap_err();
    let text = "a network from 2 features to 0 classes cannot be built: both must be 1 or more";
    assert_eq!((error.to_string(), error), (text.into(), empty(2, 0)));
    let resnet = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };
    for (spec, name, size) in [
        (ModelSpec::Cnn {}, "CNN", "1 x 28 x 28, 784 numbers; the samples have 70"),
        (ModelSpec::LeNet5 {}, "LeNet5", "3 x 32 x 32, 3072 numbers; the samples have 70"),
        (resnet, "ResNet18", "3 x 4 x 4, 48 numbers; the samples have 70"),
    ] {
        let error = Network::build(&spec, 70, 2).unwrap_err();
        assert!(matches!(error, ModelError::Image { model, got: 70, .. } if model == name));
        assert_eq!(error.to_string(), format!("`model.type` {name} takes images of {size}"));
    }
}

/// A watch that allows no work: it panics at the first progress.
struct Nothing;
impl Watch for Nothing {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        panic!("work was done: {progress:?}")
    }
}

#[test]
fn spectra_beyond_the_limit_are_refused_before_any_work() {
    small().with::<f64, ()>(|problem| {
        // The dense way needs 4 P^2 numbers of 8 bytes.
        let needed = 4.0 * 20.0 * 20.0 * 8.0;
        assert!(spectrum(&Hessian(problem), Method::Dense, needed, &mut ()).is_ok());
        let error = spectrum(&Hessian(problem), Method::Dense, needed - 1.0, &mut Nothing).unwrap_err();
        let bytes = f64::from(1u32 << 30);
        let SpectrumError::TooLarge { n_params: 20, gib, limit_gib } = error else { panic!("{error}") };
        assert_eq!((gib, limit_gib), (needed / bytes, (needed - 1.0) / bytes));
        assert_eq!(
            error.to_string(),
            "the 20 x 20 matrix and its eigenvectors need 12.5 KiB, 12.5 KiB are available; \
             ask for the largest eigenvalues only, or for a part of the parameters"
        );
    });
}
