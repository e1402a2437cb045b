//! Parameters chosen by name.

use heigen_spectra::{IndexRanges, IndexRangesError};

use crate::model::ParamLayout;

/// Why a list of names chooses no parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownParameters {
    /// No layer or tensor has one of the names.
    #[error("the network has no layer or tensor {}; it has {}", quoted(unknown), quoted(available))]
    Names {
        /// The names that no layer or tensor has.
        unknown: Vec<String>,
        /// The names of all tensors of the network.
        available: Vec<String>,
    },
    /// Nothing was chosen.
    #[error(transparent)]
    Ranges(#[from] IndexRangesError),
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// The coordinates of some layers in theta. A name is that of a tensor (`fc2.weight`) or of a layer or block that has
/// tensors (`fc2`). The order is that of theta, whatever the order of `names`; a layer that is named twice is taken
/// once.
///
/// # Errors
/// [`UnknownParameters::Names`] with every name that no layer or tensor has and the list of all tensors;
/// [`IndexRangesError::Empty`] without names.
///
/// ```
/// use heigen::{config::Activation, curvature::named_parameters, model::Network};
/// let network = Network::fully_connected(&[2, 3, 2], Activation::Relu)?;
/// let last = named_parameters(network.layout(), &["fc2"])?;
/// assert_eq!((last.len(), last.ranges()), (8, &[9..17][..]));
/// let error = named_parameters(network.layout(), &["fc9"]).unwrap_err();
/// assert!(error.to_string().starts_with("the network has no layer or tensor `fc9`; it has `fc1.weight`, "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn named_parameters(layout: &ParamLayout, names: &[impl AsRef<str>]) -> Result<IndexRanges, UnknownParameters> {
    let fits = |entry: &str, name: &str| {
        entry.strip_prefix(name).is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !name.is_empty()))
    };
    let entries = layout.entries();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let unknown: Vec<String> =
        names.iter().filter(|n| !entries.iter().any(|e| fits(&e.name, n))).map(ToString::to_string).collect();
    if !unknown.is_empty() {
        let available = entries.iter().map(|e| e.name.clone()).collect();
        return Err(UnknownParameters::Names { unknown, available });
    }
    let chosen = entries.iter().filter(|e| names.iter().any(|n| fits(&e.name, n)));
    Ok(IndexRanges::new(layout.n_params(), chosen.map(|e| e.range.clone()).collect())?)
}
