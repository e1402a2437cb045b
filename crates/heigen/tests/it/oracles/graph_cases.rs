//! Networks that are graphs of operations: every operation of the vocabulary occurs in one of them.

use super::layers::{Case, case};

/// A case whose only layer is a graph; `parameters` are names with shapes, `nodes` the text of the operations, the last of
/// which, `y`, has three outputs.
fn graph(name: &'static str, input: &'static [usize], parameters: &[(&str, &[usize])], nodes: &str) -> Case {
    let parameters: Vec<String> =
        parameters.iter().map(|(name, shape)| format!(r#"{{"name": "{name}", "shape": {shape:?}}}"#)).collect();
    let text = format!(
        r#"{{"type": "graph", "input_shape": {input:?}, "parameters": [{}], "nodes": [{nodes}], "output": "y"}}"#,
        parameters.join(", ")
    );
    case(name, input, &text)
}

/// An operation of one tensor.
fn step(id: &str, op: &str, inputs: &[&str]) -> String {
    format!(r#"{{"id": "{id}", "op": {op}, "inputs": {inputs:?}}}"#)
}

/// A linear layer, the operations under test on its four outputs one after another, and a linear layer.
fn chain(name: &'static str, ops: &[&str]) -> Case {
    let mut nodes = vec![step("h", r#""linear""#, &["x", "a.weight", "a.bias"])];
    let mut last = "h".to_owned();
    for (i, op) in ops.iter().enumerate() {
        let id = format!("s{i}");
        nodes.push(step(&id, op, &[&last]));
        last = id;
    }
    nodes.push(step("y", r#""linear""#, &[&last, "b.weight", "b.bias"]));
    let parameters: [(&str, &[usize]); 4] =
        [("a.weight", &[4, 3]), ("a.bias", &[4]), ("b.weight", &[3, 4]), ("b.bias", &[3])];
    graph(name, &[1, 3], &parameters, &nodes.join(", "))
}

fn functions() -> Vec<Case> {
    vec![
        chain("relu, elu", &[r#""relu""#, r#""elu", "alpha": 0.7"#]),
        chain("leaky relu, selu", &[r#""leaky_relu", "negative_slope": 0.1"#, r#""selu""#]),
        chain("celu, gelu", &[r#""celu", "alpha": 0.8"#, r#""gelu", "approximate": "none""#]),
        chain("gelu tanh, silu", &[r#""gelu", "approximate": "tanh""#, r#""silu""#]),
        chain("mish, softsign", &[r#""mish""#, r#""softsign""#]),
        chain("hardswish", &[r#""hardswish""#]),
        chain("hardsigmoid, tanh", &[r#""hardsigmoid", "alpha": 0.2, "beta": 0.5"#, r#""tanh""#]),
        chain("softplus, log", &[r#""softplus", "beta": 2.0, "threshold": 20.0"#, r#""log""#]),
        chain("log sigmoid, neg, log1p", &[r#""log_sigmoid""#, r#""neg""#, r#""log1p""#]),
        chain("softshrink, sin", &[r#""softshrink", "lambd": 0.1"#, r#""sin""#]),
        chain("hardshrink, cos", &[r#""hardshrink", "lambd": 0.1"#, r#""cos""#]),
        chain("threshold, erf", &[r#""threshold", "threshold": 0.1, "value": 0.3"#, r#""erf""#]),
        chain("exp, sqrt, reciprocal", &[r#""exp""#, r#""sqrt""#, r#""reciprocal""#]),
        chain("expm1, sigmoid, rsqrt", &[r#""expm1""#, r#""sigmoid""#, r#""rsqrt""#]),
        chain("abs, power", &[r#""abs""#, r#""pow_scalar", "exponent": 1.5"#]),
        chain("clip, power", &[r#""clip", "min": -0.5, "max": 0.6"#, r#""pow_scalar", "exponent": 3.0"#]),
        chain("softmax", &[r#""softmax", "axis": 1"#]),
        chain("log softmax", &[r#""log_softmax", "axis": 1"#]),
        chain("cumsum, tanh", &[r#""cumsum", "axis": 1"#, r#""tanh""#]),
        chain(
            "reshape, transpose, reversed slice",
            &[
                r#""reshape", "shape": [2, 2]"#,
                r#""transpose", "permutation": [1, 0]"#,
                r#""silu""#,
                r#""slice", "axis": 0, "start": 1, "length": 2, "step": -1"#,
                r#""reshape", "shape": [1, 4]"#,
            ],
        ),
        chain(
            "reductions",
            &[
                r#""tanh""#,
                r#""reshape", "shape": [1, 2, 2]"#,
                r#""reduce", "reduction": "log_sum_exp", "axes": [1], "keepdims": true"#,
                r#""expand", "shape": [1, 2, 2]"#,
                r#""reshape", "shape": [1, 4]"#,
            ],
        ),
    ]
}

fn arithmetic() -> Vec<Case> {
    let parameters: [(&str, &[usize]); 6] = [
        ("a.weight", &[4, 3]),
        ("a.bias", &[4]),
        ("slope", &[4]),
        ("scale", &[1]),
        ("b.weight", &[3, 4]),
        ("b.bias", &[3]),
    ];
    let with = |name, nodes: &[String]| {
        let mut all = vec![
            step("h", r#""linear""#, &["x", "a.weight", "a.bias"]),
            step("g", r#""softplus", "beta": 1.0, "threshold": 20.0"#, &["h"]),
        ];
        all.extend(nodes.iter().cloned());
        all.push(step("y", r#""linear""#, &["z", "b.weight", "b.bias"]));
        graph(name, &[1, 3], &parameters, &all.join(", "))
    };
    let reduced = |name, kind: &str| {
        with(
            name,
            &[
                step("t", r#""tanh""#, &["h"]),
                step("m", &format!(r#""reduce", "reduction": "{kind}", "axes": [1], "keepdims": true"#), &["t"]),
                step("z", r#""mul""#, &["g", "m"]),
            ],
        )
    };
    vec![
        with(
            "arithmetic",
            &[
                step("s", r#""sub""#, &["h", "slope"]),
                step("d", r#""div""#, &["s", "g"]),
                step("m", r#""mul""#, &["scale", "d"]),
                step("z", r#""add""#, &["m", "h"]),
            ],
        ),
        with("power of two tensors", &[step("z", r#""pow""#, &["g", "slope"])]),
        with(
            "maximum and minimum",
            &[
                step("m", r#""maximum""#, &["h", "slope"]),
                step("n", r#""minimum""#, &["slope", "g"]),
                step("z", r#""mul""#, &["m", "n"]),
            ],
        ),
        with("prelu", &[step("z", r#""prelu""#, &["h", "slope"])]),
        with(
            "where with a condition of the sample",
            &[
                r#"{"id": "zero", "op": "constant", "shape": [1, 1], "values": [0.1]}"#.to_owned(),
                r#"{"id": "none", "op": "constant", "shape": [], "values": ["-inf"]}"#.to_owned(),
                step("first", r#""slice", "axis": 1, "start": 0, "length": 1, "step": 1"#, &["x"]),
                step("c", r#""compare", "comparison": "greater_equal""#, &["first", "zero"]),
                step("w", r#""where""#, &["c", "h", "slope"]),
                step("d", r#""where""#, &["c", "h", "none"]),
                step("e", r#""exp""#, &["d"]),
                step("z", r#""mul""#, &["w", "e"]),
            ],
        ),
        reduced("sum", "sum"),
        reduced("mean", "mean"),
        reduced("max", "max"),
        reduced("min", "min"),
        reduced("product", "prod"),
        reduced("l2", "l2"),
        with(
            "concat, pad, gather",
            &[
                r#"{"id": "ids", "op": "constant", "shape": [4], "values": [7, 0, 3, 3]}"#.to_owned(),
                step("c", r#""concat", "axis": 1"#, &["h", "g"]),
                step("p", r#""pad", "padding": [[0, 0], [1, 2]], "mode": "constant", "value": 0.5"#, &["c"]),
                step("q", r#""pad", "padding": [[0, 0], [1, 1]], "mode": "reflect""#, &["p"]),
                step("r", r#""pad", "padding": [[0, 0], [1, 0]], "mode": "replicate""#, &["q"]),
                step("s", r#""pad", "padding": [[0, 0], [1, 2]], "mode": "circular""#, &["r"]),
                step("t", r#""tanh""#, &["s"]),
                step("z", r#""gather", "axis": 1"#, &["t", "ids"]),
            ],
        ),
    ]
}

/// Operations on images of two channels that make `z`, of four channels, before a mean of the pixels and a linear layer.
fn on_images(name: &'static str, weights: &[(&str, &[usize])], nodes: &[String]) -> Case {
    let parameters = [weights, &[("fc.weight", &[3, 4][..]), ("fc.bias", &[3])]].concat();
    let mut all = nodes.to_vec();
    all.push(step("p", r#""adaptive_avg_pool", "output_size": [1, 1]"#, &["z"]));
    all.push(step("f", r#""reshape", "shape": [1, 4]"#, &["p"]));
    all.push(step("y", r#""linear""#, &["f", "fc.weight", "fc.bias"]));
    graph(name, &[1, 2, 5, 4], &parameters, &all.join(", "))
}

fn convolution_of_images() -> String {
    step("c", r#""conv", "padding": [[1, 1], [1, 1]]"#, &["x", "w", "b"])
}

fn convolutions() -> Vec<Case> {
    let (with, conv) = (on_images, convolution_of_images);
    let w: [(&str, &[usize]); 2] = [("w", &[4, 2, 3, 3]), ("b", &[4])];
    vec![
        with(
            "square convolution used twice",
            &w,
            &[conv(), step("h", r#""silu""#, &["c"]), step("z", r#""mul""#, &["h", "c"])],
        ),
        with(
            "depthwise convolution",
            &[("w", &[4, 1, 3, 2]), ("b", &[4])],
            &[
                step(
                    "c",
                    r#""conv", "groups": 2, "stride": [2, 1], "dilation": [1, 2], "padding": [[1, 0], [0, 1]]"#,
                    &["x", "w", "b"],
                ),
                step("z", r#""tanh""#, &["c"]),
            ],
        ),
        with(
            "grouped convolution",
            &[("v", &[4, 2, 1, 1]), ("w", &[4, 2, 3, 2]), ("b", &[4])],
            &[
                step("a", r#""conv""#, &["x", "v"]),
                step("h", r#""tanh""#, &["a"]),
                step("z", r#""conv", "groups": 2, "padding": [[1, 1], [0, 1]]"#, &["h", "w", "b"]),
            ],
        ),
        with(
            "oblong convolution",
            &[("w", &[4, 2, 3, 2]), ("b", &[4])],
            &[
                step("c", r#""conv", "padding": [[0, 1], [1, 0]]"#, &["x", "w", "b"]),
                step("z", r#""gelu", "approximate": "none""#, &["c"]),
            ],
        ),
        with(
            "transposed convolution",
            &[("w", &[2, 2, 3, 2]), ("b", &[4])],
            &[
                step(
                    "c",
                    r#""conv_transpose", "groups": 2, "stride": [2, 2], "padding": [[1, 1], [0, 1]], "output_padding": [1, 0],
                   "dilation": [1, 2]"#,
                    &["x", "w", "b"],
                ),
                step("z", r#""tanh""#, &["c"]),
            ],
        ),
    ]
}

fn pools_and_norms() -> Vec<Case> {
    let (with, conv) = (on_images, convolution_of_images);
    let w: [(&str, &[usize]); 2] = [("w", &[4, 2, 3, 3]), ("b", &[4])];
    let norm: [(&str, &[usize]); 4] = [("w", &[4, 2, 3, 3]), ("b", &[4]), ("g", &[4]), ("s", &[4])];
    let of = |name, op: &str| with(name, &w, &[conv(), step("h", r#""tanh""#, &["c"]), step("z", op, &["h"])]);
    vec![
        of("max pool", r#""max_pool", "kernel_size": [2, 2], "stride": [2, 2]"#),
        of(
            "max pool, oblong, dilated, ceil",
            r#""max_pool", "kernel_size": [2, 3], "stride": [2, 1], "padding": [[1, 1], [1, 1]], "dilation": [1, 1],
               "ceil_mode": true"#,
        ),
        of(
            "average pool, padding counted",
            r#""avg_pool", "kernel_size": [3, 2], "stride": [2, 2], "padding": [[1, 1], [1, 1]], "count_include_pad": true,
               "ceil_mode": true"#,
        ),
        of(
            "average pool, padding not counted",
            r#""avg_pool", "kernel_size": [3, 3], "stride": [2, 2], "padding": [[1, 1], [1, 1]], "count_include_pad": false"#,
        ),
        of("square average pool", r#""avg_pool", "kernel_size": [2, 2], "count_include_pad": true"#),
        of("adaptive max pool", r#""adaptive_max_pool", "output_size": [2, 3]"#),
        of("nearest pixels", r#""interpolate", "output_size": [3, 7], "linear": false, "align_corners": false"#),
        of("between pixels", r#""interpolate", "output_size": [7, 3], "linear": true, "align_corners": false"#),
        with(
            "group norm",
            &norm,
            &[
                conv(),
                step("n", r#""group_norm", "groups": 2, "eps": 0.01"#, &["c", "g", "s"]),
                step("z", r#""silu""#, &["n"]),
            ],
        ),
        with(
            "channels last and layer norm",
            &norm,
            &[
                conv(),
                step("t", r#""transpose", "permutation": [0, 2, 3, 1]"#, &["c"]),
                step("n", r#""layer_norm", "axes": 1, "eps": 0.01"#, &["t", "g", "s"]),
                step("u", r#""transpose", "permutation": [0, 3, 1, 2]"#, &["n"]),
                step("z", r#""tanh""#, &["u"]),
            ],
        ),
        with(
            "channel scales and squeeze",
            &norm,
            &[
                conv(),
                step("q", r#""reduce", "reduction": "mean", "axes": [2, 3], "keepdims": true"#, &["c"]),
                step("k", r#""sigmoid""#, &["q"]),
                step("r", r#""reshape", "shape": [1, 4, 1, 1]"#, &["g"]),
                step("m", r#""mul""#, &["c", "r"]),
                step("e", r#""mul""#, &["m", "k"]),
                step("z", r#""tanh""#, &["e"]),
            ],
        ),
    ]
}

fn sequences() -> Vec<Case> {
    let attention = r#""scaled_dot_product_attention", "is_causal": true"#;
    let parameters: [(&str, &[usize]); 9] = [
        ("table", &[5, 4]),
        ("places", &[3, 4]),
        ("in.weight", &[12, 4]),
        ("in.bias", &[12]),
        ("out.weight", &[4, 4]),
        ("norm.weight", &[4]),
        ("norm.bias", &[4]),
        ("head.weight", &[3, 4]),
        ("head.bias", &[3]),
    ];
    let part = |id: &str, start: usize| {
        step(id, &format!(r#""slice", "axis": 2, "start": {start}, "length": 4, "step": 1"#), &["qkv"])
    };
    let heads = |id: &str, of: &str| {
        [
            step(&format!("{id}0"), r#""reshape", "shape": [1, 3, 2, 2]"#, &[of]),
            step(id, r#""transpose", "permutation": [0, 2, 1, 3]"#, &[&format!("{id}0")]),
        ]
    };
    let mut nodes = vec![
        // Whole numbers from the sample.
        r#"{"id": "two", "op": "constant", "shape": [], "values": [2]}"#.to_owned(),
        step("abs", r#""abs""#, &["x"]),
        step("twice", r#""mul""#, &["abs", "two"]),
        step("ids", r#""floor""#, &["twice"]),
        step("e", r#""embedding""#, &["ids", "table"]),
        step("h", r#""add""#, &["e", "places"]),
        step("n", r#""layer_norm", "axes": 1, "eps": 1e-2"#, &["h", "norm.weight", "norm.bias"]),
        step("qkv", r#""linear""#, &["n", "in.weight", "in.bias"]),
        part("q", 0),
        part("k", 4),
        part("v", 8),
    ];
    nodes.extend([heads("qh", "q"), heads("kh", "k"), heads("vh", "v")].concat());
    nodes.extend([
        step("a", attention, &["qh", "kh", "vh"]),
        step("b", r#""transpose", "permutation": [0, 2, 1, 3]"#, &["a"]),
        step("c", r#""reshape", "shape": [1, 3, 4]"#, &["b"]),
        step("o", r#""linear""#, &["c", "out.weight"]),
        step("r", r#""add""#, &["o", "h"]),
        step("m", r#""reduce", "reduction": "mean", "axes": [1], "keepdims": false"#, &["r"]),
        step("y", r#""linear""#, &["m", "head.weight", "head.bias"]),
    ]);
    let tied = [
        step("h", r#""linear""#, &["x", "w"]),
        step("t", r#""transpose", "permutation": [1, 0]"#, &["w"]),
        step("g", r#""tanh""#, &["h"]),
        step("z", r#""linear""#, &["g", "t", "b"]),
        step("y", r#""add""#, &["z", "x"]),
    ];
    let products = [
        step("s", r#""reshape", "shape": [1, 2, 3]"#, &["x"]),
        step("p", r#""matmul""#, &["s", "w"]),
        step("g", r#""tanh""#, &["p"]),
        step("q", r#""einsum", "equation": "bij,bkj->bik""#, &["g", "s"]),
        step("r", r#""rms_norm", "axes": 1, "eps": 1e-2"#, &["q", "scale"]),
        step("v", r#""matmul""#, &["v0", "v0"]),
        step("u", r#""matmul""#, &["r", "v"]),
        step("f", r#""reshape", "shape": [1, 4]"#, &["u"]),
        step("y", r#""linear""#, &["f", "head.weight"]),
    ];
    let rows = [
        step("s", r#""reshape", "shape": [1, 2, 3]"#, &["x"]),
        step("c", r#""conv", "padding": [[1, 1]]"#, &["s", "w", "b"]),
        step("g", r#""tanh""#, &["c"]),
        step("p", r#""max_pool", "kernel_size": [2], "stride": [1]"#, &["g"]),
        step("y", r#""reduce", "reduction": "mean", "axes": [2], "keepdims": false"#, &["p"]),
    ];
    vec![
        graph("a transformer of tokens", &[1, 3], &parameters, &nodes.join(", ")),
        graph("a weight and its transpose", &[1, 3], &[("w", &[5, 3]), ("b", &[3])], &tied.join(", ")),
        graph(
            "products of tensors",
            &[1, 6],
            &[("w", &[3, 3]), ("scale", &[2]), ("v0", &[2, 2]), ("head.weight", &[3, 4])],
            &products.join(", "),
        ),
        graph("a convolution along one axis", &[1, 6], &[("w", &[3, 2, 3]), ("b", &[3])], &rows.join(", ")),
    ]
}

/// All of them.
pub(super) fn graphs() -> Vec<Case> {
    [functions(), arithmetic(), convolutions(), pools_and_norms(), sequences()].into_iter().flatten().collect()
}
