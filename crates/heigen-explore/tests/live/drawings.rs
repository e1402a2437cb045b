//! Drawings of each view by the program's own figures.

use crate::client::{Client, numbers, setup, start};
use serde_json::{Value, json};

/// The file of a drawing, its name and its bytes.
fn drawn(client: &mut Client, what: &Value, form: &str) -> (String, Vec<u8>) {
    let id = client.send(json!({ "do": "draw", "what": what, "form": form }));
    let got = client.since("drawing", id);
    let bytes = numbers(&got["bytes"]).into_iter().map(|b| b as u8).collect();
    (got["name"].as_str().unwrap().to_owned(), bytes)
}

fn trained(data: &str) -> Client {
    trained_at(&start(), data, 20)
}

fn trained_at(address: &str, data: &str, epochs: u32) -> Client {
    let mut client = Client::new(address);
    client.wait("picture", |_| true);
    client.send(json!({ "do": "setup", "setup": setup(&json!({ "data": data })) }));
    client.send(json!({ "do": "surface", "axes": [{ "vector": 0 }, "random"] }));
    client.send(json!({ "do": "pieces", "on": true }));
    client.send(json!({ "do": "until", "epochs": epochs }));
    let at = client.wait("restored", |_| true);
    client.wait("pieces", |pieces| pieces["version"] == at["version"]);
    client
}

#[test]
fn every_view_has_its_drawing_as_svg_and_png() {
    let mut client = trained("gauss_mixtures");
    client.send(json!({ "do": "units", "layer": 0 }));
    let curve = |values: [f64; 3]| json!([[0, values[0]], [10, values[1]], [20, values[2]]]);
    let panels = json!([[["training", curve([1.0, 0.5, 0.2])]], [["$\\lambda_1$", curve([1.0, 5.0, 9.0])]]]);
    let all = [
        (json!({ "of": "plane" }), "plane"),
        (json!({ "of": "spectrum" }), "spectrum"),
        (json!({ "of": "course", "panels": panels }), "course"),
        (json!({ "of": "surface" }), "loss-plane"),
        (json!({ "of": "pieces" }), "outliers"),
        (json!({ "of": "units" }), "units"),
    ];
    for (what, part) in &all {
        let (name, svg) = drawn(&mut client, what, "svg");
        assert_eq!(name, format!("gauss_mixtures-{part}-20.svg"));
        let text = String::from_utf8(svg).unwrap();
        assert!(
            text.starts_with("<svg") && text.trim_end().ends_with("</svg>") && text.len() > 3000,
            "{part}: {}",
            text.len()
        );
        let (name, png) = drawn(&mut client, what, "png");
        assert_eq!(name, format!("gauss_mixtures-{part}-20.png"));
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let dark = pixels.iter().filter(|&&value| value < 100).count();
        assert!(info.width > 300 && info.height > 200 && dark > 500, "{part}: {info:?}, {dark}");
    }
    // The drawing is that of what is shown: other colours make another one.
    let (_, classes) = drawn(&mut client, &all[0].0, "svg");
    client.picture(json!({ "do": "view", "view": { "by": "alignment", "vector": 0 } }));
    let (_, first) = drawn(&mut client, &all[0].0, "svg");
    client.picture(json!({ "do": "view", "view": { "by": "unit", "layer": 0, "unit": 1 } }));
    let (_, unit) = drawn(&mut client, &all[0].0, "svg");
    assert!(classes != first && first != unit && unit != classes);
    let (_, few) = drawn(&mut client, &all[1].0, "svg");
    let id = client.send(json!({ "do": "whole", "on": true }));
    client.since("spectrum", id);
    assert_ne!(drawn(&mut client, &all[1].0, "svg").1, few);
}

#[test]
fn what_cannot_be_drawn_is_said_in_words() {
    let mut client = trained("iris");
    let mut refused = |what: Value, words: &str| {
        let id = client.send(json!({ "do": "draw", "what": what, "form": "svg" }));
        let error = client.wait("error", |error| error["id"] == id);
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    };
    refused(json!({ "of": "plane" }), "choose an eigenvector");
    refused(json!({ "of": "pieces" }), "not known");
    refused(json!({ "of": "units" }), "choose a layer");
    refused(json!({ "of": "course", "panels": [[]] }), "");
    let many: Vec<[f64; 2]> = (0..5000).map(|i| [f64::from(i), 1.0]).collect();
    refused(json!({ "of": "course", "panels": [[["x", many]]] }), "5000 points");
    client.picture(json!({ "do": "view", "view": { "by": "alignment", "vector": 0 } }));
    let id = client.send(json!({ "do": "whole", "on": true }));
    client.since("spectrum", id);
    let (name, svg) = drawn(&mut client, &json!({ "of": "plane" }), "svg");
    assert!(name == "iris-plane-20.svg" && svg.len() > 10_000);
}

#[test]
fn two_minima_are_drawn_by_what_one_session_hands_to_the_other() {
    let address = start();
    for (data, planes) in [("gauss_mixtures", 2), ("iris", 0)] {
        let mut one = trained_at(&address, data, 20);
        let mut other = trained_at(&address, data, 31);
        let handed = |client: &mut Client| {
            let id = client.send(json!({ "do": "hand" }));
            client.since("handed", id)["number"].as_u64().unwrap()
        };
        let names = ["fresh", "other"];
        let what = |number: u64| json!({ "of": "compare", "handed": number, "names": names });
        let number = handed(&mut other);
        let (name, svg) = drawn(&mut one, &what(number), "svg");
        assert_eq!(name, format!("{data}-two-minima-20.svg"));
        let text = String::from_utf8(svg).unwrap();
        let said = |words: &str| text.matches(words).count();
        // Each side has its name, and its own epoch, above its plane.
        assert_eq!([said("fresh, epoch 20"), said("other, epoch 31")], [planes / 2; 2], "{data}");
        assert!(names.iter().all(|&name| said(name) > planes / 2), "the spectra have both names");
        let (_, png) = drawn(&mut one, &what(handed(&mut other)), "png");
        assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000);
        // What was handed over is drawn once; numbers that nobody was given are nothing.
        for number in [number, 1_000_000] {
            let id = one.send(json!({ "do": "draw", "what": what(number), "form": "svg" }));
            let error = one.wait("error", |error| error["id"] == id);
            assert!(error["message"].as_str().unwrap().contains("was not handed over"), "{error}");
        }
        let long = json!({ "of": "compare", "handed": 1, "names": ["x".repeat(61), "y"] });
        let id = one.send(json!({ "do": "draw", "what": long, "form": "svg" }));
        assert!(one.wait("error", |error| error["id"] == id)["message"].as_str().unwrap().contains("60 characters"));
    }
}
