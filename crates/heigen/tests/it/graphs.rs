//! Graphs of operations where they once went wrong, against numbers of PyTorch in float64 written down here.

use heigen::config::{BatchSize, ConfigError, OptimizerSpec};
use heigen::curvature::{Hessian, Problem, ProblemError, dense};
use heigen::data::{Dataset, Split};
use heigen::linalg::Matrix;
use heigen::model::{ModelError, Network};
use heigen::train::{Parts, TrainError, Training};
use heigen::vocabulary::{LossKind, ModelSpec, Sequential};
use serde_json::{Value, json};

/// The network of a graph for samples of a shape.
fn network(graph: &Value, shape: &[usize], outputs: usize) -> Result<Network, ModelError> {
    let mut graph = graph.clone();
    graph["type"] = json!("graph");
    let parsed: Result<Sequential, ConfigError> = Sequential::parse(&json!({ "layers": [graph] }).to_string(), "test");
    Network::build_for(&ModelSpec::Sequential(parsed.unwrap()), shape, outputs)
}

fn close(got: &[f64], wanted: &[f64], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() < 1e-13, "{what}, number {i}: {g} instead of {w}");
    }
}

/// A pool of an image [1, 2, 2, 3], and what PyTorch makes of it.
fn pool(settings: &Value, wanted: &[f64], what: &str) {
    let mut node = json!({"id": "y", "inputs": ["x"], "ceil_mode": true});
    node.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let graph = json!({"input_shape": [1, 2, 2, 3], "nodes": [node], "output": "y"});
    let network = network(&graph, &[12], wanted.len()).unwrap();
    let data = (0..12).map(|i| 3.0 * f64::from(i).sin()).collect();
    close(&network.outputs::<f64>(&[], &Matrix { data, rows: 12, columns: 1 }).data, wanted, what);
}

#[test]
fn a_window_longer_than_the_padded_image_was_refused() {
    let tall = |counted: bool| {
        json!({"op": "avg_pool", "kernel_size": [3, 3], "stride": [2, 2], "padding": [[0, 0], [1, 1]],
        "count_include_pad": counted})
    };
    let counted = [0.112_894_248_779_917_8, 0.017_520_820_831_255_8, 0.122_834_237_436_125, 0.051_166_763_951_048_8];
    pool(&tall(true), &counted, "the window's part beyond the padding does not count");
    let alone = [0.169_341_373_169_876_6, 0.026_281_231_246_883_6, 0.184_251_356_154_187_5, 0.076_750_145_926_573_1];
    pool(&tall(false), &alone, "padding does not count");
    let mut padded = json!({"op": "avg_pool", "kernel_size": [5, 3], "stride": [3, 2], "padding": [[1, 1], [1, 1]],
        "count_include_pad": true});
    let counted = [0.056_447_124_389_959, 0.008_760_410_415_628, 0.061_417_118_718_062_5, 0.025_583_381_975_524_4];
    pool(&padded, &counted, "padding at all sides");
    padded["divisor_override"] = json!(4.0);
    pool(&padded, &alone, "a divisor of its own");
    let largest = json!({"op": "max_pool", "kernel_size": [4, 2], "stride": [3, 1], "padding": [[0, 0], [1, 1]]});
    let wanted = [
        0.423_360_024_179_601_6,
        2.524_412_954_423_689_3,
        2.727_892_280_477_045,
        2.727_892_280_477_045,
        1.236_355_455_725_269_8,
        1.970_959_796_156_367_2,
        2.968_074_739_870_145_3,
        2.968_074_739_870_145_3,
    ];
    pool(&largest, &wanted, "largest entries");
}

#[test]
fn a_window_longer_by_a_whole_stride_has_no_place() {
    for (kernel, stride, ceil) in [(5, 2, true), (4, 1, true), (4, 2, false)] {
        let node = json!({"id": "y", "op": "max_pool", "inputs": ["x"], "kernel_size": [kernel], "stride": [stride],
            "ceil_mode": ceil});
        let graph = json!({"input_shape": [1, 2, 3], "nodes": [node], "output": "y"});
        let error = network(&graph, &[6], 2).unwrap_err().to_string();
        assert!(error.contains("does not fit 3 entries"), "{error}");
    }
}

