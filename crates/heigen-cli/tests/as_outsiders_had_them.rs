//! Files and commands of people who tried heigen, each of which gave wrong numbers, was turned away without need, or only
//! had to stay right. The numbers are float64 PyTorch's; `tests/fixtures/as_outsiders_had_them/README.md` says where the files
//! come from. What else was found stands in `foreign_files.rs` and `onnx_files.rs`.

mod common;

use common::{Run, Sandbox};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::PathBuf;

/// P, the loss and lambda_1.
type Numbers = (u64, f64, f64);

const CIRCLE: Numbers = (42, 0.004958159130957707, 0.1438769190767591);
const CIRCLE_OF_16_BITS: Numbers = (42, 0.004956925103981976, 0.14379225982353988);
const TIED: Numbers = (68, 0.0008427823853619647, 0.06844341248360787);
const IRIS: Numbers = (67, 0.039670505414884476, 34.277501140945766);

/// A file of the fixtures, of this test or of the tests of files as people have them.
fn fixture(file: &str) -> String {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let folders = ["as_outsiders_had_them", "as_people_have_them", "onnx_files"];
    let found = folders.iter().map(|folder| fixtures.join(folder).join(file)).find(|path| path.exists());
    let path = found.unwrap_or_else(|| panic!("no fixture {file}"));
    path.canonicalize().unwrap().to_str().expect("UTF-8").to_owned()
}

/// `heigen analyze` of the largest eigenvalues, with arguments `--model model` (and an architecture, where `arch` is not
/// empty) on samples.
fn analyze(sandbox: &Sandbox, [model, arch, data]: [&str; 3], more: &[&str]) -> Run {
    let [model, data] =
        [model, data].map(|file| if sandbox.path(file).exists() { file.to_owned() } else { fixture(file) });
    let mut args = vec!["analyze", "--json", "--top-k", "3", "--model", &model, "--data", &data];
    let arch = if arch.is_empty() { String::new() } else { fixture(arch) };
    if !arch.is_empty() {
        args.extend(["--arch", &arch]);
    }
    args.extend(more);
    sandbox.run(&args)
}

