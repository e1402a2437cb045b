//! Looks, whole spectra, moves along eigenvectors, maps, loss planes and pieces of the boundary.

use crate::client::{Client, loss, numbers, start};
use serde_json::{Value, json};

/// A session of a small smooth network that has been trained a little, and its look.
fn trained() -> (Client, Value) {
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    let setup = json!({
        "data": "gauss_mixtures", "noise": 0.0, "random_labels": false, "train_fraction": 0.5, "hidden": [8, 8],
        "activation": "tanh", "optimizer": "Adam", "lr": 0.01, "momentum": 0.0, "weight_decay": 0.0, "batch_size": 64, "seed": 1,
    });
    client.send(json!({ "do": "setup", "setup": setup }));
    for _ in 0..20 {
        client.send(json!({ "do": "step" }));
    }
    let id = client.send(json!({ "do": "pause" }));
    let look = client.since("look", id);
    assert_eq!(look["basis"]["epoch"], 20);
    (client, look)
}

#[test]
fn the_loss_along_an_eigenvector_curves_by_its_eigenvalue() {
    let (mut client, look) = trained();
    let t = 1e-3;
    let mut at =
        |along: Value, random: f64| loss(&client.picture(json!({ "do": "move", "along": along, "random": random })));
    let here = at(json!([]), 0.0);
    for (i, lambda) in numbers(&look["eigenvalues"]).into_iter().take(3).enumerate() {
        let along = |t: f64| {
            let mut steps = vec![0.0; i + 1];
            steps[i] = t;
            json!(steps)
        };
        let curvature = (at(along(t), 0.0) + at(along(-t), 0.0) - 2.0 * here) / (t * t);
        assert!((curvature / lambda - 1.0).abs() < 1e-3, "vector {i}: {curvature} and {lambda}");
    }
    let random = (at(json!([]), t) + at(json!([]), -t) - 2.0 * here) / (t * t);
    assert!(random.abs() < 0.2 * numbers(&look["eigenvalues"])[0], "a random direction curves by {random}");
}

