//! Warnings about an analysis of curvature, for weights at which it may mislead.

use crate::words::number;
use heigen::analysis::{Cause, LikelyCause};
use heigen_store::record::loss_name;

/// At a minimum, one gradient step may win at most this fraction of the loss.
const STEP: f64 = 0.01;
/// Number of likely causes that a warning names.
const CAUSES: usize = 3;
/// The error of the matrix itself that is warned of, as a fraction of its largest eigenvalue.
const IMPRECISE: f64 = 1e-3;
/// The most negative eigenvalue that a minimum may have, as a fraction of lambda_1.
const NEGATIVE: f64 = 0.01;

/// Reasons to think that the weights are no minimum, as whole sentences: the most negative eigenvalue is below -1 % of
/// lambda_1, or the best step along the gradient, of length |g| / lambda_1, would win 1 % of the loss or more
/// (|g|^2 / (2 lambda_1), by the quadratic that bounds the loss from above along it).
///
/// `causes` are tried only where the gradient is too large.
pub(super) fn no_minimum(
    loss: f64,
    grad_norm: f64,
    lambda_max: f64,
    lambda_min: f64,
    causes: impl FnOnce() -> Vec<LikelyCause>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if lambda_max <= 0.0 {
        warnings.push(
            "the Hessian has no positive eigenvalue: the loss does not curve upwards anywhere, as where every sample has a \
             loss of zero"
                .to_owned(),
        );
        return warnings;
    }
    let win = grad_norm * grad_norm / (2.0 * lambda_max);
    if win > STEP * loss.abs() {
        let part =
            if win < loss.abs() { format!("about {:.1} %", 100.0 * win / loss.abs()) } else { "most of it".to_owned() };
        warnings.push(format!(
            "the weights are no minimum of this loss on these samples: |gradient| is {}, and one step along it would lower the \
             loss of {} by {part}; {}check that loss, samples, their scaling and the order of the classes are those of the training, or train on",
            number(grad_norm),
            number(loss),
            tried(&causes())
        ));
    }
    if lambda_min < -NEGATIVE * lambda_max {
        warnings.push(format!(
            "the weights are no minimum: the most negative eigenvalue is {}, {:.0} % of the largest in magnitude, so the \
             loss falls along its eigenvector",
            number(lambda_min),
            100.0 * lambda_min.abs() / lambda_max
        ));
    }
    warnings
}

/// The likeliest causes, in words.
fn tried(causes: &[LikelyCause]) -> String {
    if causes.is_empty() {
        return "no other loss, label smoothing, weight decay, standardisation or order of the classes that was tried explains \
                it; "
            .to_owned();
    }
    let one = |cause: &LikelyCause| {
        let what = match &cause.cause {
            Cause::Loss(loss) => format!("the loss {}", loss_name(*loss)),
            Cause::LabelSmoothing(smoothing) => format!("label smoothing of about {smoothing:.3}"),
            Cause::WeightDecay(mu) => format!("weight decay of about {mu:.2e}"),
            Cause::Standardization => "standardised features".to_owned(),
            Cause::ClassOrder(order) => {
                let order: Vec<String> = order.iter().map(ToString::to_string).collect();
                format!("classes whose outputs are {} in their order", order.join(", "))
            }
        };
        format!("with {what} |gradient| would be {} and the loss {}", number(cause.grad_norm), number(cause.loss))
    };
    let likely: Vec<String> = causes.iter().take(CAUSES).map(one).collect();
    format!("likely causes, by trying them: {}; ", likely.join(", "))
}

/// A reason to distrust all digits: rounding moved the matrix itself by more than a thousandth of its eigenvalues.
pub(super) fn imprecise(matrix_error: Option<f64>, scale: f64) -> Option<String> {
    let error = matrix_error.filter(|&error| error > IMPRECISE * scale && scale > 0.0)?;
    Some(format!(
        "the matrix itself is known only to about {} % of its largest eigenvalue: numbers in the network are so large that \
         they cancel, which no residual shows",
        number(100.0 * error / scale)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_minimum(loss: f64, grad_norm: f64, lambda_max: f64, lambda_min: f64) -> Vec<String> {
        super::no_minimum(loss, grad_norm, lambda_max, lambda_min, Vec::new)
    }

    #[test]
    fn likely_causes_are_named_with_their_gradients() {
        let cause = |cause| LikelyCause { cause, grad_norm: 1e-6, loss: 0.25, accuracy: Some(1.0), remaining: 1e-3 };
        let causes = || vec![cause(Cause::WeightDecay(0.01)), cause(Cause::ClassOrder(vec![1, 0]))];
        let warning = &super::no_minimum(0.1, 0.1, 2.0, 0.0, causes)[0];
        let wanted = "likely causes, by trying them: with weight decay of about 1.00e-2 |gradient| would be 1.000e-6 and the \
                      loss 0.25000, with classes whose outputs are 1, 0 in their order";
        assert!(warning.contains(wanted), "{warning}");
        assert!(no_minimum(0.1, 0.1, 2.0, 0.0)[0].contains("that was tried explains it"));
    }

    #[test]
    fn a_matrix_of_rounding_is_warned_of() {
        assert!(imprecise(Some(0.1), 0.6).is_some());
        assert_eq!((imprecise(Some(1e-6), 0.6), imprecise(None, 0.6), imprecise(Some(1e-20), 0.0)), (None, None, None));
    }

    #[test]
    fn a_minimum_is_left_in_peace() {
        assert_eq!(no_minimum(0.1, 1e-3, 2.0, -1e-3), Vec::<String>::new());
        assert_eq!(no_minimum(0.1, 0.1, 2.0, 0.0).len(), 1);
        assert_eq!(no_minimum(0.1, 0.1, 2.0, -0.5).len(), 2);
        assert!(no_minimum(0.1, 5.0, 2.0, 0.0)[0].contains("by most of it"));
        assert!(no_minimum(0.0, 0.0, 0.0, 0.0)[0].contains("no positive eigenvalue"));
    }
}
