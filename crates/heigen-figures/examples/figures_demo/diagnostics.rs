//! Diagnostics of a network with 323 parameters, 3 classes and 150 samples.

use crate::Noise;
use heigen_figures::{
    Block, Coherence, Density, Eigenvectors, FigureError, LogitCoherence, NamedVector, Overlaps, Scene, coherence,
    eigenvectors, logit_coherence, overlaps, spectrum,
};

fn blocks(named: &[(&str, usize)]) -> Vec<Block> {
    named.iter().map(|&(name, len)| Block { name: name.to_owned(), len }).collect()
}

fn vectors(n_params: usize) -> Vec<NamedVector> {
    let mut noise = Noise(3);
    let vector = |i: usize| {
        let raw: Vec<f64> = (0..n_params).map(|p| noise.normal() * if p % (7 + i) < 4 { 1.0 } else { 0.15 }).collect();
        let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
        NamedVector {
            name: format!("$v_{{{}}}$", i + 1),
            note: Some(format!(r"$\lambda_{{{}}} = {:.3}$", i + 1, 0.154 / (1 + i * i) as f64)),
            entries: raw.iter().map(|v| v / norm).collect(),
        }
    };
    (0..5).map(vector).collect()
}

/// Cosines of samples that agree within a class, and differ by `lift` elsewhere.
fn cosines(classes: &[usize], lift: f64) -> Vec<f64> {
    let mut noise = Noise(5);
    let n = classes.len();
    let mut all = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let mean = if classes[i] == classes[j] { 0.4 } else { -lift * (1 + classes[i] + classes[j]) as f64 };
            let value = if i == j { 1.0 } else { mean * (1.0 + 0.6 * noise.next()) };
            (all[i * n + j], all[j * n + i]) = (value, value);
        }
    }
    all
}

pub(crate) fn scenes() -> Result<Vec<(&'static str, Scene)>, FigureError> {
    let mut noise = Noise(1);
    let mut eigenvalues: Vec<f64> = (0..323).map(|i| 0.154 * 0.75f64.powi(i)).collect();
    eigenvalues[220..].iter_mut().for_each(|v| *v = -3e-5 * noise.next().abs());
    let small = blocks(&[("fc1.weight", 32), ("fc1.bias", 16), ("fc2.weight", 256), ("fc2.bias", 16), ("fc3.bias", 3)]);
    let deep: Vec<Block> = (0..12)
        .flat_map(|i| blocks(&[(&format!("layers.{i}.weight"), 640), (&format!("layers.{i}.bias"), 10)]))
        .collect();
    let classes = blocks(&[("class 0", 50), ("class 1", 62), ("class 2", 38)]);
    let of = |blocks: &[Block]| -> Vec<usize> {
        blocks.iter().enumerate().flat_map(|(class, b)| std::iter::repeat_n(class, b.len)).collect()
    };
    let labels = of(&classes);
    let alignments = (0..6).flat_map(|i| {
        let mut noise = Noise(20 + i);
        labels
            .iter()
            .map(move |&c| {
                ((2.1 * c as f64 + i as f64).cos() / (1 + i) as f64 + 0.06 * noise.normal()).clamp(-1.0, 1.0)
            })
            .collect::<Vec<_>>()
    });
    let digits: Vec<Block> = (0..10).map(|i| Block { name: format!("{i}"), len: 12 + 3 * i }).collect();
    let per_logit = blocks(&[("0", 20), ("1", 20), ("2", 20)]);
    let twice: Vec<usize> = (0..3).flat_map(|l| of(&per_logit).into_iter().map(move |c| usize::from(l == c))).collect();
    Ok(vec![
        ("spectrum", spectrum("gauss/normal_training", &Density { eigenvalues, outliers: 2 })?),
        (
            "eigenvectors",
            eigenvectors(&Eigenvectors {
                title: "gauss/normal_training".to_owned(),
                vectors: vectors(323),
                tensors: small,
            })?,
        ),
        (
            "eigenvectors_deep",
            eigenvectors(&Eigenvectors { title: "deep".to_owned(), vectors: vectors(7800), tensors: deep })?,
        ),
        (
            "overlaps",
            overlaps(&Overlaps {
                title: "gauss/normal_training".to_owned(),
                alignments: alignments.collect(),
                classes: classes.clone(),
            })?,
        ),
        (
            "coherence",
            coherence(&Coherence {
                title: "gauss/normal_training".to_owned(),
                cosines: cosines(&labels, 0.002),
                classes,
                threshold: 1e-4,
            })?,
        ),
        (
            "coherence_digits",
            coherence(&Coherence {
                title: "mnist2D/normal_training".to_owned(),
                cosines: cosines(&of(&digits), 0.0001),
                classes: digits,
                threshold: 1e-5,
            })?,
        ),
        (
            "logit_coherence",
            logit_coherence(&LogitCoherence {
                title: "gauss/normal_training".to_owned(),
                cosines: cosines(&twice, 0.01),
                logits: (0..3).map(|i| format!("logit {i}")).collect(),
                classes: per_logit,
                threshold: 1e-3,
            })?,
        ),
    ])
}