fn printed(run: &Run, what: &str) -> Value {
    assert_eq!(run.code, 0, "{what}: {}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

fn close(got: &Value, wanted: f64, what: &str) {
    let got = got.as_f64().unwrap_or(f64::NAN);
    assert!((got - wanted).abs() <= 1e-9 * wanted.abs().max(1e-6), "{what}: {got} instead of {wanted}");
}

/// Checks P, loss and lambda_1 of a run; returns what it printed.
fn has(run: &Run, (p, loss, largest): Numbers, what: &str) -> Value {
    let found = printed(run, what);
    let top = &found["top_k"];
    assert_eq!(top["n_params"], p, "{what}");
    close(&top["loss"], loss, &format!("{what}, loss"));
    close(&top["eigenvalues"][0], largest, &format!("{what}, lambda_1"));
    found
}

fn reads(files: [&str; 3], more: &[&str], numbers: Numbers) {
    has(&analyze(&Sandbox::new(), files, more), numbers, &format!("{files:?} {more:?}"));
}

/// Checks that a call fails with a short message that has `said` in it.
fn refuses(files: [&str; 3], more: &[&str], said: &[&str]) {
    let run = analyze(&Sandbox::new(), files, more);
    assert_eq!(run.code, 1, "{files:?}: {}", run.stdout);
    for said in said {
        assert!(run.stderr.contains(said), "{files:?}: `{said}` is not said: {}", run.stderr);
    }
    assert!(run.stderr.len() < 2_000, "{}", run.stderr);
}

fn circle(model: &str, more: &[&str], numbers: Numbers) {
    reads([model, "circle.arch.json", "circle.npz"], more, numbers);
}

fn iris(data: &str, more: &[&str], numbers: Numbers) {
    reads(["iris.pt", "iris.arch.json", data], more, numbers);
}

fn no_iris(data: &str, more: &[&str], said: &[&str]) {
    refuses(["iris.pt", "iris.arch.json", data], more, said);
}

#[test]
fn checkpoints_with_optimizers_and_weights_of_sixteen_bits() {
    circle("with_optimizer.pt", &[], CIRCLE);
    let bfloat16 = (42, 0.004981908470702106, 0.14457934616153506);
    circle("bfloat16.pt", &[], bfloat16);
    circle("bfloat16.safetensors", &[], bfloat16);
    circle("float16.pt", &[], CIRCLE_OF_16_BITS);
    circle("float16.safetensors", &[], CIRCLE_OF_16_BITS);
    refuses(
        ["nan_weight.pt", "circle.arch.json", "circle.npz"],
        &[],
        &["0.weight has a number that is infinite or NaN"],
    );
}

#[test]
fn one_weight_in_two_layers_was_counted_twice() {
    for (model, arch) in [("tied.pt", "tied.arch.json"), ("tied.safetensors", "tied.arch.json"), ("tied.onnx", "")] {
        let found = has(&analyze(&Sandbox::new(), [model, arch, "circle.npz"], &[]), TIED, model);
        assert!(found["notes"].to_string().contains("are one tensor (tied weights)"), "{model}: {found}");
    }
}

/// The tensors of `tied.safetensors` in another file: its header changed by `change`, which gets the bytes, too.
fn safetensors(change: impl Fn(&mut Map<String, Value>, &mut Vec<u8>)) -> Vec<u8> {
    let content = fs::read(fixture("tied.safetensors")).unwrap();
    let end = 8 + u64::from_le_bytes(content[..8].try_into().unwrap()) as usize;
    let mut header: Map<String, Value> = serde_json::from_slice(&content[8..end]).unwrap();
    let mut data = content[end..].to_vec();
    change(&mut header, &mut data);
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

#[test]
fn ties_behind_a_prefix_and_ties_that_a_copy_has_lost() {
    let sandbox = Sandbox::new();
    let wrapped = safetensors(|header, _| {
        let tensors = std::mem::take(header);
        for (name, of) in tensors {
            let of = if name == "__metadata__" { json!({"module.c.weight": "module.b.weight"}) } else { of };
            let name = if name == "__metadata__" { name } else { format!("module.{name}") };
            header.insert(name, of);
        }
    });
    sandbox.file("wrapped.safetensors", &wrapped);
    let run = analyze(&sandbox, ["wrapped.safetensors", "tied.arch.json", "circle.npz"], &[]);
    has(&run, TIED, "wrapped");
    // Copies under both names: nothing says that they are one, and the numbers do only to who looks.
    let copied = safetensors(|header, data| {
        header.remove("__metadata__");
        let [from, to] = [0, 1].map(|i| header["b.weight"]["data_offsets"][i].as_u64().unwrap() as usize);
        header.insert(
            "c.weight".into(),
            json!({"dtype": "F32", "shape": [6, 6], "data_offsets": [data.len(), data.len() + to - from]}),
        );
        data.extend_from_within(from..to);
    });
    sandbox.file("copied.safetensors", &copied);
    let found = printed(&analyze(&sandbox, ["copied.safetensors", "tied.arch.json", "circle.npz"], &[]), "copied");
    assert_eq!(found["top_k"]["n_params"], 104);
    assert!(found["warnings"].to_string().contains("`b.weight` and `c.weight` hold the same numbers"), "{found}");
    // An architecture that says so makes them one again; other numbers contradict it.
    let text = fs::read_to_string(fixture("tied.arch.json")).unwrap();
    let says = text.replace(r#""name": "c","#, r#""name": "c", "tie": {"weight": "b.weight"},"#);
    assert_ne!(says, text);
    sandbox.file("says.json", says.as_bytes());
    let of = |model: &str| {
        let data = fixture("circle.npz");
        sandbox.run(&[
            "analyze",
            "--json",
            "--top-k",
            "3",
            "--force",
            "--model",
            model,
            "--arch",
            "says.json",
            "--data",
            &data,
        ])
    };
    let found = has(&of("copied.safetensors"), TIED, "copied, and said");
    assert!(!found["warnings"].to_string().contains("hold the same numbers"), "{found}");
    let last = copied.len() - 1;
    sandbox.file("other.safetensors", &[&copied[..last], &[copied[last] ^ 1]].concat());
    let refused = of("other.safetensors");
    assert!(refused.code == 1 && refused.stderr.contains("that it is tied to: c.weight"), "{}", refused.stderr);
}

#[test]
fn names_of_files_with_dots_spaces_accents_and_other_endings() {
    let sandbox = Sandbox::new();
    let content = fs::read(fixture("circle.pt")).unwrap();
    for name in ["net v1.2 (best).pt", "mod\u{e8}le.pt", "epoch=9-val_loss=0.12.ckpt", "net.PT", "net.pth.tar"] {
        sandbox.file(name, &content);
        has(&analyze(&sandbox, [name, "circle.arch.json", "circle.npz"], &[]), CIRCLE, name);
    }
    for name in ["net.t7", "net.h5", "net"] {
        sandbox.file(name, &content);
        let run = analyze(&sandbox, [name, "circle.arch.json", "circle.npz"], &[]);
        assert!(run.code == 1 && run.stderr.contains("another ending may do"), "{name}: {}", run.stderr);
    }
}

#[test]
fn operator_sets_and_number_types_of_onnx() {
    for (exporter, sets) in [("dynamo", &[18, 20, 21, 22, 23, 24][..]), ("torchscript", &[9, 11, 13, 17, 20])] {
        for set in sets {
            circle_onnx(&format!("{exporter}_opset_{set}.onnx"), &[], CIRCLE);
        }
    }
    circle_onnx("log_softmax.onnx", &[], CIRCLE);
    circle_onnx("log_softmax.onnx", &["--loss", "nll"], CIRCLE);
    circle_onnx("float64.onnx", &[], CIRCLE);
    circle_onnx("float16.onnx", &[], CIRCLE_OF_16_BITS);
    for model in ["batch_of_one.onnx", "batch_of_sixty.onnx"] {
        reads([model, "", "batch_of_sixty.npz"], &[], (44, 0.0064947946677912545, 0.40701071949939704));
    }
}

fn circle_onnx(model: &str, more: &[&str], numbers: Numbers) {
    reads([model, "", "circle.npz"], more, numbers);
}

#[test]
fn networks_of_scikit_learn() {
    for (activation, numbers) in [
        ("identity", (83, 0.5246651336302942, 85.23967013762108)),
        ("logistic", (83, 1.099635297677277, 0.7476621474175861)),
        ("relu", (83, 0.565524773601991, 52.68614812014806)),
    ] {
        reads([&format!("sklearn_{activation}.onnx"), "", "iris.npz"], &[], numbers);
    }
}

#[test]
fn a_dense_network_of_keras_on_images() {
    let numbers = (795, 0.15946042650285935, 1.1491790828617);
    reads(["keras_dense.onnx", "", "channels_last.npz"], &[], numbers);
    // Its order of the axes is Keras's: images of another order are other features.
    refuses(["keras_dense.onnx", "", "channels_first.npz"], &[], &["takes samples of the shape [8, 8, 2]"]);
}

#[test]
fn one_unusual_layer_each() {
    let right: [(&str, Numbers); 35] = [
        ("adaptive1", (91, 1.158093599865871, 0.5273763611352458)),
        ("adaptivemax1", (91, 1.4779895749755656, 4.206844742082065)),
        ("avgpool_nopadcount", (271, 1.1111052693176031, 1.6259668821883326)),
        ("avgpool_pad", (271, 1.0963156456540697, 1.9251237402494266)),
        ("bilinear_head", (847, 1.1764486480748457, 2.0540166033374145)),
        ("bn_before_relu_pool", (279, 1.1564278784074637, 9.930489317017582)),
        ("celu", (847, 1.0972988113392328, 3.8341264188845985)),
        ("channelshuffle", (847, 1.0672143487030645, 4.9406546328687595)),
        ("deep_linear", (795, 1.179796409058299, 3.019508493999245)),
        ("dilation", (847, 1.098912272184977, 4.3389547985462045)),
        ("dropout2d", (847, 1.1645907247667415, 8.072624103425788)),
        ("gelu", (847, 1.0605451415791791, 1.4131760137083051)),
        ("gelu_tanh", (847, 1.1114525161376834, 4.385465425493024)),
        ("groups", (923, 1.1022582287459677, 1.4052238560583201)),
        ("hardtanh", (847, 1.1303292011218826, 3.1120903757488607)),
        ("identity", (847, 1.0714811838542941, 4.776047160918406)),
        ("layernorm_feat", (807, 1.1785890644049564, 7.856238051709329)),
        ("layerscale", (863, 1.2947763842993971, 8.651815534616489)),
        ("linear_no_bias", (786, 1.1752721615629282, 1.9893744369002615)),
        ("logreg", (387, 1.1406705464824551, 3.743227592210062)),
        ("lppool", (271, 1.1741131817367305, 21.766428052200137)),
        ("maxpool_ceil", (271, 1.0893555798617354, 12.39516204309425)),
        ("mish", (847, 1.1294733151990848, 1.5593015247096782)),
        ("pixelunshuffle", (231, 1.1447394546955394, 3.042453522170806)),
        ("rect_kernel", (799, 1.1376269388553477, 9.75557132785102)),
        ("reflect_pad", (847, 1.1477424789038646, 6.983190620125075)),
        ("relu_inplace_chain", (659, 1.0937715379116322, 1.604135567326698)),
        ("same_pad", (847, 1.012474303931661, 5.821935629988796)),
        ("se_block", (867, 1.073455462418249, 1.305690515227747)),
        ("selu", (847, 1.14874547727054, 5.206419767357051)),
        ("softmax_mid", (795, 1.1040882828788305, 0.42882586309831766)),
        ("softplus", (847, 1.1309115389632183, 41.72416399158847)),
        ("softsign", (847, 1.0859692880055476, 1.365442425286557)),
        ("stride_rect", (463, 1.1524313054161126, 4.45262311219844)),
        ("zeropad_asym", (271, 1.1452601397590734, 2.0609708635857418)),
    ];
    for (name, numbers) in right {
        reads([&format!("one_layer_each/{name}.onnx"), "", "one_layer_each/samples.npz"], &[], numbers);
    }
}

#[test]
fn networks_that_are_no_lists_of_layers_say_what_samples_they_take() {
    refuses(["silu.onnx", "", "circle.npz"], &[], &["has 64 numbers, the samples have 2"]);
    refuses(["transformer.onnx", "", "circle.npz"], &[], &["numbers, the samples have 2"]);
}

#[test]
fn arrays_of_numpy_in_every_order_and_type() {
    for kind in ["big_endian", "fortran"] {
        let labels = fixture(&format!("{kind}_y.npy"));
        iris(&format!("{kind}_X.npy"), &["--labels", &labels], IRIS);
    }
    iris("float16.npz", &[], (67, 0.03972669053000628, 34.28670978396498));
    iris("text_labels.npz", &[], IRIS);
    reads(["circle.pt", "circle.arch.json", "bool_labels.npz"], &[], CIRCLE);
    no_iris("large_label.npz", &[], &["is the label 1000000000000; expected the index of a class, 0 to 2"]);
    no_iris("train_and_test.npz", &[], &["`x_train`, `y_train`", "--features-key"]);
    iris("train_and_test.npz", &["--features-key", "x_train", "--labels-key", "y_train"], IRIS);
    iris("numbered_keys.npz", &["--features-key", "arr_0", "--labels-key", "arr_1"], IRIS);
    // Samples of more axes are features, and that is said.
    let found =
        printed(&analyze(&Sandbox::new(), ["circle.pt", "circle.arch.json", "five_axes.npz"], &[]), "five axes");
    assert!(found["notes"].to_string().contains("[1, 1, 1, 2] are taken as 2 features"), "{found}");
}

#[test]
fn tables_of_spreadsheets_pandas_and_polars() {
    for data in ["bom_crlf.csv", "float_labels.csv", "categorical.parquet", "texts.parquet", "other_writer.parquet"] {
        iris(data, &[], IRIS);
    }
    reads(["circle.pt", "circle.arch.json", "bool.parquet"], &[], CIRCLE);
    iris("filtered_index.parquet", &[], (67, 0.045561126144976836, 39.070808029114325));
    for (data, said) in [
        ("missing.csv", "row 9, column `pl`, is missing"),
        ("missing.npz", "row 8, column 3, is NaN"),
        ("missing.parquet", "row 8, column `pl`, is missing"),
        ("pandas_index.csv", "index=False"),
        ("quoted_row_names.csv", "no name for column 1"),
        ("brotli.parquet", "compressed by brotli"),
        ("other.arff", "expected .npz, .npy, .csv"),
    ] {
        no_iris(data, &[], &[said]);
    }
    refuses(["wine.pt", "wine.arch.json", "wine.csv"], &[], &["row 8, is the first line again"]);
}

#[test]
fn a_feature_was_made_of_the_index_of_a_frame_by_experiments() {
    let sandbox = Sandbox::new();
    sandbox.file("frame.parquet", &fs::read(fixture("named_index.parquet")).unwrap());
    let experiment = serde_json::json!({
        "model": {"type": "Sequential", "args": {"layers": [{"type": "linear", "out_features": 8}, {"type": "tanh"},
            {"type": "linear", "out_features": 3}]}},
        "optimizer": {"type": "SGD", "args": {"lr": 0.01}},
        "dataset": {"type": "file", "args": {"path": "frame.parquet", "label_column": "species"}},
        "train_fraction": 0.8, "test_fraction": 0.2,
        "trainer": {"num_epochs": 1, "batch_size": 16, "how_often_print": 1}
    });
    let path = sandbox.config("frame", &experiment);
    let shown = sandbox.ok(&["show", &path]);
    assert!(shown.stdout.contains("P         67 parameters"), "{}", shown.stdout);
}

/// Analyses the whole spectrum of a network.
fn whole(sandbox: &Sandbox, [model, arch, data]: [&str; 3]) -> Value {
    let [model, arch, data] = [model, arch, data].map(fixture);
    let args = ["analyze", "--json", "--model", &model, "--arch", &arch, "--data", &data, "--method", "dense"];
    printed(&sandbox.run(&args), &model)["analysis"].clone()
}

#[test]
fn ties_repeated_and_negative_eigenvalues_and_losses_near_zero() {
    reads(["ties.pt", "ties.arch.json", "ties.npz"], &[], (177, 0.4648272271502329, 111.44326237638948));
    let first = ["ties_first.pt", "ties_first.arch.json", "ties_first.npz"];
    reads(first, &[], (69, 0.5182618095014873, 6.6575252211923));
    // Every eigenvalue stands three times.
    let triple = (9, 0.4628549424056703, 1.0371348383783945);
    let run = analyze(&Sandbox::new(), ["repeated.pt", "repeated.arch.json", "repeated.npz"], &["--loss", "mse"]);
    let found = has(&run, triple, "repeated");
    (1..3).for_each(|i| close(&found["top_k"]["eigenvalues"][i], triple.2, "repeated"));
    reads(
        ["interpolated.pt", "interpolated.arch.json", "interpolated.npz"],
        &[],
        (82, 1.23521375634689e-06, 0.0001032575446170991),
    );
    // Both ends of the spectrum of a network that was taught wrong labels.
    let sandbox = Sandbox::new();
    let run = analyze(&sandbox, ["wrong_labels.pt", "circle.arch.json", "wrong_labels.npz"], &[]);
    has(&run, (42, 0.47982792927548745, 1.4487301497833802), "wrong labels");
    let weights = "results/models/own/wrong_labels.safetensors";
    let experiment = "results/experiments/own/wrong_labels.json";
    for (which, place, wanted) in
        [("magnitude", 0, 1.4487301497833802), ("smallest", 0, -0.19480196659619245), ("both", 1, -0.19480196659619245)]
    {
        let args = ["hessian", experiment, "--model", weights, "--top-k", "2", "--which", which, "--json"];
        let found = printed(&sandbox.run(&args), which);
        close(&found["eigenvalues"][place], wanted, which);
    }
    // Logits of size 1e3: the loss is 0, not -0, and nothing is infinite.
    let run = analyze(&Sandbox::new(), ["big_logits.pt", "circle.arch.json", "circle_80.npz"], &[]);
    let top = printed(&run, "big logits")["top_k"].clone();
    let loss = top["loss"].as_f64().unwrap();
    assert!(loss == 0.0 && loss.is_sign_positive() && top["eigenvalues"][0].as_f64().unwrap().abs() < 1e-100, "{top}");
}

#[test]
fn blocks_of_layers_weight_decay_and_label_smoothing() {
    let sandbox = Sandbox::new();
    let run = analyze(&sandbox, ["frozen_layer.pt", "circle.arch.json", "circle.npz"], &[]);
    has(&run, (42, 0.2952064502264075, 4.278556613646037), "frozen layer");
    let run = analyze(&sandbox, ["estimates.pt", "circle.arch.json", "circle_80.npz"], &[]);
    has(&run, (42, 0.011292868921346988, 0.5820876705603948), "estimates");
    let hessian = |name: &str, more: &[&str]| {
        let (experiment, weights) =
            (format!("results/experiments/own/{name}.json"), format!("results/models/own/{name}.safetensors"));
        printed(&sandbox.run(&[&["hessian", &experiment, "--model", &weights, "--json"], more].concat()), name)
    };
    for (name, layer, p, largest, trace) in [
        ("frozen_layer", "2", 18, 0.5111807886763347, 0.6003260768825909),
        ("estimates", "0", 24, 0.5140260315934311, 0.6931787627796429),
        ("estimates", "2.bias", 2, 0.017512872994693694, 0.017512872994693698),
    ] {
        let found = hessian(name, &["--layers", layer]);
        assert_eq!(found["n_params"], p, "{name} {layer}");
        close(&found["lambda_max"], largest, layer);
        close(&found["trace"], trace, layer);
    }
    let estimated = hessian("estimates", &["--trace", "--density", "--diagonal"]);
    assert!(estimated.to_string().contains("density"), "{estimated}");
    // At a stationary point of the penalised loss nothing is left of the slope.
    let decayed = ["decayed.pt", "circle.arch.json", "circle_80.npz"];
    let slope = has(&analyze(&Sandbox::new(), decayed, &[]), (42, 0.15253982959564133, 1.6368591644543722), "decayed");
    close(&slope["top_k"]["grad_norm"], 0.04863902947218769, "decayed");
    let found = printed(&analyze(&Sandbox::new(), decayed, &["--weight-decay", "0.01"]), "decayed");
    close(&found["top_k"]["eigenvalues"][0], 1.6468591644543722, "decayed");
    assert!(found["top_k"]["grad_norm"].as_f64().unwrap() < 1e-6, "{found}");
    // The warning names the smoothing that the network was trained with.
    let run = analyze(&Sandbox::new(), ["smoothed.pt", "circle.arch.json", "circle_80.npz"], &[]);
    assert!(printed(&run, "smoothed")["warnings"].to_string().contains("label smoothing"), "{}", run.stderr);
}

#[test]
fn batch_statistics_of_a_batch_of_one() {
    let training = ["training_mode.pt", "training_mode.arch.json", "circle_80.npz"];
    let run = analyze(&Sandbox::new(), training, &[]);
    let found = has(&run, (44, 0.044516323942682304, 2.004078572440741), "training mode");
    assert!(found["notes"].to_string().contains("statistics of the whole training set fixed"), "{found}");
    // The loss beside the eigenvalues is that of the mini-batches' statistics.
    let found = printed(&analyze(&Sandbox::new(), training, &["--batch", "16"]), "mini-batches");
    assert!((found["top_k"]["loss"].as_f64().unwrap() - 0.1341201687787697).abs() < 1e-9, "{found}");
    let sandbox = Sandbox::new();
    let files = ["batch_statistics.safetensors", "batch_statistics.arch.json", "huge_outputs.npz"];
    let found = whole(&sandbox, files);
    assert_eq!(found["n_params"], 48);
    let overlaps = fs::read(sandbox.path("results/grads/own/batch_statistics_overlaps.npy")).unwrap();
    let numbers: Vec<&[u8]> = overlaps[overlaps.len() - 40 * 8..].chunks(8).collect();
    assert!(numbers.windows(2).any(|pair| pair[0] != pair[1]), "the samples differ");
}

#[test]
fn certificates_of_outputs_so_large_that_they_cancel() {
    let run = analyze(&Sandbox::new(), ["huge_outputs.safetensors", "huge_outputs.arch.json", "huge_outputs.npz"], &[]);
    let found = printed(&run, "huge outputs");
    assert!(found["warnings"].to_string().contains("the matrix itself is known only to about"), "{found}");
}

/// A sandbox with an experiment of the fixtures, its samples and its weights.
fn experiment(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for ending in ["json", "npz", "safetensors"] {
        let file = format!("{name}.{ending}");
        let folder = if ending == "json" { "my/" } else { "" };
        sandbox.file(&format!("{folder}{file}"), &fs::read(fixture(&file)).unwrap());
    }
    sandbox
}

#[test]
fn a_spectrum_of_rounding_was_certified() {
    let remainder = ["--operator", "remainder", "--json", "--classes", "1,2,0", "--layers", "0.main.3"];
    let args = [&["hessian", "my/zero_matrix.json", "--model", "zero_matrix.safetensors"][..], &remainder].concat();
    let found = printed(&experiment("zero_matrix").run(&args), "zero matrix");
    assert_eq!((&found["rank"], found["lambda_max"].as_f64()), (&Value::from(0), Some(0.0)), "{found}");
}

#[test]
fn single_precision_was_refused_with_the_advice_to_use_the_method_that_was_used() {
    let args =
        ["hessian", "my/float32_refused.json", "--model", "float32_refused.safetensors", "--operator", "remainder"];
    let message =
        experiment("float32_refused").error(&[&args[..], &["--dtype", "float32", "--method", "dense"]].concat());
    assert!(message.contains("use --dtype float64") && !message.contains("use --method dense"), "{message}");
}

#[test]
fn messages_of_a_hundred_thousand_characters() {
    let sandbox = Sandbox::new();
    let name = "w".repeat(100_000);
    let header = format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    sandbox.file("long.safetensors", &[&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat());
    sandbox.file("long.csv", format!("a,b,y\n1,2,{name}\n2,1,0\n").as_bytes());
    sandbox.file("column.csv", format!("a,{name},y\n1,2,x\n").as_bytes());
    for (files, code) in [
        (["long.safetensors", "circle.arch.json", "circle.npz"], 1),
        (["circle.pt", "circle.arch.json", "long.csv"], 0),
        (["circle.pt", "circle.arch.json", "column.csv"], 0),
    ] {
        let run = analyze(&sandbox, files, &[]);
        assert!(run.code == code && run.stderr.len() < 2_000, "{files:?}: {} bytes", run.stderr.len());
    }
}
