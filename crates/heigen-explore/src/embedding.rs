//! Places in the plane for samples that have more than two features.

use crate::ground::NoGround;
use heigen::analysis::{EmbeddingError, PERPLEXITY, Plane, t_sne};
use heigen::curvature::Watch;
use heigen::data::Dataset;
use heigen::linalg::Matrix;
use std::sync::{Arc, OnceLock};

/// One place for each sample.
pub(crate) type Places = Arc<Vec<[f64; 2]>>;

/// The irises in the plane. They are the only samples of the gallery that have more than two features, and are embedded once.
pub(crate) fn irises(data: &Dataset, watch: &mut dyn Watch) -> Result<Places, NoGround> {
    static PLACES: OnceLock<Places> = OnceLock::new();
    if let Some(places) = PLACES.get() {
        return Ok(Arc::clone(places));
    }
    let places = embedded(data, watch).map_err(|error| NoGround::Refused(error.to_string()))?;
    Ok(Arc::clone(PLACES.get_or_init(|| places)))
}

/// The places of samples of more than two features, by t-SNE of all of them.
pub(crate) fn embedded(data: &Dataset, watch: &mut dyn Watch) -> Result<Places, EmbeddingError> {
    let samples: Matrix<f64> = Matrix::from_f32(&data.features, data.n_features());
    Ok(Arc::new(t_sne(&samples, PERPLEXITY, watch)?))
}

/// The bounding box of places, with a margin of a twentieth of its size.
pub(crate) fn around(places: &[[f64; 2]]) -> Plane {
    let range = |axis: usize| {
        let values = places.iter().map(|place| place[axis]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let margin = 0.05 * (high - low).max(1e-6);
        [low - margin, high + margin]
    };
    Plane { x: range(0), y: range(1) }
}
