//! The roofline of the engine: the rate of every stage against its operations per byte, under the machine's limits.

use super::Measured;
use heigen_figures::{
    AxisStyle, Corner, Entry, Key, Marker, Panel, Rect, Rgb, Scale, Scene, Side, Stroke, Style, axis, legend, ticks,
};
use std::time::Instant;

const COLORS: [Rgb; 6] =
    [Rgb(51, 34, 136), Rgb(17, 119, 51), Rgb(68, 170, 153), Rgb(221, 170, 51), Rgb(204, 102, 119), Rgb(136, 34, 85)];

pub(crate) fn roofline(stages: &[Measured], rate: f64) -> String {
    draw(stages, rate / 1e9, bandwidth() / 1e9).expect("drawing")
}

fn draw(stages: &[Measured], peak: f64, bandwidth: f64) -> Result<String, heigen_figures::FigureError> {
    let mut scene = Scene::new(420.0, 300.0, "Roofline of the exact spectrum");
    let rect = Rect::new(56.0, 16.0, 348.0, 232.0);
    let panel = Panel { rect, x: Scale::log(0.3, 3e3)?, y: Scale::log(1.0, 4.0 * peak)? };
    let knee = peak / bandwidth;
    let roof = [[0.3, 0.3 * bandwidth], [knee, peak], [3e3, peak]];
    scene.push(panel.lines(&[roof.to_vec()], Stroke::solid(Rgb::BLACK, 1.4)));
    let mut entries = vec![Entry {
        key: Key::Line(Stroke::solid(Rgb::BLACK, 1.4)),
        label: format!("limit: {bandwidth:.0} GB/s, {peak:.0} GFLOP/s"),
    }];
    for (stage, color) in stages.iter().zip(COLORS) {
        let place = [stage.operations / stage.bytes, stage.operations / stage.seconds / 1e9];
        let style = Style::filled(color);
        scene.push(panel.markers([place], Marker::Circle, 7.0, style.clone()));
        entries.push(Entry { key: Key::Marker(Marker::Circle, 6.0, style), label: stage.name.to_owned() });
    }
    let style = AxisStyle::default();
    let intensity = Some("operations per byte");
    scene.extend(axis(rect, Side::Bottom, &panel.x, &ticks(&panel.x, 4), intensity, &style)?.elements);
    scene.extend(axis(rect, Side::Left, &panel.y, &ticks(&panel.y, 4), Some("GFLOP/s"), &style)?.elements);
    scene.push(panel.frame(Stroke::solid(Rgb::BLACK, 0.8)));
    scene.extend(legend(rect, Corner::LowerRight, &entries, 9.0)?);
    heigen_figures::svg(&scene)
}

/// Bytes per second that a sum over a large array reads.
fn bandwidth() -> f64 {
    let values = vec![1.0f64; 1 << 25];
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let begun = Instant::now();
        let halves = values.split_at(values.len() / 2);
        let sum = rayon::join(|| halves.0.iter().sum::<f64>(), || halves.1.iter().sum::<f64>());
        std::hint::black_box(sum);
        best = best.min(begun.elapsed().as_secs_f64());
    }
    8.0 * values.len() as f64 / best
}
