//! Compares every layer of an architecture file with central differences, and the two ways to a spectrum with each
//! other.

use crate::common::cases::Numbers;
use heigen::config::{BatchNormMode, LayerSpec, LossKind, ModelSpec, Sequential};
use heigen::curvature::{
    EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, Host, Method, Problem, SymmetricOperator, spectrum,
};
use heigen::linalg::Matrix;
use heigen::model::Network;

const STEP: f64 = 1e-5;
/// Tolerance for truncation (third derivatives of order 10 times the step squared) and rounding (1e-16 over the step).
const DIFFERENCE: f64 = 1e-8;
const N: usize = 7;

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) architecture: Sequential,
    shape: &'static [usize],
}

pub(super) fn case(name: &'static str, shape: &'static [usize], layers: &str) -> Case {
    let architecture = Sequential::parse(&format!("{{\"layers\": [{layers}]}}"), name).unwrap();
    Case { name, architecture, shape }
}

/// The same case for samples whose channels come last.
fn channels_last(mut case: Case) -> Case {
    case.architecture.channels_last = true;
    case
}

/// Cases of layers without parameters, and of images whose channels come last.
fn without_parameters() -> Vec<Case> {
    let head = r#"{"type": "flatten"}, {"type": "linear", "out_features": 3}"#;
    let conv = r#"{"type": "conv2d", "out_channels": 3, "kernel_size": 3, "padding": 1}"#;
    let image = |layers: &str| format!("{conv}, {layers}, {head}");
    vec![
        case(
            "scale of features",
            &[4],
            r#"{"type": "scale", "scale": [0.5, 2, -1, 1.5], "shift": [0.25, 0, -1, 2]},
               {"type": "linear", "out_features": 5}, {"type": "tanh"}, {"type": "linear", "out_features": 3},
               {"type": "scale", "scale": [0.4]}"#,
        ),
        case(
            "scale of channels",
            &[2, 4, 4],
            &image(r#"{"type": "scale", "scale": [1.5, -0.5, 2], "shift": [0.5]}, {"type": "gelu"}"#),
        ),
        case(
            "batchnorm without parameters",
            &[4],
            r#"{"type": "linear", "out_features": 5}, {"type": "batchnorm", "eps": 0.1, "affine": false}, {"type": "tanh"},
               {"type": "linear", "out_features": 3}"#,
        ),
        case(
            "binary_logits",
            &[4],
            r#"{"type": "linear", "out_features": 5}, {"type": "tanh"}, {"type": "linear", "out_features": 1},
               {"type": "binary_logits"}, {"type": "softplus"}, {"type": "linear", "out_features": 3}"#,
        ),
        channels_last(case(
            "channels last",
            &[4, 6, 2],
            r#"{"type": "conv2d", "out_channels": 3, "kernel_size": 3, "padding": 1}, {"type": "relu"},
               {"type": "maxpool", "kernel_size": 2}, {"type": "flatten_channels_last"},
               {"type": "linear", "out_features": 3}"#,
        )),
    ]
}

/// The table of cases: every kind of layer, with other layers around it.
fn table() -> Vec<Case> {
    let hidden = |activation: &str| {
        format!(
            r#"{{"type": "linear", "out_features": 5}}, {{"type": {activation}}}, {{"type": "linear", "out_features": 4,
               "bias": false}}, {{"type": {activation}}}, {{"type": "linear", "out_features": 3}}"#
        )
    };
    let head = r#"{"type": "flatten"}, {"type": "linear", "out_features": 3}"#;
    let conv = r#"{"type": "conv2d", "out_channels": 3, "kernel_size": 3, "padding": 1}"#;
    let image = |layers: &str| format!("{conv}, {layers}, {head}");
    let mut cases = vec![
        case("relu", &[4], &hidden(r#""relu""#)),
        case("tanh", &[4], &hidden(r#""tanh""#)),
        case("sigmoid", &[4], &hidden(r#""sigmoid""#)),
        case("gelu", &[4], &hidden(r#""gelu""#)),
        case("gelu tanh", &[4], &hidden(r#""gelu", "approximate": "tanh""#)),
        case("softplus", &[4], &hidden(r#""softplus""#)),
        case(
            "log_softmax",
            &[4],
            r#"{"type": "linear", "out_features": 6}, {"type": "tanh"}, {"type": "dropout", "p": 0.3},
               {"type": "linear", "out_features": 3}, {"type": "log_softmax"}"#,
        ),
        case(
            "batchnorm of features",
            &[4],
            r#"{"type": "linear", "out_features": 5}, {"type": "batchnorm", "eps": 0.1}, {"type": "tanh"},
               {"type": "linear", "out_features": 3}"#,
        ),
        case("conv2d", &[2, 5, 4], &image(r#"{"type": "tanh"}"#)),
        case(
            "conv2d with strides, no bias",
            &[2, 6, 5],
            &format!(
                r#"{{"type": "conv2d", "out_channels": 2, "kernel_size": 2, "stride": 2, "bias": false}},
                   {{"type": "softplus"}}, {head}"#
            ),
        ),
        case(
            "conv2d with padding beyond its kernel",
            &[1, 3, 2],
            &format!(
                r#"{{"type": "conv2d", "out_channels": 2, "kernel_size": 1, "padding": 2}}, {{"type": "tanh"}}, {head}"#
            ),
        ),
        case("relu, maxpool", &[2, 6, 6], &image(r#"{"type": "relu"}, {"type": "maxpool", "kernel_size": 2}"#)),
        case(
            "maxpool with padding",
            &[1, 5, 5],
            &image(r#"{"type": "maxpool", "kernel_size": 3, "stride": 2, "padding": 1}, {"type": "gelu"}"#),
        ),
        case("avgpool", &[2, 4, 6], &image(r#"{"type": "tanh"}, {"type": "avgpool", "kernel_size": 2}"#)),
        case(
            "avgpool with padding",
            &[1, 4, 4],
            &image(r#"{"type": "avgpool", "kernel_size": 2, "stride": 1, "padding": 1}, {"type": "sigmoid"}"#),
        ),
        case("global_avgpool", &[2, 4, 4], &image(r#"{"type": "gelu"}, {"type": "global_avgpool"}"#)),
        case("batchnorm of channels", &[2, 4, 4], &image(r#"{"type": "batchnorm"}, {"type": "softplus"}"#)),
        case(
            "residual with identity",
            &[2, 4, 4],
            &image(&format!(r#"{{"type": "residual", "main": [{{"type": "tanh"}}, {conv}]}}, {{"type": "tanh"}}"#)),
        ),
        case(
            "residual with shortcut, nested",
            &[4],
            r#"{"type": "residual", "main": [{"type": "linear", "out_features": 3}, {"type": "gelu"},
                  {"type": "residual", "main": [{"type": "linear", "out_features": 3}, {"type": "tanh"}]}],
                "shortcut": [{"type": "linear", "out_features": 3, "bias": false}]},
               {"type": "softplus"}, {"type": "linear", "out_features": 3}"#,
        ),
        case(
            "flatten of an image at once",
            &[2, 2, 3],
            &format!(r#"{head}, {{"type": "tanh"}}, {{"type": "linear", "out_features": 3}}"#),
        ),
    ];
    cases.extend(without_parameters());
    cases.extend(super::graph_cases::graphs());
    cases
}

impl Case {
    fn network(&self) -> Network {
        let spec = ModelSpec::Sequential(self.architecture.clone());
        Network::build_for(&spec, self.shape, 3).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    fn theta(&self, p: usize) -> Vec<f64> {
        Numbers(self.name.len() as u64).vector(p).iter().map(|w| 0.8 * w).collect()
    }

    fn problem(network: &Network, theta: Vec<f64>) -> Problem<'_, f64> {
        let d = network.n_inputs();
        let inputs = Matrix { data: Numbers(11).vector(d * N), rows: d, columns: N };
        let labels: Vec<_> = (0..N).map(|n| n % 3).collect();
        Problem::at(network, theta, inputs, labels, LossKind::CrossEntropy).unwrap()
    }
}

/// The central difference (f(theta + h v) - f(theta - h v)) / 2 h.
fn difference(theta: &[f64], v: &[f64], f: impl Fn(Vec<f64>) -> Vec<f64>) -> Vec<f64> {
    let moved = |sign: f64| f(theta.iter().zip(v).map(|(t, v)| t + sign * STEP * v).collect());
    moved(1.0).iter().zip(moved(-1.0)).map(|(a, b)| (a - b) / (2.0 * STEP)).collect()
}

fn assert_close(got: &[f64], wanted: &[f64], what: &str) {
    let scale = wanted.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() <= DIFFERENCE * scale, "{what}, {i}: {g} instead of {w}");
    }
}

#[test]
fn gradients_and_products_are_differences() {
    for case in table() {
        let network = case.network();
        let theta = case.theta(network.n_params());
        let problem = Case::problem(&network, theta.clone());
        let p = theta.len();
        let gradient = problem.gradient();
        let v = Numbers(3).vector(p);
        let slope: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
        let wanted = difference(&theta, &v, |theta| vec![Case::problem(&network, theta).loss()]);
        assert_close(&[slope], &wanted, &format!("{}: gradient", case.name));
        // Two directions together, the first of them one unit vector after another, so that every layer's parameters
        // are tested.
        for i in (0..p).step_by(p.div_ceil(12)) {
            let mut directions = Matrix::zeros(p, 2);
            directions.column_mut(0)[i] = 1.0;
            directions.column_mut(1).copy_from_slice(&v);
            let mut products = Matrix::zeros(p, 2);
            Hessian(&problem).apply(&directions, &mut products).unwrap();
            for k in 0..2 {
                let v = directions.column(k);
                let wanted = difference(&theta, v, |theta| Case::problem(&network, theta).gradient());
                assert_close(products.column(k), &wanted, &format!("{}: product {k} at {i}", case.name));
            }
        }
    }
}

/// Compares v^T G v and v^T F v with differences of outputs alone: J v of every sample, softmax and log-likelihood by
/// hand.
#[test]
fn gauss_newton_and_fisher_are_those_of_differences_of_outputs() {
    for case in table().iter().filter(|case| !case.network().couples_samples()) {
        let network = case.network();
        let theta = case.theta(network.n_params());
        let problem = Case::problem(&network, theta.clone());
        let v = Numbers(3).vector(theta.len());
        let outputs = |theta: Vec<f64>| Case::problem(&network, theta).outputs().data;
        let (z, jv) = (outputs(theta.clone()), difference(&theta, &v, outputs));
        let (mut ggn, mut fisher) = (0.0, 0.0);
        for (n, (z, jv)) in z.chunks(3).zip(jv.chunks(3)).enumerate() {
            let total: f64 = z.iter().map(|z| z.exp()).sum();
            let p: Vec<f64> = z.iter().map(|z| z.exp() / total).collect();
            let mean: f64 = p.iter().zip(jv).map(|(p, j)| p * j).sum();
            ggn += p.iter().zip(jv).map(|(p, j)| p * (j - mean).powi(2)).sum::<f64>() / N as f64;
            fisher += (mean - jv[n % 3]).powi(2) / N as f64;
        }
        let column = Matrix { data: v, rows: theta.len(), columns: 1 };
        let form = |operator: &dyn SymmetricOperator<Host<f64>>| {
            let mut product = Matrix::zeros(theta.len(), 1);
            operator.apply(&column, &mut product).unwrap();
            product.data.iter().zip(&column.data).map(|(a, b)| a * b).sum::<f64>()
        };
        let got = [form(&GaussNewton(&problem)), form(&EmpiricalFisher(&problem))];
        assert_close(&got, &[ggn, fisher], &format!("{}: Gauss-Newton and Fisher", case.name));
        let rest = form(&Hessian(&problem)) - got[0];
        assert_close(&[form(&FunctionalRemainder(&problem))], &[rest], &format!("{}: remainder", case.name));
    }
}

#[test]
fn running_statistics_decouple_samples() {
    for mut case in table() {
        case.architecture.batchnorm = BatchNormMode::Running;
        let network = case.network();
        let statistics = |name: &str| {
            let length = network.layout().buffers().iter().find(|b| b.name == name)?.shape[0];
            Some((0..length).map(|i| 0.7 + 0.1 * i as f64).collect())
        };
        let fixed = network.with_fixed_statistics(statistics).unwrap();
        assert!(!fixed.couples_samples());
        let theta = case.theta(network.n_params());
        let problem = Case::problem(&fixed, theta.clone());
        let v = Numbers(3).vector(theta.len());
        let mut product = Matrix::zeros(theta.len(), 1);
        Hessian(&problem).apply(&Matrix { data: v.clone(), rows: theta.len(), columns: 1 }, &mut product).unwrap();
        let wanted = difference(&theta, &v, |theta| Case::problem(&fixed, theta).gradient());
        assert_close(&product.data, &wanted, case.name);
    }
}

#[test]
fn exact_and_dense_spectra_agree() {
    for case in table() {
        let network = case.network();
        let problem = Case::problem(&network, case.theta(network.n_params()));
        let of = |method| spectrum(&Hessian(&problem), method, f64::INFINITY, &mut ()).unwrap();
        let (exact, dense) = (of(Method::Exact), of(Method::Dense));
        let scale = dense.scale();
        for (a, b) in exact.eigenvalues.iter().zip(&dense.eigenvalues) {
            assert!((a - b).abs() <= 1e-9 * scale, "{}: {a} and {b}", case.name);
        }
    }
}

#[test]
fn two_logits_of_one_output_have_the_binary_cross_entropy() {
    let layers = r#"{"type": "linear", "out_features": 1}, {"type": "binary_logits"}"#;
    let spec = ModelSpec::Sequential(case("binary", &[1], layers).architecture);
    let network = Network::build_for(&spec, &[1], 2).unwrap();
    let inputs = Matrix { data: vec![0.5, -1.0], rows: 1, columns: 2 };
    let problem = Problem::at(&network, vec![2.0, 0.25], inputs, vec![1, 0], LossKind::CrossEntropy).unwrap();
    let z = [1.25f64, -1.75];
    assert_eq!(problem.outputs().data, [0.0, z[0], 0.0, z[1]]);
    let wanted = f64::midpoint(z[0].exp().ln_1p() - z[0], z[1].exp().ln_1p());
    assert!((problem.loss() - wanted).abs() < 1e-15);
    // The gradient of log(1 + exp(z)) - y z is (p - y) times that of z.
    let p = z.map(|z| 1.0 / (1.0 + (-z).exp()));
    let wanted = [((p[0] - 1.0) * 0.5 - p[1]) / 2.0, f64::midpoint(p[0] - 1.0, p[1])];
    assert_close(&problem.gradient(), &wanted, "gradient");
}

#[test]
fn images_whose_channels_come_last_are_the_same_images() {
    let layers = |flatten: &str| {
        format!(
            r#"{{"type": "conv2d", "out_channels": 3, "kernel_size": 2}}, {{"type": "tanh"}}, {{"type": "{flatten}"}},
               {{"type": "linear", "out_features": 3}}"#
        )
    };
    let first = case("channels first", &[2, 3, 4], &layers("flatten")).network();
    let last = channels_last(case("channels last", &[3, 4, 2], &layers("flatten"))).network();
    let theta = Numbers(5).vector(first.n_params());
    let x = Matrix { data: Numbers(7).vector(24), rows: 24, columns: 1 };
    // Channel c of pixel p is entry 12 c + p, or 2 p + c.
    let moved = Matrix::from_fn(24, 1, |i, _| x.data[i % 2 * 12 + i / 2]);
    assert_eq!(first.outputs(&theta, &x), last.outputs(&theta, &moved));
}

#[test]
fn layers_that_do_not_fit_are_named_with_both_shapes() {
    let error = |shape: &[usize], layers: &str| {
        let own = Sequential::parse(&format!("{{\"layers\": [{layers}]}}"), "arch.json").unwrap();
        Network::build_for(&ModelSpec::Sequential(own), shape, 3).unwrap_err().to_string()
    };
    let linear = r#"{"type": "linear", "out_features": 3}"#;
    let conv = r#"{"type": "conv2d", "name": "conv", "out_channels": 4, "kernel_size": 3}"#;
    assert_eq!(
        error(&[1, 5, 5], &format!("{conv}, {linear}")),
        "layer 1 (linear): it gets an image of 4 x 3 x 3; expected features; put a flatten before it"
    );
    assert_eq!(
        error(&[4], conv),
        "layer conv (conv2d): it gets 4 features; expected an image of channels x rows x columns; `input_shape` makes \
         features into one"
    );
    assert_eq!(error(&[1, 2, 5], conv), "layer conv (conv2d): its window of 3 x 3 does not fit an image of 1 x 2 x 5");
    assert_eq!(
        error(&[4], r#"{"type": "linear", "out_features": 2}"#),
        "the last layer makes 2 features; expected 3, one for each class"
    );
    assert_eq!(
        error(&[4], &format!(r#"{{"type": "residual", "main": [{linear}]}}"#)),
        "layer 0 (residual): it gets 3 features and its shortcut 4 features; expected the same shape of both, for they \
         are added"
    );
    let named = r#"{"type": "linear", "name": "fc", "out_features": 3}"#;
    assert_eq!(
        error(&[3], &format!("{named}, {named}")),
        "two layers are named fc; give one of them another `name`: it is the prefix of its tensors"
    );
    assert_eq!(
        error(&[4], &format!(r#"{linear}, {{"type": "scale", "scale": [1, 2]}}"#)),
        "layer 1 (scale): it gets 3 features; expected as many numbers as `scale` and `shift` have, 2 and 1"
    );
    assert_eq!(
        error(&[4], &format!(r#"{linear}, {{"type": "binary_logits"}}"#)),
        "layer 1 (binary_logits): it gets 3 features; expected a single feature, the logit of the second of two classes"
    );
    let wide = r#"{"type": "linear", "out_features": 1000000}"#;
    assert_eq!(
        error(&[4], &format!("{wide}, {wide}, {linear}")),
        "layer 1: with it the network has more than 8 billion numbers; make it smaller"
    );
}

#[test]
fn the_networks_of_the_paper_are_presets_of_the_same_form() {
    let presets = [
        (ModelSpec::Fnn { num_neurons: 10, init_scales: None }, vec![2]),
        (ModelSpec::Cnn {}, vec![1, 28, 28]),
        (ModelSpec::LeNet5 {}, vec![3, 32, 32]),
        (ModelSpec::ResNet18 { pretrained: false, for_cifar: true }, vec![3, 32, 32]),
    ];
    for (preset, shape) in presets {
        let layers = preset.layers(3);
        assert!(layers.iter().any(|l| matches!(l, LayerSpec::Linear { .. })));
        let own = Sequential { layers, ..Sequential::default() };
        let network = Network::build_for(&preset, &shape, 3).unwrap();
        assert_eq!(Network::build_for(&ModelSpec::Sequential(own), &shape, 3), Ok(network));
    }
}
