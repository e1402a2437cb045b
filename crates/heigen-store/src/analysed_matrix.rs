//! The description of the matrix that an analysis is of, as records keep it.

use serde::{Deserialize, Serialize};

/// The matrix that an analysis is of. Where all fields are empty it is the Hessian of the mean training loss at the
/// trained weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// `hessian`, `ggn`, `fisher` or `remainder`.
    pub operator: String,
    /// The loss.
    pub loss: String,
    /// The classes whose samples the loss is the mean over; all classes if not given.
    pub classes: Option<Vec<usize>>,
    /// The samples that the loss is the mean over, by place among the training samples (or those of `classes`); all if not
    /// given.
    pub samples: Option<String>,
    /// The layers or tensors whose block of the matrix was analysed; the whole matrix if not given.
    pub layers: Option<Vec<String>>,
    /// The factors that the layers of the weights were multiplied by.
    pub reparameterize: Option<[f64; 3]>,
    /// The multiple of the identity that was added.
    pub weight_decay: f64,
}
