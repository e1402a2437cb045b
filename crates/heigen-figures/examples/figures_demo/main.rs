//! Draws every figure from made-up data: `cargo run --example figures_demo -- FOLDER` writes PNG files there.

mod comparison;
mod diagnostics;
mod line;
mod planes;
mod samples;

use heigen_figures::{FigureError, Scene, figure1, figure4, loss_surface, render_at};
use std::path::Path;

/// Numbers between -1 and 1 that look like noise and are the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as f64 / f64::from(1u32 << 31)).mul_add(2.0, -1.0)
    }

    /// About normal, with standard deviation 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() / 2.0
    }
}

fn all() -> Result<Vec<(&'static str, Scene)>, FigureError> {
    let line = line::made_up();
    let mut scenes = vec![
        ("figure1", figure1(&line)?),
        ("loss_surface", loss_surface(&line.surface)?),
        ("figure4", figure4(&samples::panels(), &samples::names())?),
    ];
    scenes.extend(planes::scenes()?);
    scenes.extend(diagnostics::scenes()?);
    scenes.extend(comparison::scenes()?);
    Ok(scenes)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder for the files")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for (name, scene) in all()? {
        std::fs::write(folder.join(name).with_extension("png"), render_at(&scene, 150.0)?.png)?;
    }
    Ok(())
}
