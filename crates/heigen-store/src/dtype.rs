//! The number types of analyses.

use serde::{Deserialize, Serialize};

/// The number type of an analysis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Single precision.
    Float32,
    /// Double precision.
    #[default]
    Float64,
}

impl Dtype {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }
}
