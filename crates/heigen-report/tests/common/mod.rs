//! A page with some of everything, as its user would make it. Findings, times and most numbers in it are made up.

use heigen_report::{Cell, Claim, Figure, Folded, Report, Section, Table, TaskState, Timing, Verdict};

/// A row of drawings, wide and low as the paper's are.
pub(crate) fn drawing() -> String {
    let map = |i: usize| {
        let (left, middle, hue) = (20 + 160 * i, 90 + 160 * i, 30 + 40 * i);
        format!(
            "<rect x='{left}' y='20' width='140' height='140' fill='url(#shade)' stroke='black'/>\
             <circle cx='{middle}' cy='90' r='40' fill='hsl({hue} 60% 50%)'/>"
        )
    };
    let maps: String = (0..6).map(map).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"980pt\" height=\"180pt\" viewBox=\"0 0 980 180\" data-smallest-text=\"10\">\
         <defs><linearGradient id='shade'><stop stop-color='#e8801a'/><stop offset='.5' stop-color='white'/>\
         <stop offset='1' stop-color='#5e3c99'/></linearGradient></defs>\
         <rect width='980' height='180' fill='white'/>{maps}</svg>\n"
    )
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

pub(crate) fn example() -> Report {
    Report {
        title: r"What the Hessian says about the decision boundary".into(),
        subtitle: "The figures and numbers of arXiv:2306.07104, computed again".into(),
        intro: strings(&[
            "Every experiment was trained from its file, the Hessian of its training loss was computed exactly, and every figure \
             was drawn from the result. The paper claims that the gradients of inputs near the boundary align with the top \
             eigenvectors $v_1, \\dots, v_k$, and that $G_\\theta$, the fraction of eigenvectors with \
             $\\max_x |A_i(x)| \\geq 10^-6$, tells *simple* boundaries from complex ones.",
            "Training is not seeded in the reference: expect its pattern, not its digits. See https://arxiv.org/abs/2306.07104.",
        ]),
        facts: [
            ("Version", "heigen 0.1.0"),
            ("Machine", "8 cores, x86-64 with AVX2, 16 GB"),
            ("Seeds", "0 for weights, 42 for random directions"),
            ("Precision", "training `float32`, analysis `float64`"),
            ("Total time", "11 min 42 s"),
            ("Residuals", r"$\max_i |H v_i - \lambda_i v_i| \leq 10^{-12} \lambda_1$"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        rules: strings(&[
            "A claim is *supported* if findings speak for it and none against it, *mixed* if some do either.",
        ]),
        claims: claims(),
        sections: sections(),
        timings: timings(),
        problems: strings(&[
            "gauss/large_norm_training: the loss is NaN in epoch 12\n  hint: lower `optimizer.args.lr` (0.5) in configs/gauss/large_norm_training.json",
            "<script>alert(\"my experiment\")</script>/a_very_long_name_without_any_space_that_has_to_be_broken_somewhere_to_fit_a_narrow_screen: not found",
        ]),
        footer: r"Made by `heigen report`. The same results make the same bytes.".into(),
    }
}

fn claims() -> Vec<Claim> {
    vec![
        Claim {
            statement: "The top Hessian eigenvectors encode the decision boundary".into(),
            source: "Figs. 2 and 3, Sec. 4".into(),
            verdict: Verdict::Supported,
            basis: "5 minima, one seed each".into(),
            rule: r"A minimum speaks for the claim where $|A_1(x)| \geq 0.9$ along most of the boundary.".into(),
            evidence_for: strings(&[
                r"$|A_1(x)|$ is above 0.9 along 94 % of the boundary between classes 0 and 1.",
                "All five synthetic data sets show it.",
            ]),
            ..Claim::default()
        },
        Claim {
            statement: r"The number of outliers in the spectrum is the number of sections of the boundary".into(),
            source: "Fig. 3".into(),
            verdict: Verdict::Mixed,
            evidence_for: strings(&["`gauss/normal_training`: 2 outliers, as published."]),
            evidence_against: strings(&[
                r"`gauss/adversarial_init_training`: $\lambda_3 / \lambda_4$ is 1.2; whether there are 2 or 3 depends on the gap that one asks for.",
            ]),
            table: Some(Table {
                caption: "Outliers".into(),
                head: strings(&["", "published", "ours", "gap"]),
                rows: [("normal", "2", "2", "2.6"), ("adversarial", "3", "2", "1.2"), ("large norm", "1", "1", "8.4")]
                    .map(|(name, published, ours, gap)| {
                        let ours = if ours == published { Cell::number(ours) } else { Cell::number(ours).strong() };
                        vec![Cell::text(name), Cell::number(published), ours, Cell::number(gap)]
                    })
                    .to_vec(),
                note: None,
            }),
            ..Claim::default()
        },
        Claim {
            statement: r"$G_\theta$ is lower at minima that generalise well".into(),
            source: "Fig. 4, Sec. 5".into(),
            verdict: Verdict::Contradicted,
            evidence_for: strings(&[r"normal against adversarial: $G_\theta = 0.11 < 0.19$."]),
            evidence_against: strings(&[
                r"large norm has $G_\theta = 0.08$ and the lowest test accuracy (0.81).",
                r"Where the Hessian is rank-deficient the basis of its null space is arbitrary, and $G_\theta$ with it.",
            ]),
            evidence_open: strings(&["`gauss/random_label_training`: there is no test accuracy."]),
            table: None,
            ..Claim::default()
        },
        Claim {
            statement: "Outliers grow with the length of the boundary".into(),
            verdict: Verdict::Undecided,
            evidence_open: strings(&[r"Rank correlation 0.31 over 9 minima; chance reaches $\pm 0.58$."]),
            ..Claim::default()
        },
        Claim {
            statement: "The margin follows from the direction of the top eigenvector".into(),
            source: "Fig. 5, Sec. 6".into(),
            verdict: Verdict::NotMeasured,
            ..Claim::default()
        },
    ]
}

fn sections() -> Vec<Section> {
    let row = |name: &str, numbers: [&str; 5]| {
        std::iter::once(Cell::text(name)).chain(numbers.map(Cell::number)).collect::<Vec<_>>()
    };
    let spectrum = Table {
        caption: r"Largest eigenvalues of `gauss/normal_training`, published against ours".into(),
        head: strings(&["", r"$\lambda_1$", r"$\lambda_2$", r"$\lambda_3$", r"$\lambda_4$", r"$\lambda_5$"]),
        rows: vec![
            row("published", ["0.154", "0.023", "0.009", "0.006", "0.005"]),
            row("ours", ["0.1130", "0.0233", "0.0089", "0.0059", "0.0048"]),
            row("ours / published", ["0.73", "1.01", "0.99", "0.98", "0.96"]).into_iter().map(Cell::muted).collect(),
        ],
        note: Some(r"Ours with seed 0; over ten seeds $\lambda_1$ lies between 0.09 and 0.17.".into()),
    };
    let figure = |number: usize, caption: &str, command: Option<&str>| Figure {
        id: format!("figure-{number}"),
        title: format!("Figure {number}"),
        svg: drawing(),
        alt: format!("Figure {number}: a row of maps over the plane, the decision boundary first"),
        caption: caption.into(),
        command: command.map(str::to_owned),
        live: command
            .iter()
            .map(|_| "heigen explore gauss/normal_training --model gauss.safetensors".to_owned())
            .collect(),
    };
    vec![
        Section {
            id: "gauss".into(),
            title: "Three Gaussian blobs".into(),
            text: strings(&[
                "A network with two hidden layers of 100 neurons, $P = 10{,}703$ parameters. The rank of its Hessian is about \
                 1,100; the other eigenvalues are exactly 0.",
            ]),
            figures: vec![figure(
                2,
                r"Decision boundary with the training points, then the alignment $A_i(x) = \langle g(x), v_i \rangle / |g(x)|$ of the reinforcing gradient with the top five eigenvectors.",
                Some("heigen figure 2 gauss/normal_training"),
            )],
            films: vec![],
            tables: vec![spectrum.clone()],
            folded: vec![Folded { summary: "Other thresholds of $G_\\theta$".into(), tables: vec![spectrum] }],
        },
        Section {
            id: "mnist".into(),
            title: "MNIST, classes 0, 1 and 7".into(),
            text: Vec::new(),
            figures: vec![figure(
                6,
                r"Samples by class and by alignment with $v_1, \dots, v_5$, and the eigenvalue density, for the normal and the adversarial start.",
                Some("heigen figure 6"),
            )],
            films: vec![],
            tables: vec![Table {
                caption: "What the runs came to".into(),
                head: "run|minimum|$\\lambda_1$|$\\lambda_2$|$\\lambda_3$|trace|$G_\\theta$|train|test|epochs"
                    .split('|')
                    .map(str::to_owned)
                    .collect(),
                rows: [
                    "`mnist2D/normal_training_c017`|normal|5.09|2.30|1.42|10.4|0.11|1.000|0.991|2,000",
                    "`gauss_checkerboard_linear/adversarial_init_training_c017`|adversarial|15.0|2.07|1.04|21.7|0.19|1.000|0.962|2,000",
                ]
                .map(|row| {
                    let cells = row.split('|').enumerate();
                    cells.map(|(i, text)| if i < 2 { Cell::text(text) } else { Cell::number(text) }).collect()
                })
                .to_vec(),
                note: None,
            }],
            folded: Vec::new(),
        },
    ]
}

fn timings() -> Vec<Timing> {
    [
        ("train gauss/normal_training", Some(4.21), Some(95.0), TaskState::Computed),
        ("hessian gauss/normal_training", Some(38.7), Some(1_490.0), TaskState::Computed),
        ("hessian gauss/adversarial_init_training", Some(41.2), Some(1_510.0), TaskState::Computed),
        ("train mnist2D/normal_training_c017", Some(0.02), Some(240.0), TaskState::Reused),
        ("hessian mnist2D/normal_training_c017", Some(402.0), Some(2_700.0), TaskState::Computed),
        ("train gauss/large_norm_training", Some(1.1), None, TaskState::Failed),
        ("figures", Some(3.8), None, TaskState::Computed),
    ]
    .map(|(task, seconds, reference_seconds, state)| Timing { task: task.into(), seconds, reference_seconds, state })
    .to_vec()
}
