//! Images of another size.

use super::value::{Made, Place, Value};
use super::{Reader, mixes};
use crate::error::OnnxError;
use crate::graph::Node;
use crate::shapes::{Given, from_front};
use crate::tensor::Tensor;
use heigen::vocabulary::Op;

/// The rule by which pixels of the output get places in the input.
struct Rule {
    mode: String,
    transformation: String,
    nearest: String,
    cubic: f64,
}

/// One axis of the input that gets another length.
struct Along {
    axis: usize,
    from: usize,
    to: usize,
    scale: f64,
}

pub(super) fn evaluate(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    const LATER: i64 = 11;
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let attributes = &node.attributes;
    let later = given.version >= LATER && node.operator == "Resize";
    let text = |name: &str, default: &str| attributes.text(name).unwrap_or_else(|| default.to_owned());
    let rule = Rule {
        mode: text("mode", "nearest"),
        transformation: if later {
            text("coordinate_transformation_mode", "half_pixel")
        } else {
            "asymmetric".to_owned()
        },
        nearest: if later { text("nearest_mode", "round_prefer_floor") } else { "floor".to_owned() },
        cubic: attributes.decimal("cubic_coeff_a", -0.75),
    };
    if attributes.int("antialias", 0) != 0 || attributes.int("exclude_outside", 0) != 0 {
        return Err(
            node.error("its attribute antialias or exclude_outside is not 0; expected an image resized without")
        );
    }
    if rule.transformation == "tf_crop_and_resize" {
        return Err(node.error("it cuts a region out (tf_crop_and_resize); expected the whole image"));
    }
    let axes = along(given, &x, later)?;
    if axes.iter().any(|along| x.place.is_some_and(|place| place.axis == along.axis)) {
        return Err(mixes(node));
    }
    if let Some(op) = plain(&rule, &axes, &x) {
        let mut shape = x.shape.clone();
        axes.iter().for_each(|along| shape[along.axis] = along.to);
        let sizes = shape[2..].to_vec();
        let op = op(sizes);
        return reader.push(node, op, &[&x], shape, x.place).map(Value::Made);
    }
    let mut made = x;
    for along in &axes {
        made = if rule.mode == "nearest" {
            nearest(reader, node, &made, along, &rule)?
        } else {
            mixed(reader, node, &made, along, &rule)?
        };
    }
    Ok(Value::Made(made))
}

/// The axes that get another length.
fn along(given: &Given<'_>, x: &Made, later: bool) -> Result<Vec<Along>, OnnxError> {
    const LARGEST: f64 = 1e6;
    let node = given.node;
    let rank = x.shape.len();
    let named: Option<Vec<usize>> = match node.attributes.ints("axes").filter(|_| node.attributes.has("axes")) {
        None => Some((0..rank).collect()),
        Some(axes) => axes.iter().map(|&axis| from_front(axis, rank)).collect(),
    };
    let named = named.ok_or_else(|| node.error("it names an axis that its tensor does not have"))?;
    let place = if later { 2 } else { 1 };
    let attribute = node.attributes.floats("scales").filter(|scales| !scales.is_empty());
    let scales: Vec<f64> = match (attribute, given.constant(place)) {
        (Some(scales), _) => scales.iter().copied().map(f64::from).collect(),
        (None, Some(scales)) => scales.values.to_vec(),
        (None, None) => vec![],
    };
    let sizes = if later { given.integers(3, "sizes")?.unwrap_or_default() } else { vec![] };
    let wrong = || node.error(format!("its sizes or scales do not fit a tensor of {:?}", x.shape));
    let policy = node.attributes.text("keep_aspect_ratio_policy").unwrap_or_else(|| "stretch".to_owned());
    if policy != "stretch" || (scales.len() != named.len() && sizes.len() != named.len()) {
        return Err(wrong());
    }
    let mut all = Vec::new();
    for (i, &axis) in named.iter().enumerate() {
        let from = x.shape[axis];
        let (to, scale) = if scales.len() == named.len() {
            let to = (from as f64 * scales[i]).floor();
            if !(1.0..=LARGEST).contains(&to) {
                return Err(wrong());
            }
            (to as usize, scales[i])
        } else {
            let to = usize::try_from(sizes[i]).ok().filter(|&to| to > 0 && to as f64 <= LARGEST).ok_or_else(wrong)?;
            (to, to as f64 / from as f64)
        };
        if to != from || (scale - 1.0).abs() > 1e-12 {
            all.push(Along { axis, from, to, scale });
        }
    }
    Ok(all)
}