/// A graph of weights w [3] times the sample with nodes that make the outputs [1, 3], and a buffer `mask`.
fn masked(nodes: &Value) -> Value {
    let mut all = vec![json!({"id": "s", "op": "mul", "inputs": ["x", "w"]})];
    all.extend(nodes.as_array().unwrap().clone());
    json!({"input_shape": [1, 3], "parameters": [{"name": "w", "shape": [3]}], "buffers": [{"name": "mask", "shape": [3]}],
        "nodes": all, "output": "y"})
}

const NONE: f64 = f64::NEG_INFINITY;

/// Loss, gradient and Hessian of the mean cross-entropy of two samples.
fn numbers(graph: &Value, mask: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let network = network(graph, &[3], 3).unwrap().with_graph_buffers(|_| Some(mask.to_vec())).unwrap();
    let x = Matrix { data: vec![1.0, 2.0, -1.0, 0.5, -1.5, 0.75], rows: 3, columns: 2 };
    let problem = Problem::at(&network, vec![0.3, -0.7, 1.1], x, vec![1, 2], LossKind::CrossEntropy).unwrap();
    (problem.loss(), problem.gradient(), dense(&Hessian(&problem), &mut ()).unwrap().data)
}

#[test]
fn masks_of_infinite_numbers_gave_no_numbers() {
    let sum = json!({"id": "m", "op": "add", "inputs": ["s", "mask"]});
    let same = json!({"id": "none", "op": "constant", "shape": [], "values": ["-inf"]});
    let reduced = |kind: &str| json!({"id": "r", "op": "reduce", "inputs": ["m"], "reduction": kind, "axes": [1], "keepdims": true});
    let times = |with: &str| json!({"id": "y", "op": "mul", "inputs": [with, "s"]});
    let cases = [
        (
            "softmax",
            json!([sum, {"id": "y", "op": "softmax", "inputs": ["m"], "axis": 1}]),
            1.025_184_647_288_676_3,
            [0.0, -0.445_361_031_675_813_8, -0.222_680_515_837_906_93],
            [0.0, 0.063_461_273_720_612_61, 0.015_865_318_430_153_118],
        ),
        (
            "log-sum-exp",
            json!([sum, reduced("log_sum_exp"), times("r")]),
            1.013_960_593_825_876_4,
            [0.020_606_620_886_895_907, -0.488_158_243_045_828_9, -0.598_523_490_569_886_4],
            [0.045_374_946_313_564_87, 1.607_593_480_687_201_6, 0.453_283_368_401_352_8],
        ),
        (
            "largest entry",
            json!([sum, reduced("max"), times("r")]),
            0.858_393_524_794_398_8,
            [-0.000_667_292_798_596_765, -0.190_020_181_478_228_36, -0.364_977_135_559_206_8],
            [0.070_657_065_217_592_24, 2.630_556_097_691_219, 0.768_947_230_200_188_5],
        ),
        (
            "equal to an infinite number",
            json!([same, {"id": "c", "op": "compare", "comparison": "equal", "inputs": ["mask", "none"]},
                {"id": "t", "op": "tanh", "inputs": ["s"]}, {"id": "e", "op": "exp", "inputs": ["mask"]},
                {"id": "p", "op": "mul", "inputs": ["t", "e"]}, {"id": "y", "op": "where", "inputs": ["c", "s", "p"]}]),
            1.611_578_715_971_278,
            [0.388_375_294_642_939_6, -0.556_736_928_003_649_8, -0.216_260_086_746_163_45],
            [0.122_782_749_440_849_02, -1.538_645_592_425_320_6, 0.290_798_751_320_471_34],
        ),
        (
            "the larger one of two infinite numbers",
            json!([sum, {"id": "l", "op": "maximum", "inputs": ["m", "mask"]}, {"id": "e", "op": "exp", "inputs": ["l"]},
                times("e")]),
            2.608_063_335_396_772,
            [0.0, -8.192_105_813_589_063, -1.974_634_740_703_915_8],
            [0.0, 22.959_024_174_250_036, -1.488_571_496_219_825_8],
        ),
    ];
    for (name, nodes, loss, gradient, diagonal) in cases {
        let (own, slope, hessian) = numbers(&masked(&nodes), &[NONE, 0.5, 0.25]);
        close(&[own], &[loss], name);
        close(&slope, &gradient, name);
        close(&[hessian[0], hessian[4], hessian[8]], &diagonal, name);
        assert!(hessian.iter().all(|v| v.is_finite()), "{name}: {hessian:?}");
    }
}

