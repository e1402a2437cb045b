//! The model beside what was measured, and what it predicts for a cluster.

use super::model::{Machine, OPERATIONS, Product};
use heigen_figures::{Curve, CurvePanel, curve_panels};
use serde_json::Value;
use std::error::Error;
use std::path::Path;

/// A machine of a cluster: cores at the rate that one has here, of whose sum the threads of a process reach a part.
const CORES: f64 = 64.0;
const OF_CORES: f64 = 0.7;
/// Connections between machines: name, seconds, bytes a second.
const LINKS: [(&str, f64, f64); 2] = [("100 Gb/s, 2 us", 2e-6, 12.5e9), ("10 Gb/s, 30 us", 3e-5, 1.25e9)];
/// Images of the prediction.
const IMAGES: usize = 50_000;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

struct Measured(Vec<Value>);

impl Measured {
    fn find(&self, wanted: &[(&str, Value)]) -> Outcome<&Value> {
        let fits = |line: &&Value| wanted.iter().all(|(key, value)| line[*key] == *value);
        self.0.iter().find(fits).ok_or_else(|| format!("nothing measured of {wanted:?}").into())
    }
}

fn number(line: &Value, key: &str) -> f64 {
    line[key].as_f64().unwrap_or(f64::NAN)
}

fn product_of(line: &Value) -> Product {
    let whole = |key: &str| number(line, key) as usize;
    let columns = number(line, "columns");
    Product {
        samples: whole("samples"),
        leaves: whole("leaves"),
        operations: OPERATIONS * number(line, "multiplications") * columns,
        bytes: number(line, "parameters") * columns * number(line, "bytes_of_number"),
    }
}

pub(crate) fn run(measured: &Path, svg: &Path) -> Outcome {
    let lines = std::fs::read_to_string(measured)?;
    let measured = Measured(lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?);
    let link = measured.find(&[("what", "link".into())])?;
    let adding = measured.find(&[("what", "adding".into()), ("ranks", 2.into())])?;
    let here = |rate: f64| Machine {
        latency: number(link, "latency"),
        bandwidth: number(link, "bandwidth"),
        adding: number(adding, "rate"),
        rate,
    };
    println!(
        "latency {:.2} us, bandwidth {:.2} GB/s, adding {:.2} GB/s",
        1e6 * number(link, "latency"),
        1e-9 * number(link, "bandwidth"),
        1e-9 * number(adding, "rate")
    );
    println!("| what | samples | 1 process | 2 processes | the model for 2 | bytes sent a product, by the two |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut checks: [Vec<[f64; 2]>; 2] = [vec![], vec![]];
    let firsts = measured.0.iter().filter(|line| line["ranks"] == 1 && line["what"] != "adding");
    for (place, one) in firsts.enumerate() {
        let keys = ["what", "network", "scaling", "columns"].map(|key| (key, one[key].clone()));
        let two = measured.find(&[&keys[..], &[("ranks", 2.into())]].concat())?;
        let (t1, t2) = (number(one, "seconds"), number(two, "seconds"));
        let (name, what) = (one["network"].as_str().unwrap_or(""), one["what"].as_str().unwrap_or(""));
        let columns = one["columns"].as_u64().map_or_else(String::new, |k| format!(", {k} directions"));
        let scaling = one["scaling"].as_str().unwrap_or("");
        let (mut model, mut sent) = (String::new(), String::new());
        if what == "product" {
            let (of_one, of_two) = (product_of(one), product_of(two));
            let rate = of_one.samples as f64 * of_one.operations / t1;
            let predicted = of_two.seconds(&here(rate), 2);
            model = format!("{:.1} ms", 1e3 * predicted);
            sent = format!("{:.2} MB, {:.2} MB", 1e-6 * number(two, "bytes_of_first"), 1e-6 * number(two, "bytes_of_second"));
            checks[0].push([place as f64 + 1.0, 1e3 * t2]);
            checks[1].push([place as f64 + 1.0, 1e3 * predicted]);
        }
        let samples = if scaling == "weak" {
            format!("{}, {}", one["samples"], two["samples"])
        } else {
            one["samples"].to_string()
        };
        println!(
            "| {what}, {name}{columns}, {scaling} | {samples} | {:.1} ms | {:.1} ms | {model} | {sent} |",
            1e3 * t1,
            1e3 * t2
        );
    }
    let resnet = measured.find(&[("network", "ResNet18".into()), ("ranks", 1.into()), ("columns", 1.into())])?;
    let small = product_of(resnet);
    let core = small.samples as f64 * small.operations / number(resnet, "seconds");
    let large = Product { samples: IMAGES, leaves: heigen_spectra::Leaves::of(IMAGES).count(), ..small };
    let cluster = |(_, latency, bandwidth): (&str, f64, f64)| Machine {
        latency,
        bandwidth,
        adding: number(adding, "rate"),
        rate: core * CORES * OF_CORES,
    };
    let nodes: Vec<usize> = (0..9).map(|i| 1 << i).collect();
    println!("a core: {:.1} GF/s; {} leaves", 1e-9 * core, large.leaves);
    println!("| nodes | arithmetic | {} | {} |", LINKS[0].0, LINKS[1].0);
    println!("| ---: | ---: | ---: | ---: |");
    for &n in &nodes {
        let [a, b] = LINKS.map(|link| large.seconds(&cluster(link), n));
        println!("| {n} | {:.2} s | {a:.2} s | {b:.2} s |", large.arithmetic(&cluster(LINKS[0]), n));
    }
    let curve = |name: &str, of: &dyn Fn(usize) -> f64| Curve {
        name: name.to_owned(),
        points: nodes.iter().map(|&n| [n as f64, of(n)]).collect(),
        markers: false,
    };
    let mut curves = vec![curve("arithmetic", &|n| large.arithmetic(&cluster(LINKS[0]), n))];
    curves.extend(LINKS.map(|link| curve(link.0, &|n| large.seconds(&cluster(link), n))));
    let panels = [
        CurvePanel {
            title: "Predicted: ResNet18, 50,000 images, one direction".to_owned(),
            axes: ["machines".to_owned(), "seconds of a product".to_owned()],
            logarithmic: [true, true],
            curves,
            levels: vec![],
        },
        CurvePanel {
            title: "Two processes here: products".to_owned(),
            axes: ["product, in the order of the table".to_owned(), "milliseconds".to_owned()],
            logarithmic: [false, true],
            curves: [("measured", 0, true), ("the model", 1, false)]
                .map(|(name, i, markers)| Curve { name: name.to_owned(), points: checks[i].clone(), markers })
                .into(),
            levels: vec![],
        },
    ];
    let scene = curve_panels("Scaling of products over processes", &panels)?;
    std::fs::write(svg, heigen_figures::svg(&scene)?)?;
    Ok(())
}