#[test]
fn a_whole_spectrum_is_certified_and_agrees_with_the_look() {
    let (mut client, look) = trained();
    let id = client.send(json!({ "do": "whole", "on": true }));
    let spectrum = client.wait("spectrum", |s| s["since"].as_u64() >= Some(id.into()));
    let (all, top) = (numbers(&spectrum["eigenvalues"]), numbers(&look["eigenvalues"]));
    for (a, b) in all.iter().zip(&top) {
        assert!((a / b - 1.0).abs() < 1e-6, "{a} {b}");
    }
    assert_eq!(spectrum["rank"].as_u64().unwrap() as usize, all.len());
    let certificate = &spectrum["certificate"];
    assert!(certificate["residual_max"].as_f64().unwrap() < 1e-8 * all[0], "{certificate}");
    assert!(certificate["outside_bound"].as_f64().unwrap() < 1e-8 * all[0], "{certificate}");
    assert!((all.iter().sum::<f64>() / spectrum["trace"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    // Vectors far down can be chosen, too.
    let view = json!({ "by": "alignment", "vector": all.len() - 1 });
    let picture = client.picture(json!({ "do": "view", "view": view }));
    assert_eq!(picture["of_samples"].as_array().unwrap().len(), 300);
}

#[test]
fn the_top_ten_at_moved_weights_are_those_of_their_whole_spectrum() {
    let (mut client, _) = trained();
    client.send(json!({ "do": "whole", "on": true }));
    for far in [0.05, 0.6, 2.0] {
        let id = client.send(json!({ "do": "move", "along": [far, -0.7 * far, 0.3 * far], "random": far }));
        // They may come in any order.
        let (mut look, mut whole) = (Value::Null, Value::Null);
        while look.is_null() || whole.is_null() {
            let got = client.next();
            let of_move = got["moved"] == true && got["since"].as_u64() >= Some(id.into());
            match got["is"].as_str() {
                Some("look") if of_move => look = got,
                Some("spectrum") if of_move => whole = got,
                Some("error") => panic!("{got}"),
                _ => {}
            }
        }
        let (top, all) = (numbers(&look["eigenvalues"]), numbers(&whole["eigenvalues"]));
        assert_eq!(top.len(), 10);
        for (a, b) in top.iter().zip(&all) {
            assert!((a - b).abs() <= 1e-3 * all[0], "{far} away: {top:?} and {:?}", &all[..10]);
        }
    }
}

#[test]
fn alignments_are_cosines_and_change_sign_with_the_side() {
    let (mut client, _) = trained();
    let picture = client.picture(json!({ "do": "view", "view": { "by": "alignment", "vector": 0 } }));
    let (values, samples) = (numbers(&picture["values"]), numbers(&picture["of_samples"]));
    let cells = picture["cells"].as_u64().unwrap() as usize;
    assert_eq!((values.len(), samples.len()), (cells * cells, 300));
    assert!(values.iter().chain(&samples).all(|a| a.abs() <= 1.0 + 1e-5));
    assert!(values.iter().any(|&a| a > 0.3) && values.iter().any(|&a| a < -0.3), "v_1 tells sides apart");
}

#[test]
fn the_input_of_a_unit_is_linear_in_the_first_layer() {
    let (mut client, _) = trained();
    let picture = client.picture(json!({ "do": "view", "view": { "by": "unit", "layer": 0, "unit": 5 } }));
    let (values, cells) = (numbers(&picture["values"]), picture["cells"].as_u64().unwrap() as usize);
    // w x + b has no second differences.
    let at = |i: usize, j: usize| values[i + cells * j];
    for k in 1..cells - 1 {
        assert!((at(k - 1, 3) + at(k + 1, 3) - 2.0 * at(k, 3)).abs() < 1e-5);
        assert!((at(3, k - 1) + at(3, k + 1) - 2.0 * at(3, k)).abs() < 1e-5);
    }
    assert!((at(0, 0) - at(cells - 1, cells - 1)).abs() > 1e-3);
    // A unit that there is not leaves the plane to the classes.
    let none = client.picture(json!({ "do": "view", "view": { "by": "unit", "layer": 2, "unit": 0 } }));
    assert!(none["values"].is_null());
}

#[test]
fn the_loss_plane_has_the_losses_of_moves() {
    let (mut client, _) = trained();
    let id = client.send(json!({ "do": "surface", "axes": [{ "vector": 0 }, "random"] }));
    let surface = client.wait("surface", |_| true);
    assert!(surface["since"].as_u64() >= Some(id.into()));
    let (values, side) = (numbers(&surface["values"]), surface["side"].as_u64().unwrap() as usize);
    let lengths = numbers(&surface["lengths"]);
    for (i, j) in [(side / 2, side / 2), (0, side / 2), (side - 1, side - 1), (3, 30)] {
        let place = |i: usize| -1.0 + 2.0 * i as f64 / (side - 1) as f64;
        let (a, b) = (place(i) * lengths[0], place(j) * lengths[1]);
        let moved = loss(&client.picture(json!({ "do": "move", "along": [a], "random": b })));
        assert!((values[i + side * j] / moved - 1.0).abs() < 1e-4, "({i}, {j}): {} {moved}", values[i + side * j]);
    }
}

#[test]
fn moves_are_overtaken_kept_and_taken_back() {
    let (mut client, _) = trained();
    let before = loss(&client.picture(json!({ "do": "move", "along": [], "random": 0.0 })));
    let mut last = 0;
    for i in 0..200 {
        last = client.send(json!({ "do": "move", "along": [0.002 * f64::from(i)], "random": 0.0 }));
    }
    let mut pictures = 0;
    let moved = loop {
        let got = client.next();
        pictures += usize::from(got["is"] == "picture");
        if got["is"] == "picture" && got["since"].as_u64() >= Some(last.into()) {
            break got;
        }
    };
    assert!(pictures < 200 && moved["moved"] == true);
    // The spectrum there follows, and is said to be that of other weights.
    let there = client.wait("look", |look| look["moved"] == true && look["since"].as_u64() >= Some(last.into()));
    assert_ne!(there["loss"].as_f64(), Some(before));
    assert!((there["loss"].as_f64().unwrap() / loss(&moved) - 1.0).abs() < 1e-12);
    let back = client.picture(json!({ "do": "move", "along": [], "random": 0.0 }));
    assert_eq!(loss(&back), before);
    let away = loss(&client.picture(json!({ "do": "move", "along": [0.3], "random": 0.0 })));
    let kept = client.picture(json!({ "do": "keep" }));
    assert!(kept["moved"] == false && (loss(&kept) / away - 1.0).abs() < 1e-4, "{} {away}", loss(&kept));
}

#[test]
fn pieces_of_the_boundary_have_carriers() {
    let (mut client, _) = trained();
    client.send(json!({ "do": "pieces", "on": true }));
    let found = client.wait("pieces", |_| true);
    let k = found["eigenvalues"].as_array().unwrap().len();
    let pieces = found["pieces"].as_array().unwrap();
    assert!(!pieces.is_empty() && found["moves"].as_array().unwrap().len() == 2 * k);
    for piece in pieces {
        let carried = numbers(&piece["carried"]);
        assert!(carried.len() == k && (carried.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{piece}");
    }
    for shares in found["shares"].as_array().unwrap() {
        let of = |part: &str| shares[part].as_f64().unwrap();
        assert!(((of("class") + of("cross") + of("within") + of("own")) / of("total") - 1.0).abs() < 1e-9);
    }
    // What becomes of the pieces is told of where the loss has risen so far, on either side of every eigenvector.
    let mut at = |along: Value| loss(&client.picture(json!({ "do": "move", "along": along, "random": 0.0 })));
    let risen = at(json!([])) + found["rise"].as_f64().unwrap();
    let mut apart = 0;
    for i in 0..k {
        let steps = [0, 1].map(|side| found["moves"][2 * i + side]["step"].as_f64());
        for (step, sign) in steps.into_iter().zip([1.0, -1.0]).filter_map(|(step, sign)| Some((step?, sign))) {
            let mut along = vec![0.0; i + 1];
            along[i] = sign * step;
            let there = at(json!(along));
            assert!((there - risen).abs() < 1e-3 * risen, "{there} and {risen} after {sign} * {step} along vector {i}");
        }
        apart += usize::from(steps[0] != steps[1]);
    }
    assert!(apart > 0, "the two sides of an eigenvector are no mirror images");
}
