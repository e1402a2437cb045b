//! Alignments of samples of three classes with 24 eigenvectors.

use crate::Noise;
use heigen_figures::SampleAlignments;

pub(crate) fn names() -> Vec<String> {
    ["class 0", "class 1", "class 2"].map(str::to_owned).to_vec()
}

pub(crate) fn panels() -> Vec<SampleAlignments> {
    let panel = |(i, label): (usize, &str)| {
        let mut noise = Noise(11 + i as u64);
        let (n, m) = (150, 24);
        let classes: Vec<usize> = (0..n).map(|s| s % 3).collect();
        let mut alignments = Vec::new();
        for &class in &classes {
            let size = 0.85 + 0.12 * noise.next();
            for j in 0..m {
                let mean = (2.1 * class as f64 + 0.9 * j as f64).cos() * (-0.35 * j as f64 / (1.0 + i as f64)).exp();
                alignments.push((size * mean + 0.06 * noise.normal()).clamp(-1.0, 1.0));
            }
        }
        SampleAlignments {
            label: label.to_owned(),
            n_eigenvectors: m,
            alignments,
            classes,
            notes: vec![
                format!(r"$\mathcal{{G}}_\theta = {:.3}$", 0.62 / (1.0 + i as f64)),
                r"$\mathrm{tr}\, H = 0.213$".to_owned(),
                r"$\lambda_1 = 0.154$".to_owned(),
            ],
        }
    };
    ["normal_training", "adversarial_init_training", "large_norm_training"].into_iter().enumerate().map(panel).collect()
}
