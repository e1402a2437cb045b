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

    /// Bytes of one summand that each of two processes adds to another in a second.
    fn adding(&self) -> Outcome<f64> {
        Ok(number(self.find(&[("what", "adding".into()), ("ranks", 2.into())])?, "rate"))
    }

    /// The rate of the arithmetic of one process for the network of a line, and the seconds that do not depend on the samples: from the
    /// products of two numbers of samples.
    fn rate(&self, line: &Value) -> Outcome<(f64, f64)> {
        let of = |scaling: &str| {
            let keys = ["network", "columns"].map(|key| (key, line[key].clone()));
            self.find(&[&keys[..], &[("ranks", 1.into()), ("scaling", scaling.into())]].concat())
        };
        let (all, few) = (of("strong")?, of("weak")?);
        let (of_all, of_few) = (product_of(all), product_of(few));
        let more = (of_all.samples - of_few.samples) as f64 / (number(all, "seconds") - number(few, "seconds"));
        let fixed = (number(all, "seconds") - of_all.samples as f64 / more).max(0.0);
        Ok((of_all.samples as f64 * of_all.operations / (number(all, "seconds") - fixed), fixed))
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

/// Prints the tables and draws the picture.
pub(crate) fn run(measured: &Path, svg: &Path) -> Outcome {
    let lines = std::fs::read_to_string(measured)?;
    let measured = Measured(lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?);
    let panels = [predicted(&measured)?, compared(&measured)?];
    let scene = curve_panels("Scaling of products over processes", &panels)?;
    Ok(std::fs::write(svg, heigen_figures::svg(&scene)?)?)
}

/// Measurements of one process and of two, and the model for two.
fn compared(measured: &Measured) -> Outcome<CurvePanel> {
    let link = measured.find(&[("what", "link".into())])?;
    let [latency, bandwidth] = ["latency", "bandwidth"].map(|key| number(link, key));
    let adding = measured.adding()?;
    println!(
        "latency {:.2} us, bandwidth {:.2} GB/s, adding {:.2} GB/s",
        1e6 * latency,
        1e-9 * bandwidth,
        1e-9 * adding
    );
    println!("| what | samples | 1 process | 2 processes | the model for 2 | bytes sent a product, by the two |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut points: Vec<[f64; 2]> = vec![];
    for one in measured.0.iter().filter(|line| line["ranks"] == 1 && line["what"] != "adding") {
        let keys = ["what", "network", "scaling", "columns"].map(|key| (key, one[key].clone()));
        let two = measured.find(&[&keys[..], &[("ranks", 2.into())]].concat())?;
        let (mut model, mut sent) = (String::new(), String::new());
        if one["what"] == "product" {
            let (rate, fixed) = measured.rate(one)?;
            let predicted = 1e3 * product_of(two).seconds(&Machine { latency, bandwidth, adding, rate, fixed }, 2);
            model = format!("{predicted:.1} ms");
            let [first, second] = ["bytes_of_first", "bytes_of_second"].map(|key| 1e-6 * number(two, key));
            sent = format!("{first:.2} MB, {second:.2} MB");
            points.push([predicted, 1e3 * number(two, "seconds")]);
        }
        let columns = match one["columns"].as_u64() {
            Some(1) => ", 1 direction".to_owned(),
            Some(k) => format!(", {k} directions"),
            None => String::new(),
        };
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        let samples = if text("scaling") == "weak" {
            format!("{}, {}", one["samples"], two["samples"])
        } else {
            one["samples"].to_string()
        };
        let [by_one, by_two] = [one, two].map(|line| 1e3 * number(line, "seconds"));
        println!(
            "| {}, {}{columns}, {} | {samples} | {by_one:.1} ms | {by_two:.1} ms | {model} | {sent} |",
            text("what"),
            text("network"),
            text("scaling")
        );
    }
    // The line of equal times goes from the smallest to the largest.
    points.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let equal = points.iter().map(|&[model, _]| [model; 2]).collect();
    Ok(CurvePanel {
        title: "Products by two processes, in milliseconds".to_owned(),
        axes: ["the model".to_owned(), "measured".to_owned()],
        logarithmic: [true, true],
        curves: vec![
            Curve { name: "products".to_owned(), points, markers: true },
            Curve { name: "equal".to_owned(), points: equal, markers: false },
        ],
        levels: vec![],
    })
}

/// What the model predicts for a cluster.
fn predicted(measured: &Measured) -> Outcome<CurvePanel> {
    let resnet = measured.find(&[("network", "ResNet18".into()), ("ranks", 1.into()), ("columns", 1.into())])?;
    let (core, fixed) = measured.rate(resnet)?;
    let leaves = heigen_spectra::Leaves::of(IMAGES).count();
    let product = Product { samples: IMAGES, leaves, ..product_of(resnet) };
    // The fixed time waits for memory, of which a machine has more than a core here.
    let (adding, rate) = (measured.adding()?, core * CORES * OF_CORES);
    let machine = |(_, latency, bandwidth)| Machine { latency, bandwidth, adding, rate, fixed };
    let nodes: Vec<usize> = (0..9).map(|i| 1 << i).collect();
    println!("ResNet18: {:.1} GF/s a core, {:.0} ms of a product without samples", 1e-9 * core, 1e3 * fixed);
    println!("| nodes | arithmetic | {} | {} |", LINKS[0].0, LINKS[1].0);
    println!("| ---: | ---: | ---: | ---: |");
    for &n in &nodes {
        let [fast, slow] = LINKS.map(|link| product.seconds(&machine(link), n));
        println!("| {n} | {:.2} s | {fast:.2} s | {slow:.2} s |", product.arithmetic(&machine(LINKS[0]), n));
    }
    let curve = |name: &str, of: &dyn Fn(usize) -> f64| Curve {
        name: name.to_owned(),
        points: nodes.iter().map(|&n| [n as f64, of(n)]).collect(),
        markers: false,
    };
    let mut curves = vec![curve("arithmetic", &|n| product.arithmetic(&machine(LINKS[0]), n))];
    curves.extend(LINKS.map(|link| curve(link.0, &|n| product.seconds(&machine(link), n))));
    Ok(CurvePanel {
        title: "Predicted: ResNet18, 50,000 images, one direction".to_owned(),
        axes: ["machines".to_owned(), "seconds of a product".to_owned()],
        logarithmic: [true, true],
        curves,
        levels: vec![],
    })
}
