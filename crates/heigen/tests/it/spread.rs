//! Products with vectors whose rows are spread over pieces: any number of pieces has the bytes of whole vectors on one.

use crate::pieces::{Case, bits, case, told_by};
use heigen::analysis::analyze_in;
use heigen::curvature::{
    ByRows, DensityOptions, EmpiricalFisher, ExampleLabels, FunctionalRemainder, GaussNewton, Hessian, Host, Method,
    OperatorKind, Problem, Space, Split, Spread, SymmetricOperator, TopKOptions, Which, WholeColumns, precision,
    spectral_density, spectrum, top_k, trace,
};
use heigen::linalg::{Matrix, ROW_TILE, Scalar};
use heigen::model::Network;
use heigen::vocabulary::{Activation, Decay, LossKind, ModelSpec, Objective, Sequential};

const KINDS: [OperatorKind; 4] = [
    OperatorKind::Hessian,
    OperatorKind::GaussNewton,
    OperatorKind::EmpiricalFisher,
    OperatorKind::FunctionalRemainder,
];

type Told = Vec<(&'static str, Vec<u64>)>;

fn whole<S: Space>(space: &S, block: &S::Block) -> Vec<u64> {
    bits(&space.to_host(space.all(block), 0..space.len()).unwrap().data)
}

/// What products with one of the operators are, and what they say of themselves.
fn products<S: Space>(operator: &dyn SymmetricOperator<S>, told: &mut Told) {
    let space = operator.space();
    let p = space.len();
    // Nine directions are three groups of three, ten are groups of four, four and two.
    for (k, name) in [(1, "one product"), (2, "two products"), (9, "nine products"), (10, "ten products")] {
        let v = Matrix::from_fn(p, k, |i, j| ((i * (j + 2)) as f64 * 0.37).sin());
        let v = space.to_home(v).unwrap();
        told.push((name, whole(&space, &operator.product(&v).unwrap())));
        if k == 2 {
            let other = operator.recomputed(&v, 1).unwrap();
            told.push(("otherwise", other.map_or_else(Vec::new, |other| whole(&space, &other))));
            let other = operator.recomputed(&v, 0).unwrap().unwrap();
            told.push(("otherwise at first", whole(&space, &other)));
        }
    }
    told.push(("exact trace", bits(&[operator.exact_trace().unwrap_or(-1.0), operator.rounding()])));
    if let Some(Split { rest, shift, coordinates }) = operator.split().unwrap() {
        let v = space.random(4, 0..1, heigen::curvature::Law::Gaussian).unwrap();
        told.push(("without the penalty", whole(&space, &rest.product(&v).unwrap())));
        told.push((
            "penalty",
            vec![shift.to_bits(), coordinates.iter().map(ExactSizeIterator::len).sum::<usize>() as u64],
        ));
    }
}

fn of_whole_vectors<T: Scalar>(problem: &Problem<'_, T>) -> Told {
    let mut told = vec![];
    let all: [Box<dyn SymmetricOperator<Host<T>> + '_>; 4] = [
        Box::new(Hessian(problem)),
        Box::new(GaussNewton(problem)),
        Box::new(EmpiricalFisher(problem)),
        Box::new(FunctionalRemainder(problem)),
    ];
    all.iter().for_each(|operator| products(operator, &mut told));
    told
}

fn of_rows<T: Scalar>(problem: &Problem<'_, T>) -> Told {
    let mut told = vec![];
    KINDS.map(|kind| ByRows::new(problem, kind)).iter().for_each(|operator| products::<Spread<T>>(operator, &mut told));
    told
}

fn check<T: Scalar>(case: &Case<'_, T>, pieces: &[usize]) {
    let wanted = of_whole_vectors(&case.problem());
    for &n in pieces {
        for (rank, told) in told_by(case, n, of_rows).iter().enumerate() {
            for (wanted, told) in wanted.iter().zip(told) {
                assert!(wanted == told, "{} of piece {rank} of {n}", wanted.0);
            }
            assert_eq!(wanted.len(), told.len());
        }
    }
}

#[test]
fn products_have_the_bytes_of_whole_vectors() {
    let network = Network::fully_connected(&[2, 150, 120, 3], Activation::Tanh).unwrap();
    assert!(network.n_params() > 4 * ROW_TILE);
    let mut objective = Objective::from(LossKind::CrossEntropy);
    objective.decay = Some(Decay::of_all(0.01));
    check(&case::<f64>(&network, 290, objective), &[1, 2, 3, 5, 7]);
    check(&case::<f32>(&network, 290, LossKind::CrossEntropy), &[1, 2, 3, 7]);
    // Fewer leaves than pieces: some have rows and no samples.
    check(&case::<f64>(&network, 40, LossKind::Mse), &[3]);
}

/// Weights of convolutions lie in another order in products, which spans the rows of several pieces.
#[test]
fn products_of_images_have_the_bytes_of_whole_vectors() {
    let network = Network::build(&ModelSpec::LeNet5 {}, 3 * 32 * 32, 10).unwrap();
    check(&case::<f32>(&network, 70, LossKind::CrossEntropy), &[1, 3]);
}

fn solved<T: Scalar, S: Space<Block: std::fmt::Debug>>(
    problem: &Problem<'_, T>,
    operator: &dyn SymmetricOperator<S>,
    whole_rows: impl Fn(&S, &S::Block) -> Matrix<T>,
) -> Told {
    let space = operator.space();
    let top = top_k(operator, 3, Which::Largest, &TopKOptions::default()).unwrap();
    let vectors = whole_rows(&space, &top.eigenvectors);
    let mut told = vec![
        ("eigenvalues", bits(&top.eigenvalues)),
        ("residuals", bits(&top.residuals)),
        ("products", vec![top.products as u64, top.drafts as u64]),
        ("eigenvectors", bits(&vectors.data)),
        ("precision", bits(&[precision(operator, 4).unwrap().matrix_error.unwrap()])),
        ("trace", bits(&[trace(operator, 8, 0, &mut ()).unwrap().value])),
        ("alignments", bits(&problem.alignments(&ExampleLabels::Predicted, &vectors).unwrap().data)),
        ("alignments by targets", bits(&problem.alignments(&ExampleLabels::True, &vectors).unwrap().data)),
    ];
    let options = DensityOptions { probes: 2, steps: 5, seed: 0 };
    let density = spectral_density(operator, &options, &mut ()).unwrap();
    told.push(("density", bits(&density.probes[1].nodes)));
    told
}

fn solvers_agree<T: Scalar>(case: &Case<'_, T>) {
    let problem = case.problem();
    let wanted = solved(&problem, &Hessian(&problem), |_: &Host<T>, block| block.clone());
    let searched = wanted.iter().find(|(name, _)| *name == "products").unwrap().1[1] > 0;
    assert_eq!(searched, T::EPSILON < 1e-12, "in float64 the search is in float32");
    let tell = |problem: &Problem<'_, T>| {
        let operator = ByRows::new(problem, OperatorKind::Hessian);
        solved(problem, &operator, |space: &Spread<T>, block| space.gathered(&space.all(block)).unwrap())
    };
    for n in [1, 2, 3, 4, 7] {
        for told in told_by(case, n, tell) {
            for (wanted, told) in wanted.iter().zip(&told) {
                assert!(wanted == told, "{} of {n} pieces", wanted.0);
            }
        }
    }
    // Alignments by each sample's own passes are those of any inputs, to rounding.
    let top = top_k(&Hessian(&problem), 3, Which::Largest, &TopKOptions::default()).unwrap();
    let at = problem.alignments_at(problem.inputs(), &ExampleLabels::True, &top.eigenvectors);
    let own = problem.alignments(&ExampleLabels::True, &top.eigenvectors).unwrap();
    at.data.iter().zip(&own.data).for_each(|(a, b)| assert!((a.to_f64() - b.to_f64()).abs() < 1e-5));
}

