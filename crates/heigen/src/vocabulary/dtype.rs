//! The number types of analyses.

use crate::linalg::Scalar;
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
    /// The number type of computations in `T`.
    pub fn of<T: Scalar>() -> Self {
        if T::NAME == Self::Float32.name() { Self::Float32 } else { Self::Float64 }
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_types_are_known_by_their_names() {
        assert_eq!((Dtype::of::<f32>(), Dtype::of::<f64>()), (Dtype::Float32, Dtype::Float64));
        assert_eq!(serde_json::to_string(&Dtype::Float32).unwrap(), "\"float32\"");
    }
}
