//! Draws one of each piece that figures are made of: `cargo run --example pieces -- FOLDER` writes `pieces.png` and more there.

use heigen_figures::{
    Align, AxisStyle, ColorMap, Corner, Element, Entry, Grid, Key, Label, Marker, Panel, Point, Raster, Rgb, Scale,
    Scene, Side, Stroke, Style, axis, color_bar, legend, render, ticks,
};
use std::path::Path;

const FORMULAS: [&str; 6] = [
    r"$\mathcal{G}_\theta = 0.620$, $\hat\theta$, $\hat H_{ij}$, $\bar x^2$",
    r"$g_{\hat\theta}(x)$, $\lambda_1 = 0.154$, $P(\lambda_i)$",
    r"$10^{-2}$, $-1.23 \times 10^{-5}$, $x_i^2 - y_i^2$",
    r"$\langle g(x), v_1 \rangle / \|g(x)\|$, $\nabla L(\theta) \approx 0$",
    r"$\mathcal{L}(\theta + \alpha v_1)$, $\mathrm{tr}\,H = \Sigma_i \lambda_i$",
    r"the $i$-th largest eigenvalue, $\epsilon \in [0, 1]$",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder for the files")?;
    let grid = Grid::new().column(50.0, 130.0).column(60.0, 130.0).column(8.0, 7.0).row(24.0, 110.0).row(56.0, 110.0);
    let mut scene = Scene::new(460.0, 345.0, "Pieces");
    let (style, frame) = (AxisStyle::default(), Stroke::solid(Rgb::BLACK, 0.8));

    // Lines, a backward axis, a legend.
    let panel = Panel { rect: grid.cell(0, 0), x: Scale::linear(24.0, 1.0)?, y: Scale::linear(-1.0, 1.0)? };
    let wave = |phase: f64| -> Vec<[f64; 2]> {
        (0..=100).map(|i| 1.0 + 0.23 * f64::from(i)).map(|x| [x, 1.3 * (phase + 6.0 / x).sin()]).collect()
    };
    let colors = [Rgb(0, 150, 136), Rgb(233, 50, 110)];
    for (phase, color) in [0.0, 2.0].into_iter().zip(colors) {
        scene.push(panel.lines(&[wave(phase)], Stroke::solid(color, 1.5).rounded()));
    }
    scene.extend(
        axis(panel.rect, Side::Bottom, &panel.x, &ticks(&panel.x, 4), Some("$i$-th largest"), &style)?.elements,
    );
    scene.extend(axis(panel.rect, Side::Left, &panel.y, &ticks(&panel.y, 2), Some("alignment"), &style)?.elements);
    scene.push(panel.frame(frame.clone()));
    let entry =
        |(i, color): (usize, Rgb)| Entry { key: Key::Line(Stroke::solid(color, 1.5)), label: format!("class ${i}$") };
    let entries: Vec<Entry> = colors.into_iter().enumerate().map(entry).collect();
    scene.extend(legend(panel.rect, Corner::LowerLeft, &entries, 8.0)?);

    // A heat map with symmetric logarithmic colours.
    let colors = Scale::symlog(-1.0, 1.0, 1e-5)?;
    let values: Vec<f64> = (0..400).map(|i| (f64::from(i % 20) - 9.5) / 10.0).map(|v| v.powi(7)).collect();
    let panel = Panel { rect: grid.cell(0, 1), x: Scale::linear(0.0, 20.0)?, y: Scale::linear(0.0, 20.0)? };
    scene.push(panel.image(Raster::from_grid([20, 20], &values, |v| ColorMap::ALIGNMENT.color(colors.fraction(v)))?));
    scene.push(panel.frame(frame.clone()));
    let title = Label::tex("coherence (symlog)", 11.0)?;
    scene.push(Element::text(title, Point::new(panel.rect.center().x, panel.rect.y - 6.0), Align::Middle));
    let bar = color_bar(grid.cell(0, 2), &ColorMap::ALIGNMENT, &colors, &ticks(&colors, 6), None, &style)?;
    scene.extend(bar.elements);

    // Bars and markers over a logarithmic axis.
    let panel = Panel { rect: grid.cell(1, 0), x: Scale::linear(-0.01, 0.18)?, y: Scale::log(0.5, 2e3)? };
    let bar = |x: f64, height: f64| {
        let ([a, b], [low, high]) = ([x - 0.002, x + 0.002], [0.5, height]);
        let corners = [[a, low], [a, high], [b, high], [b, low]];
        heigen_figures::Path::polygon(&corners.map(|p| panel.place(p)))
    };
    let paths = [(0.0, 900.0), (0.005, 40.0), (0.023, 2.0), (0.154, 1.0)].map(|(x, y)| bar(x, y)).to_vec();
    scene.push(panel.clipped(vec![Element::Shapes { paths, style: Style::filled(Rgb(48, 38, 131)) }]));
    scene.push(panel.markers([[0.023, 6.0], [0.154, 3.0]], Marker::Cross, 4.0, Style::filled(Rgb::BLACK)));
    scene.extend(axis(panel.rect, Side::Bottom, &panel.x, &ticks(&panel.x, 3), Some(r"$\lambda_i$"), &style)?.elements);
    scene
        .extend(axis(panel.rect, Side::Left, &panel.y, &ticks(&panel.y, 4), Some(r"$P(\lambda_i)$"), &style)?.elements);
    scene.push(panel.frame(frame));

    // Formulas and all markers.
    let room = grid.cell(1, 1);
    for (i, formula) in FORMULAS.iter().enumerate() {
        let at = Point::new(room.x, room.y + 4.0 + 17.0 * i as f64);
        scene.push(Element::text(Label::tex(formula, 11.0)?, at, Align::Start));
    }
    for (i, marker) in Marker::ALL.iter().enumerate() {
        let path = marker.path(Point::new(room.x + 4.0 + 14.0 * i as f64, room.bottom() + 5.0), 7.0);
        scene.push(Element::shape(path, Style::filled(Rgb::BLACK)));
    }

    let rendered = render(&scene)?;
    let file = Path::new(&folder).join("pieces");
    std::fs::write(file.with_extension("svg"), rendered.svg)?;
    std::fs::write(file.with_extension("pdf"), rendered.pdf)?;
    std::fs::write(file.with_extension("png"), rendered.png)?;
    Ok(())
}