#[test]
fn solvers_do_not_see_where_rows_lie() {
    let network = Network::fully_connected(&[2, 150, 120, 3], Activation::Relu).unwrap();
    solvers_agree(&case::<f64>(&network, 290, LossKind::CrossEntropy));
    // The penalty is a part of the operator that is searched in float32, too.
    let mut decaying = Objective::from(LossKind::CrossEntropy);
    decaying.decay = Some(Decay { mu: 0.5, only: vec!["fc1".into()] });
    solvers_agree(&case::<f64>(&network, 290, decaying));
    solvers_agree(&case::<f32>(&network, 290, LossKind::CrossEntropy));
}

/// A whole spectrum with all that follows from it.
fn analysed<S: WholeColumns<f64>>(problem: &Problem<'_, f64>, operator: &dyn SymmetricOperator<S>) -> Told {
    let space = operator.space();
    let found = spectrum(operator, Method::Exact, 4e9, &mut ()).unwrap();
    let certificate = found.certificate;
    let gradients = problem.example_gradients(&ExampleLabels::Predicted);
    let gradients = space.of_samples(problem, gradients).unwrap();
    let analysis = analyze_in(&space, problem, gradients, found, false).unwrap();
    let summary = format!("{:?}", analysis.summary);
    vec![
        ("eigenvalues", bits(&analysis.spectrum.eigenvalues)),
        ("eigenvectors", whole(&space, &analysis.spectrum.eigenvectors)),
        ("certificate", bits(&[certificate.residual_max, certificate.orthogonality, certificate.outside_bound])),
        ("alignments", bits(&analysis.overlaps.data)),
        ("summary", summary.bytes().map(u64::from).collect()),
    ]
}

/// The way that one process takes to a whole spectrum.
#[derive(Debug, PartialEq)]
enum WayThere {
    KnownRange,
    WrittenOut,
    Products,
}

fn way_there<S: Space>(operator: &dyn SymmetricOperator<S>) -> WayThere {
    if operator.compressed(4e9, &mut ()).unwrap().is_some() {
        WayThere::KnownRange
    } else if operator.written_out(2e9, &mut ()).unwrap().is_some() {
        WayThere::WrittenOut
    } else {
        WayThere::Products
    }
}

