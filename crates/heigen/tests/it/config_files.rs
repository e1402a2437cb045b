//! The experiment files that the project ships, read by the parser.

use crate::config;

use crate::config::{edited, parse, shipped, shipped_names};
use heigen::config::{AnyName, BatchSize, DatasetSpec, Experiment, OptimizerSpec, Start, why_it_cannot_run};
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn every_shipped_file_is_accepted_and_its_resolved_form_reads_back_equal() {
    let known = shipped_names();
    assert_eq!(known.len(), 76);
    for name in &known {
        let experiment = Experiment::parse(&shipped(name), name.clone(), &name.to_string(), &known).unwrap().experiment;
        let resolved = experiment.to_json();
        let again = Experiment::parse(&resolved.to_string(), name.clone(), "resolved", &known).unwrap();
        assert_eq!(again.experiment, experiment);
        assert_eq!(again.experiment.to_json().to_string(), resolved.to_string());
        let start = !matches!(experiment.start, Start::Fresh);
        let stated = !edited(name, |_| ()).get("init_model_at").unwrap().as_str().unwrap().is_empty();
        assert_eq!(start, stated, "{name}");
    }
}

#[test]
fn losses_with_options_are_read_written_and_refused() {
    let known = shipped_names();
    let name = known.iter().find(|name| name.to_string() == "gauss/normal_training").unwrap();
    let with = |loss: Value| {
        let text = edited(name, |file| file["loss"] = loss).to_string();
        Experiment::parse(&text, name.clone(), "file", &known).map(|parsed| parsed.experiment)
    };
    let given = json!({"type": "huber", "args": {"delta": 0.5, "reduction": "sum"}});
    let experiment = with(given.clone()).unwrap();
    assert_eq!((experiment.objective().options.delta, experiment.to_json()["loss"].clone()), (0.5, given));
    let weights =
        with(json!({"type": "cross_entropy", "args": {"weight": [1, 2.5, 1], "ignore_index": -100}})).unwrap();
    assert_eq!(weights.objective().class_weights, Some(vec![1.0, 2.5, 1.0]));
    for (wrong, what) in [
        (json!({"type": "huber", "args": {"beta": 0.5}}), "`beta` is no option of the loss huber"),
        (json!({"type": "huber", "args": {"delta": -1}}), "expected a positive number"),
        (json!({"type": "huber", "args": {"delta": "half"}}), "invalid type"),
        (json!({"type": "huber", "args": {"colour": 1}}), "colour"),
        (json!({"args": {}}), "type"),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn the_resolved_form_keeps_every_value_of_the_file() {
    fn kept(file: &Value, resolved: &Value, place: &str) {
        match (file, resolved) {
            (Value::Object(file), Value::Object(resolved)) => {
                for (key, value) in file {
                    if key != "init_model_at" {
                        kept(value, &resolved[key], &format!("{place}.{key}"));
                    }
                }
            }
            (Value::Number(a), Value::Number(b)) => assert_eq!(a.as_f64(), b.as_f64(), "{place}"),
            (a, b) => assert_eq!(a, b, "{place}"),
        }
    }
    let known = shipped_names();
    for name in &known {
        let experiment = Experiment::parse(&shipped(name), name.clone(), "file", &known).unwrap().experiment;
        let mut file = edited(name, |_| ());
        if experiment.dataset.without_definition().is_some() {
            file["dataset"]["args"] = json!({});
        }
        kept(&file, &experiment.to_json(), &name.to_string());
    }
}

#[test]
fn what_the_files_leave_out_or_misname_is_noted() {
    let known = shipped_names();
    let notes: Vec<String> = known
        .iter()
        .flat_map(|name| {
            let parsed = Experiment::parse(&shipped(name), name.clone(), "file", &known).unwrap();
            parsed.notes.into_iter().map(move |note| format!("{name}: {note}"))
        })
        .collect();
    assert_snapshot!("notes_of_the_shipped_files", notes.join("\n"));
}

#[test]
fn experiments_without_data_say_why_they_cannot_run() {
    let known = shipped_names();
    let all: Vec<Experiment> = known
        .iter()
        .map(|name| Experiment::parse(&shipped(name), name.clone(), "file", &known).unwrap().experiment)
        .collect();
    let find = |name| all.iter().find(|e| e.name == name).unwrap();
    let reasons: Vec<String> = all
        .iter()
        .filter_map(|experiment| {
            let chain = match &experiment.start {
                Start::Fresh => None,
                Start::Trained(name) | Start::LargeNorm(name) => Some(find(name.clone())),
            };
            why_it_cannot_run(experiment, chain)
        })
        .collect();
    assert_snapshot!("reasons_why_experiments_cannot_run", reasons.join("\n"));
}

#[test]
fn the_resolved_form_writes_every_default_out() {
    let minimal = r#"{"model": {"type": "FNN"}, "optimizer": {"type": "SGD", "args": {"lr": 0.02}},
        "dataset": {"type": "circle"}, "train_fraction": 0.5, "test_fraction": 0.2,
        "trainer": {"num_epochs": 0, "batch_size": "full", "how_often_print": 1}}"#;
    let experiment = parse(minimal).unwrap().experiment;
    assert_eq!(experiment.trainer.batch_size, BatchSize::Full);
    assert_snapshot!("resolved_form_of_a_minimal_file", format!("{:#}", experiment.to_json()));
}

#[test]
fn sharpness_aware_minimisation_has_the_radius_of_its_paper_unless_told() {
    let name = "gauss/normal_training".parse().unwrap();
    let with =
        |args: Value| parse(&edited(&name, |e| e["optimizer"] = json!({"type": "SAM", "args": args})).to_string());
    let experiment = with(json!({"lr": 0.02})).unwrap().experiment;
    let sam = OptimizerSpec::Sam { lr: 0.02, momentum: 0.0, weight_decay: 0.0, rho: 0.05 };
    assert_eq!(experiment.optimizer, sam);
    assert_eq!(parse(&experiment.to_json().to_string()).unwrap().experiment.optimizer, sam);
    let refused = with(json!({"lr": 0.02, "rho": 0})).unwrap_err().to_string();
    assert!(refused.contains("rho") && refused.contains("a radius above 0"), "{refused}");
}

#[test]
fn nesterovs_momentum_is_a_switch_of_sgd_and_needs_a_momentum() {
    let name = "gauss/normal_training".parse().unwrap();
    let with =
        |args: Value| parse(&edited(&name, |e| e["optimizer"] = json!({"type": "SGD", "args": args})).to_string());
    let experiment = with(json!({"lr": 0.02, "momentum": 0.9, "nesterov": true})).unwrap().experiment;
    let nesterov = OptimizerSpec::Nesterov { lr: 0.02, momentum: 0.9, weight_decay: 0.0 };
    assert_eq!(experiment.optimizer, nesterov);
    assert_eq!(parse(&experiment.to_json().to_string()).unwrap().experiment.optimizer, nesterov);
    let plain = with(json!({"lr": 0.02, "momentum": 0.9, "nesterov": false})).unwrap().experiment;
    assert_eq!(plain.optimizer, OptimizerSpec::Sgd { lr: 0.02, momentum: 0.9, weight_decay: 0.0 });
    assert_eq!(plain.to_json()["optimizer"]["args"].get("nesterov"), None);
    let refused = with(json!({"lr": 0.02, "nesterov": true})).unwrap_err().to_string();
    assert!(refused.contains("`nesterov` needs a momentum"), "{refused}");
}

#[test]
fn all_spellings_of_no_scheduler_and_of_cross_entropy_are_one() {
    let name = "gauss/normal_training".parse().unwrap();
    let plain = parse(&edited(&name, |_| ()).to_string()).unwrap();
    for scheduler in [Value::Null, json!(false)] {
        assert_eq!(parse(&edited(&name, |e| e["scheduler"] = scheduler).to_string()).unwrap(), plain);
    }
    assert_eq!(parse(&edited(&name, |e| e["loss"] = json!("cross_entropy")).to_string()).unwrap(), plain);
    assert_eq!(parse(&edited(&name, |e| e["large_norm"] = json!(false)).to_string()).unwrap(), plain);
    let with_mark = format!("\u{feff}{}", edited(&name, |_| ()));
    assert_eq!(parse(&with_mark).unwrap(), plain);
}

#[test]
fn fractions_that_add_to_one_in_decimals_are_accepted() {
    let name = "gauss/normal_training".parse().unwrap();
    for (train, test) in [(0.7, 0.3), (0.9, 0.1), (0.8, 0.2), (1.0, 0.0), (0.6, 0.4)] {
        let text = edited(&name, |e| {
            e["train_fraction"] = json!(train);
            e["test_fraction"] = json!(test);
        });
        assert!(parse(&text.to_string()).is_ok(), "{train} {test}");
    }
}

#[test]
fn the_hierachical_set_has_its_own_seed() {
    let name = "hierachical/normal_training".parse().unwrap();
    let set = parse(&shipped(&name)).unwrap().experiment.dataset;
    assert!(matches!(set, DatasetSpec::Hierachical { seed: 34, num_classes: 4, .. }), "{set:?}");
}

proptest! {
    #[test]
    fn any_accepted_numbers_survive_the_resolved_form(
        lr in 1e-300_f64..1e300, momentum in 0.0..1.0_f64, decay in 0.0..1e9_f64, gamma in 1e-9..10.0_f64,
        noise in 0.0..100.0_f64, factor in 0.0..1.0_f64, seed: u64, points in 2_usize..10_000_000,
        scales: Option<[i32; 2]>, batch in 1_usize..1000, train in 0.001..1.0_f64,
    ) {
        let file = json!({
            "model": {"type": "FNN", "args": {"init_scales": scales}},
            "optimizer": {"type": "SGD", "args": {"lr": lr, "momentum": momentum, "weight_decay": decay}},
            "scheduler": {"type": "MultiStepLR", "args": {"milestones": [batch, batch + 1], "gamma": gamma}},
            "dataset": {"type": "circle", "args": {"noise": noise, "factor": factor, "num_samples": points}},
            "train_fraction": train, "test_fraction": 1.0 - train,
            "trainer": {"num_epochs": 3, "batch_size": batch, "how_often_print": 1}, "seed": seed,
        });
        let name = "mine/one".parse::<heigen::config::ExperimentName>().unwrap();
        let first = Experiment::parse(&file.to_string(), name.clone(), "file", &AnyName).unwrap().experiment;
        let second = Experiment::parse(&first.to_json().to_string(), name, "file", &AnyName).unwrap().experiment;
        prop_assert_eq!(first, second);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]{}:,\"a-z0-9.eE \\\\-]{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_value_at_any_key_makes_the_parser_panic(
        at in prop::sample::select(config::PLACES.to_vec()),
        value in prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), ".{0,9}".prop_map(Value::from),
            Just(json!([])), Just(json!({})), Just(json!([1, 1])), Just(json!([1, "x", null])),
        ],
    ) {
        let name = "mnist2D/adversarial_init_training_c017".parse().unwrap();
        let text = edited(&name, |e| if let Some(slot) = e.pointer_mut(at) { *slot = value; }).to_string();
        if let Ok(parsed) = parse(&text) {
            let again = parse(&parsed.experiment.to_json().to_string()).unwrap();
            prop_assert_eq!(parsed.experiment, again.experiment);
        }
    }
}

#[test]
fn the_guide_has_every_operation_of_graphs() {
    let guide = include_str!("../../../../docs/guide/src/graphs.md");
    let source = include_str!("../../src/vocabulary/graph/op.rs");
    let operations = source.split("pub enum Op {").nth(1).unwrap().lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.split([',', ' ']).next()?;
        let capital = name.starts_with(|c: char| c.is_ascii_uppercase());
        capital.then(|| {
            let letters = name.chars().enumerate().flat_map(|(i, c)| {
                let split = (c.is_ascii_uppercase() && i > 0).then_some('_');
                split.into_iter().chain([c.to_ascii_lowercase()])
            });
            letters.collect::<String>()
        })
    });
    let missing: Vec<String> = operations.filter(|name| !guide.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/guide/src/graphs.md lacks {missing:?}");
    assert!(guide.matches("\n| `").count() > 70);
}