/// The graph's own operation, where it is this one.
fn plain(rule: &Rule, axes: &[Along], x: &Made) -> Option<impl Fn(Vec<usize>) -> Op + use<>> {
    let images = x.shape.len() == 4 && axes.iter().all(|along| along.axis >= 2) && !axes.is_empty();
    let exact = axes.iter().all(|along| (along.scale * along.from as f64 - along.to as f64).abs() < 1e-9);
    let whole = axes.iter().all(|along| along.to % along.from == 0);
    let (linear, align_corners) = match (rule.mode.as_str(), rule.transformation.as_str()) {
        ("nearest", "asymmetric") if rule.nearest == "floor" => (false, false),
        ("nearest", "half_pixel" | "pytorch_half_pixel") if whole && rule.nearest.starts_with("round") => {
            (false, false)
        }
        ("linear", "half_pixel" | "pytorch_half_pixel") => (true, false),
        ("linear", "align_corners") => (true, true),
        _ => return None,
    };
    let op = move |output_size| Op::Interpolate { output_size, linear, align_corners };
    (images && exact).then_some(op)
}

impl Rule {
    /// The place in the input of entry `i` of the output.
    fn place(&self, i: usize, along: &Along) -> f64 {
        let (i, from, to) = (i as f64, along.from as f64, along.to as f64);
        match self.transformation.as_str() {
            "asymmetric" => i / along.scale,
            "align_corners" | "pytorch_half_pixel" if along.to == 1 => 0.0,
            "align_corners" => i * (from - 1.0) / (to - 1.0),
            "half_pixel_symmetric" => {
                let adjustment = to / (along.scale * from);
                let offset = from / 2.0 * (1.0 - adjustment);
                offset + (i + 0.5) / along.scale - 0.5
            }
            _ => (i + 0.5) / along.scale - 0.5,
        }
    }
}

fn nearest(reader: &mut Reader<'_>, node: &Node, x: &Made, along: &Along, rule: &Rule) -> Result<Made, OnnxError> {
    let chosen = |i: usize| {
        let place = rule.place(i, along);
        let nearest = match rule.nearest.as_str() {
            "floor" => place.floor(),
            "ceil" => place.ceil(),
            "round_prefer_ceil" => (place + 0.5).floor(),
            _ => (place - 0.5).ceil(),
        };
        nearest.clamp(0.0, along.from as f64 - 1.0) as i64
    };
    let index = Tensor::integers((0..along.to).map(chosen));
    let index = reader.constant(&index, "pixels", node)?;
    let mut shape = x.shape.clone();
    shape[along.axis] = along.to;
    reader.push(node, Op::Gather { axis: along.axis }, &[x, &index], shape, x.place)
}

/// Every entry a sum of those around its place: a product with a matrix.
fn mixed(reader: &mut Reader<'_>, node: &Node, x: &Made, along: &Along, rule: &Rule) -> Result<Made, OnnxError> {
    const MOST: usize = 1 << 22;
    let (from, to) = (along.from, along.to);
    if !matches!(rule.mode.as_str(), "linear" | "cubic") || from.checked_mul(to).is_none_or(|n| n > MOST) {
        return Err(
            node.error(format!("its mode is {:?}; expected nearest, linear or cubic, of a moderate size", rule.mode))
        );
    }
    let mut matrix = vec![0.0; from * to];
    for i in 0..to {
        let place = rule.place(i, along);
        let place = if rule.mode == "linear" { place.clamp(0.0, from as f64 - 1.0) } else { place };
        let floor = place.floor();
        let t = place - floor;
        let weights: Vec<(f64, f64)> = if rule.mode == "linear" {
            vec![(0.0, 1.0 - t), (1.0, t)]
        } else {
            let a = rule.cubic;
            let near = |d: f64| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
            let far = |d: f64| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
            vec![(-1.0, far(1.0 + t)), (0.0, near(t)), (1.0, near(1.0 - t)), (2.0, far(2.0 - t))]
        };
        for (offset, weight) in weights {
            let at = (floor + offset).clamp(0.0, from as f64 - 1.0) as usize;
            matrix[at * to + i] += weight;
        }
    }
    let matrix = Tensor { shape: vec![from, to], values: matrix.into(), ..super::entrywise::number(0.0) };
    let matrix = reader.constant(&matrix, "interpolation", node)?;
    // The axis comes last for the product.
    let rank = x.shape.len();
    let mut permutation: Vec<usize> = (0..rank).collect();
    permutation.swap(along.axis, rank - 1);
    let turned = reader.transposed(node, x, permutation.clone())?;
    let mut shape = turned.shape.clone();
    shape[rank - 1] = to;
    let place: Option<Place> = turned.place;
    let made = reader.push(node, Op::Matmul, &[&turned, &matrix], shape, place)?;
    reader.transposed(node, &made, permutation)
}