/// Whole vectors on every piece, and vectors spread by rows, give what one piece finds by itself.
fn whole_spectra_agree(case: &Case<'_, f64>, way: &WayThere, pieces: &[usize]) {
    // The Fisher matrix of a few samples has a low rank and no known structure.
    let kind = if *way == WayThere::Products { OperatorKind::EmpiricalFisher } else { OperatorKind::Hessian };
    let of_whole = |problem: &Problem<'_, f64>| match kind {
        OperatorKind::EmpiricalFisher => {
            (way_there(&EmpiricalFisher(problem)), analysed(problem, &EmpiricalFisher(problem)))
        }
        _ => (way_there(&Hessian(problem)), analysed(problem, &Hessian(problem))),
    };
    let (found, wanted) = of_whole(&case.problem());
    assert_eq!(found, *way);
    let tell = |problem: &Problem<'_, f64>| {
        let (found, told) = of_whole(problem);
        let by_rows = ByRows::new(problem, kind);
        assert_eq!([&found, &way_there(&by_rows)], [way; 2]);
        [told, analysed(problem, &by_rows)]
    };
    for &n in pieces {
        for told in told_by(case, n, tell) {
            for (home, told) in ["whole", "spread"].iter().zip(&told) {
                for (wanted, told) in wanted.iter().zip(told) {
                    assert!(wanted == told, "{} with {home} vectors on {n} pieces, {way:?}", wanted.0);
                }
            }
        }
    }
}

#[test]
fn whole_spectra_by_a_known_range_do_not_depend_on_the_pieces() {
    let of = |widths: &[usize], n: usize, objective: Objective, pieces: &[usize]| {
        let network = Network::fully_connected(widths, Activation::Relu).unwrap();
        whole_spectra_agree(&case::<f64>(&network, n, objective), &WayThere::KnownRange, pieces);
    };
    // Two tiles of rows: the third of three pieces has none.
    of(&[2, 60, 70, 2], 70, LossKind::CrossEntropy.into(), &[1, 2, 3]);
    // Columns of the remainder that are spread over a layer.
    of(&[2, 4, 40, 90, 3], 33, LossKind::CrossEntropy.into(), &[2]);
    of(&[3, 5, 4], 10, LossKind::Mse.into(), &[2]);
}

fn convolutions(side: usize, pool: usize, classes: usize) -> Network {
    let text = format!(
        r#"{{"layers": [{{"type": "conv2d", "out_channels": 2, "kernel_size": 3}}, {{"type": "relu"}},
            {{"type": "conv2d", "out_channels": 8, "kernel_size": 3}}, {{"type": "relu"}},
            {{"type": "maxpool", "kernel_size": {pool}}}, {{"type": "flatten"}},
            {{"type": "linear", "out_features": {classes}}}]}}"#
    );
    let spec = ModelSpec::Sequential(Sequential::parse(&text, "test").unwrap());
    Network::build_for(&spec, &[1, side, side], classes).unwrap()
}

#[test]
fn whole_spectra_by_the_structure_do_not_depend_on_the_pieces() {
    let network = convolutions(24, 2, 5);
    assert!(network.n_params() > ROW_TILE);
    whole_spectra_agree(&case::<f64>(&network, 24, LossKind::CrossEntropy), &WayThere::WrittenOut, &[2]);
    // So many samples that the Gauss-Newton matrix is smaller than its factor.
    let small = convolutions(20, 4, 5);
    assert!(2 * 84 * 5 > small.n_params());
    whole_spectra_agree(&case::<f64>(&small, 84, LossKind::CrossEntropy), &WayThere::WrittenOut, &[2]);
}

#[test]
fn whole_spectra_by_products_do_not_depend_on_the_pieces() {
    let network = Network::fully_connected(&[40, 110, 3], Activation::Tanh).unwrap();
    assert!(network.n_params() > ROW_TILE);
    whole_spectra_agree(&case::<f64>(&network, 20, LossKind::CrossEntropy), &WayThere::Products, &[1, 2, 3]);
    // The penalty is taken apart from the samples' own matrix.
    let mut decaying = Objective::from(LossKind::CrossEntropy);
    decaying.decay = Some(Decay { mu: 0.01, only: vec!["fc1".into()] });
    whole_spectra_agree(&case::<f64>(&network, 20, decaying), &WayThere::Products, &[2, 3]);
}

/// Gradients of samples with numbers as targets were taken against the targets of the first samples, whichever samples they were.
#[test]
fn gradients_of_some_samples_are_against_their_own_targets() {
    let network = Network::fully_connected(&[2, 6, 3], Activation::Tanh).unwrap();
    let case = case::<f64>(&network, 50, LossKind::CrossEntropy);
    let problem = case.problem();
    let all = problem.example_gradients(&ExampleLabels::True);
    let some = problem.example_gradients_of(20..35, &ExampleLabels::True);
    let wanted = &all.data[20 * all.rows..35 * all.rows];
    assert!(some.columns == 15 && some.data.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-14));
}
