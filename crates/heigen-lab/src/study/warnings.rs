//! Warnings about an analysis of curvature, for weights at which it may mislead.

use crate::words::number;

/// At a minimum, one gradient step may win at most this fraction of the loss.
const STEP: f64 = 0.01;
/// The most negative eigenvalue that a minimum may have, as a fraction of lambda_1.
const NEGATIVE: f64 = 0.01;

/// Reasons to think that the weights are no minimum, as whole sentences: the most negative eigenvalue is below -1 % of
/// lambda_1, or the best step along the gradient, of length |g| / lambda_1, would win 1 % of the loss or more
/// (|g|^2 / (2 lambda_1), by the quadratic that bounds the loss from above along it).
pub(super) fn no_minimum(loss: f64, grad_norm: f64, lambda_max: f64, lambda_min: f64) -> Vec<String> {
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
             loss of {} by {part}; check that loss, samples, their scaling and the order of the classes are those of the training, or train on",
            number(grad_norm),
            number(loss)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimum_is_left_in_peace() {
        assert_eq!(no_minimum(0.1, 1e-3, 2.0, -1e-3), Vec::<String>::new());
        assert_eq!(no_minimum(0.1, 0.1, 2.0, 0.0).len(), 1);
        assert_eq!(no_minimum(0.1, 0.1, 2.0, -0.5).len(), 2);
        assert!(no_minimum(0.1, 5.0, 2.0, 0.0)[0].contains("by most of it"));
        assert!(no_minimum(0.0, 0.0, 0.0, 0.0)[0].contains("no positive eigenvalue"));
    }
}
