//! The options of a picture, as Python's package words them.

use heigen_lab::{BatchOptions, Drawing, Figure, MapVectors, PlaneDirections, SurfaceOptions};
use serde::Deserialize;

/// Options of a picture, under the names of Python's keywords.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DrawingOptions {
    vectors: Option<usize>,
    directions: Option<String>,
    seed: u64,
    points: Option<usize>,
    batch_size: Option<usize>,
    batches: Option<usize>,
    resolution: Option<usize>,
    which: Option<String>,
    reconstructed: bool,
    individual_bars: bool,
}

impl DrawingOptions {
    /// How a figure is drawn: as in the paper where nothing else is given; or what is wrong with the options.
    pub(super) fn of(self, figure: &'static Figure) -> Result<Drawing, String> {
        let (vectors, directions) = (self.map_vectors()?, self.plane_directions()?);
        let plain = Drawing::paper(figure);
        Ok(Drawing {
            eigenvectors: self.vectors.or(plain.eigenvectors),
            resolution: self.resolution.unwrap_or(plain.resolution).max(2),
            vectors,
            reconstructed: self.reconstructed,
            individual_bars: self.individual_bars,
            surface: SurfaceOptions {
                directions,
                seed: self.seed,
                steps: self.points.map(|n| n.max(2)),
                ..SurfaceOptions::default()
            },
            batches: BatchOptions { size: self.batch_size, count: self.batches, seed: self.seed },
            ..plain
        })
    }

    fn map_vectors(&self) -> Result<MapVectors, String> {
        match self.which.as_deref() {
            None | Some("top") => Ok(MapVectors::Top),
            Some("lowest") => Ok(MapVectors::Lowest),
            Some("random") => Ok(MapVectors::Random),
            Some("directions") => Ok(MapVectors::Directions),
            Some(other) => {
                Err(format!("which is \"{other}\"; expected \"top\", \"lowest\", \"random\" or \"directions\""))
            }
        }
    }

    fn plane_directions(&self) -> Result<PlaneDirections, String> {
        match self.directions.as_deref() {
            None | Some("eigenvectors") => Ok(PlaneDirections::Eigenvectors),
            Some("filter-normalised") => Ok(PlaneDirections::FilterNormalised),
            Some("trajectory") => Ok(PlaneDirections::Trajectory),
            Some(other) => Err(format!(
                "directions is \"{other}\"; expected \"eigenvectors\", \"filter-normalised\" or \"trajectory\""
            )),
        }
    }
}