#[test]
fn an_attention_that_sees_nothing_gave_no_numbers() {
    let mut graph = masked(&json!([
        {"id": "q", "op": "reshape", "inputs": ["s"], "shape": [1, 3, 1]},
        {"id": "a", "op": "scaled_dot_product_attention", "inputs": ["q", "q", "q", "mask"]},
        {"id": "f", "op": "reshape", "inputs": ["a"], "shape": [1, 3]},
        {"id": "t", "op": "sin", "inputs": ["s"]},
        {"id": "y", "op": "add", "inputs": ["f", "t"]},
    ]));
    graph["buffers"] = json!([{"name": "mask", "shape": [3, 3]}]);
    let (loss, gradient, hessian) = numbers(&graph, &[0.0, NONE, NONE, NONE, NONE, NONE, 0.5, 0.5, NONE]);
    close(&[loss], &[1.216_309_508_527_247], "loss");
    let wanted = [0.827_765_581_401_317_8, 0.095_270_506_545_397_93, -0.167_783_772_193_802_83];
    close(&gradient, &wanted, "gradient");
    let diagonal = [0.253_803_098_604_778_3, -1.877_764_074_800_928_6, 0.204_392_380_254_997_87];
    close(&[hessian[0], hessian[4], hessian[8]], &diagonal, "Hessian");
}

#[test]
fn buffers_that_are_nan_are_refused() {
    let graph = masked(&json!([{"id": "y", "op": "add", "inputs": ["s", "mask"]}]));
    let given = network(&graph, &[3], 3).unwrap().with_graph_buffers(|_| Some(vec![0.0, f64::NAN, 0.0]));
    assert_eq!(given.unwrap_err(), ModelError::NotANumber { name: "mask".to_owned() });
}

#[test]
fn a_graph_whose_buffers_nobody_gave_panicked() {
    let of_norm = json!({"input_shape": [1, 3], "parameters": [{"name": "w", "shape": [3, 3]}],
        "buffers": [{"name": "n.running_mean", "shape": [3]}, {"name": "n.running_var", "shape": [3]}],
        "nodes": [{"id": "h", "op": "linear", "inputs": ["x", "w"]},
            {"id": "y", "op": "batch_norm", "inputs": ["h", "n.running_mean", "n.running_var"], "eps": 1e-5}],
        "output": "y"});
    let of_mask = masked(&json!([{"id": "y", "op": "add", "inputs": ["s", "mask"]}]));
    for (graph, name) in [(of_mask, "mask"), (of_norm, "n.running_mean")] {
        let network = network(&graph, &[3], 3).unwrap();
        let missing = ModelError::Buffer { name: name.to_owned() };
        assert_eq!(network.check_complete().as_ref(), Err(&missing));
        let theta = vec![0.5; network.n_params()];
        let x = Matrix { data: vec![1.0; 6], rows: 3, columns: 2 };
        let outputs = network.outputs(&theta, &x);
        assert!(outputs.data.len() == 6 && outputs.data.iter().all(|o: &f64| o.is_nan()), "{name}: {outputs:?}");
        let problem = Problem::at(&network, theta, x, vec![0, 1], LossKind::CrossEntropy);
        assert_eq!(problem.unwrap_err(), ProblemError::Network(missing));
        let data = Dataset {
            features: vec![1.0; 6],
            shape: vec![3],
            labels: vec![0, 1],
            n_classes: 3,
            others: None,
            source: String::new(),
        };
        let parts = Parts::new(&data, &Split { train: vec![0, 1], test: vec![], validation: vec![] });
        let theta = vec![0.5; network.n_params()];
        let spec = OptimizerSpec::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.0 };
        let run = Training::new(&network, &parts, theta, LossKind::CrossEntropy, spec, None, BatchSize::Full, 0);
        assert!(matches!(run, Err(TrainError::Network(ModelError::Buffer { .. }))), "{name}");
        let zeros = |_: &str| Some(vec![1.0; 3]);
        assert_eq!(network.with_graph_buffers(zeros).unwrap().check_complete(), Ok(()));
        assert_eq!(network.with_fixed_statistics(zeros).unwrap().check_complete(), Ok(()));
    }
}
