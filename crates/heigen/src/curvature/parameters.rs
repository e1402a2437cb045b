//! Parameters chosen by name.

use heigen_spectra::{IndexRanges, IndexRangesError};

use crate::model::ParamLayout;
use regex_lite::Regex;

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
    /// The text behind `re:` is no regular expression.
    #[error("`re:{pattern}` holds no regular expression: {reason}")]
    Pattern {
        /// The text behind `re:`.
        pattern: String,
        /// Where and how it breaks the rules.
        reason: String,
    },
    /// Nothing was chosen.
    #[error(transparent)]
    Ranges(#[from] IndexRangesError),
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// The coordinates of some layers in theta. A name is that of a tensor (`fc2.weight`), of a layer or block that has tensors
/// (`fc2`), or a regular expression that tensors' names are searched for (`re:bias$`). The order is that of theta, whatever
/// the order of `names`; a tensor that is named twice, or that two named layers have in common, is taken once.
///
/// # Errors
/// [`UnknownParameters::Names`] with every name that no layer or tensor has and the list of all tensors;
/// [`UnknownParameters::Pattern`] for a regular expression that is none; [`IndexRangesError::Empty`] without names.
///
/// ```
/// use heigen::{config::Activation, curvature::named_parameters, model::Network};
/// let network = Network::fully_connected(&[2, 3, 2], Activation::Relu)?;
/// let last = named_parameters(network.layout(), &["fc2"])?;
/// assert_eq!((last.len(), last.ranges()), (8, &[9..17][..]));
/// let biases = named_parameters(network.layout(), &["re:bias$"])?;
/// assert_eq!(biases.ranges(), [6..9, 15..17]);
/// let error = named_parameters(network.layout(), &["fc9"]).unwrap_err();
/// assert!(error.to_string().starts_with("the network has no layer or tensor `fc9`; it has `fc1.weight`, "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn named_parameters(layout: &ParamLayout, names: &[impl AsRef<str>]) -> Result<IndexRanges, UnknownParameters> {
    let names: Vec<Name<'_>> = names.iter().map(|name| Name::new(name.as_ref())).collect::<Result<_, _>>()?;
    let is_unknown = |name: &&Name<'_>| !layout.names().any(|(tensor, _)| name.fits(tensor));
    let unknown: Vec<String> = names.iter().filter(is_unknown).map(|n| n.as_given().to_owned()).collect();
    if !unknown.is_empty() {
        let available = layout.names().map(|(tensor, _)| tensor.to_owned()).collect();
        return Err(UnknownParameters::Names { unknown, available });
    }
    let chosen = layout.names().filter(|(tensor, _)| names.iter().any(|n| n.fits(tensor)));
    let mut ranges: Vec<_> = chosen.map(|(_, entry)| entry.range.clone()).collect();
    // A tensor of several layers is one parameter, however many of its names are meant.
    ranges.sort_by_key(|range| range.start);
    ranges.dedup();
    Ok(IndexRanges::new(layout.n_params(), ranges)?)
}

/// One of the names that parameters are chosen by.
enum Name<'a> {
    /// A tensor, or a layer or block that has tensors.
    Literal(&'a str),
    /// All tensors whose names an expression is found in, with the text that gave it.
    Pattern(Regex, &'a str),
}

impl<'a> Name<'a> {
    fn new(given: &'a str) -> Result<Self, UnknownParameters> {
        let Some(pattern) = given.strip_prefix("re:") else { return Ok(Self::Literal(given)) };
        match Regex::new(pattern) {
            Ok(regex) => Ok(Self::Pattern(regex, given)),
            Err(error) => Err(UnknownParameters::Pattern { pattern: pattern.to_owned(), reason: error.to_string() }),
        }
    }

    fn as_given(&self) -> &'a str {
        match self {
            Self::Literal(given) | Self::Pattern(_, given) => given,
        }
    }

    fn fits(&self, tensor: &str) -> bool {
        match self {
            Self::Literal(name) => tensor
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !name.is_empty())),
            Self::Pattern(regex, _) => regex.is_match(tensor),
        }
    }
}
