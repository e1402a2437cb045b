//! The summary of an analysis as people read it.

use crate::progress::number;
use heigen::analysis::{Definition, GTheta, Rule};
use heigen_store::record::AnalysisRecord;

/// The summary as people read it.
pub(crate) fn describe(record: &AnalysisRecord) -> String {
    let s = &record.summary;
    let top = s.eigenvalues_top.iter().take(5).map(|&l| number(l)).collect::<Vec<_>>();
    let mut lines = vec![
        record.name.to_string(),
        format!("  network      P = {} parameters, N = {} training samples", s.n_params, s.n_samples),
        format!(
            "  minimum      loss {}, accuracy {:.1} %, |gradient| {}",
            number(s.loss),
            100.0 * s.accuracy,
            number(s.grad_norm)
        ),
        format!("  lambda_1..{}  {}", top.len(), top.join("  ")),
        format!("  trace        {}", number(s.trace)),
        format!("  rank         {} of {}", s.rank, s.n_params),
        format!("  outliers     {}, by gaps of {:.0} % of lambda_1", s.outliers.count, 100.0 * s.outliers.gap),
    ];
    lines.extend(s.g_theta.iter().map(g_theta));
    let c = &s.certificate;
    lines.push(format!("  method       {} in {}", s.method.name(), s.dtype));
    lines.push(format!(
        "  certificate  residual {:.1e} (Frobenius {:.1e}), orthogonality {:.1e}, outside {:.1e} (confidence 1 - {:.0e}), \
         trace by probes {:.6e} +- {:.0e}",
        c.residual_max,
        c.residual_frobenius,
        c.orthogonality,
        s.outside_bound,
        c.failure_probability,
        c.trace_probes,
        c.trace_standard_error
    ));
    lines.join("\n")
}

fn g_theta(g: &GTheta) -> String {
    let rule = if g.rule == Rule::Max { "max" } else { "mean" };
    let of = match g.definition {
        Definition::Subspaces => format!("directions, {} of them in the null space", g.counted_null),
        Definition::NonzeroEigenvectors => "eigenvectors, those of nonzero eigenvalues only".into(),
        Definition::Eigenvectors => {
            format!("eigenvectors, {} of them in the null space, whose basis is arbitrary", g.counted_null)
        }
    };
    format!(
        "  G_theta      {:.4}  {rule:>4} |A| >= {:.4e} (threshold {}): {} {of}",
        g.value, g.eps, g.eps_source, g.counted
    )
}
