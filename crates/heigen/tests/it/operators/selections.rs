//! Tests of operators for parts of the parameters, the classes and the samples.

use super::cases::{cases, close, dense_of, directions, product_at, samples};
use heigen::curvature::{
    EmpiricalFisher, Failure, GaussNewton, Hessian, Host, IndexRanges, IndexRangesError, OperatorKind, Problem,
    Restricted, SampleSelectionError, Shifted, SymmetricOperator, UnknownParameters, named_parameters,
};
use heigen::linalg::Matrix;

const TENSORS: [&str; 6] = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"];

fn block(a: &Matrix<f64>, indices: &[usize]) -> Matrix<f64> {
    Matrix::from_fn(indices.len(), indices.len(), |i, j| a.data[indices[i] + indices[j] * a.rows])
}

#[test]
fn restricted_operators_are_blocks_of_the_whole() {
    for case in cases() {
        case.with_problem(|problem| {
            let layout = problem.network().layout();
            let whole = dense_of(&Hessian(problem));
            for names in [&["fc2"][..], &["fc2.weight"], &["fc3", "fc1.bias", "fc3.bias"], &["fc3", "fc2", "fc1"]] {
                let selection = named_parameters(layout, names).unwrap();
                let indices: Vec<usize> = selection.ranges().iter().cloned().flatten().collect();
                let part = dense_of(&Restricted::new(Hessian(problem), selection.clone()).unwrap());
                assert_eq!(part.rows, selection.len());
                close(&part, &block(&whole, &indices), 1e-15, &case.name());
            }
        });
    }
}

#[test]
fn operators_can_be_composed() {
    cases()[0].with_problem(|problem| {
        let p = problem.n_params();
        let selection = IndexRanges::new(p, vec![40..p, 3..7, 7..9]).unwrap();
        assert_eq!(selection.ranges(), [3..9, 40..p]);
        let indices: Vec<usize> = (3..9).chain(40..p).collect();
        let operator = Restricted::new(GaussNewton(problem), selection.clone()).unwrap();
        let mut wanted = block(&dense_of(&GaussNewton(problem)), &indices);
        let n = wanted.rows;
        (0..n).for_each(|i| wanted.data[i + i * n] += 0.5);
        close(&dense_of(&Shifted { operator, shift: 0.5 }), &wanted, 1e-15, "shifted block");
        let chosen: &dyn SymmetricOperator<Host<f64>> = &GaussNewton(problem);
        let operator = Restricted::new(Shifted { operator: chosen, shift: 0.5 }, selection.clone()).unwrap();
        close(&dense_of(&operator), &wanted, 1e-15, "block of the shifted");
        let sub = directions(indices.len(), 3);
        let all = selection.embed(&sub);
        assert_eq!((all.rows, all.columns), (p, 3));
        assert!(all.column(1)[..3].iter().chain(&all.column(1)[9..40]).all(|&x| x == 0.0));
        let mut back = Matrix::zeros(indices.len(), 3);
        selection.extract(&all, &mut back);
        assert_eq!(back, sub);
    });
}

#[test]
fn choices_of_parameters_that_make_no_sense_are_refused() {
    cases()[0].with_problem(|problem| {
        let layout = problem.network().layout();
        let p = layout.n_params();
        let named = |names: &[&str]| named_parameters(layout, names).unwrap_err();
        assert_eq!(
            named(&["fc2", "fc", "fc2.weights", ""]),
            UnknownParameters::Names {
                unknown: ["fc", "fc2.weights", ""].map(String::from).to_vec(),
                available: TENSORS.map(String::from).to_vec(),
            }
        );
        assert_eq!(
            named(&["conv1"]).to_string(),
            "the network has no layer or tensor `conv1`; it has `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`, \
             `fc3.weight`, `fc3.bias`"
        );
        assert_eq!(named(&[]), UnknownParameters::Ranges(IndexRangesError::Empty));
        assert!(named(&["fc1", "re:fc(1"]).to_string().starts_with("`re:fc(1` holds no regular expression: "));
        assert!(named(&["re:^conv"]).to_string().starts_with("the network has no layer or tensor `re:^conv`; "));
        let chosen = |names: &[&str]| named_parameters(layout, names).unwrap();
        assert_eq!(chosen(&["re:^fc[12]"]), chosen(&["fc1", "fc2"]));
        assert_eq!(chosen(&["re:weight", "fc2"]), chosen(&["fc1.weight", "fc2", "fc3.weight"]));
        let ranges =
            |ranges: &[(usize, usize)]| IndexRanges::new(p, ranges.iter().map(|&(a, b)| a..b).collect()).unwrap_err();
        assert_eq!(ranges(&[(3, 3)]), IndexRangesError::Empty);
        let error = IndexRangesError::OutOfRange { start: 2, end: p + 1, n_params: p };
        assert_eq!(ranges(&[(0, 1), (2, p + 1)]), error);
        assert_eq!(ranges(&[(5, 4)]), IndexRangesError::OutOfRange { start: 5, end: 4, n_params: p });
        assert_eq!(ranges(&[(5, 8), (1, 6)]), IndexRangesError::Overlap { index: 5 });
        let other = IndexRanges::new(p + 1, vec![0..1; 1]).unwrap();
        let error = Restricted::new(Hessian(problem), other).unwrap_err();
        let Failure::Operator(error) = error else { panic!("{error}") };
        let wanted = IndexRangesError::Size { selection: p + 1, operator: p };
        assert_eq!(error.downcast_ref::<IndexRangesError>(), Some(&wanted));
    });
}

#[test]
fn parts_of_the_samples_are_problems_over_those_samples() {
    for case in cases() {
        let (network, theta, data) = case.parts();
        let whole = Problem::<f64>::new(&network, &theta, &data, case.loss).unwrap();
        let of_classes: Vec<usize> = (0..data.n_samples()).filter(|&n| data.labels[n] != 1).collect();
        let chosen = [9, 2, 2, 16];
        let parts = [(whole.of_classes(&[2, 0, 2]), &of_classes[..]), (whole.of_samples(&chosen), &chosen)];
        let v = directions(whole.n_params(), 3);
        for (part, indices) in parts {
            let part = part.unwrap();
            let wanted = Problem::<f64>::new(&network, &theta, &data.subset(indices), case.loss).unwrap();
            assert_eq!((part.inputs(), part.targets()), (wanted.inputs(), wanted.targets()));
            for kind in [OperatorKind::Hessian, OperatorKind::GaussNewton, OperatorKind::EmpiricalFisher] {
                assert_eq!(product_at(&part, kind, &v), product_at(&wanted, kind, &v), "{}", case.name());
            }
        }
    }
}

/// The mean over all samples is the mean of the classes' means, weighted by their sizes.
#[test]
fn classes_add_up_to_the_whole() {
    cases()[1].with_problem(|problem| {
        let v = directions(problem.n_params(), 3);
        let mut sum = Matrix::zeros(v.rows, v.columns);
        for class in 0..problem.network().n_outputs() {
            let part = problem.of_classes(&[class]).unwrap();
            let weight = part.n_samples() as f64 / problem.n_samples() as f64;
            let product = EmpiricalFisher(&part).product(&v).unwrap();
            sum.data.iter_mut().zip(&product.data).for_each(|(s, f)| *s += weight * f);
        }
        close(&sum, &EmpiricalFisher(problem).product(&v).unwrap(), 1e-13, "classes");
    });
}

#[test]
fn choices_of_samples_that_make_no_sense_are_refused() {
    let (network, theta, _) = cases()[0].parts();
    let data = samples();
    let without_class_1: Vec<usize> = (0..data.n_samples()).filter(|&n| data.labels[n] != 1).collect();
    let data = data.subset(&without_class_1);
    let problem = Problem::<f64>::new(&network, &theta, &data, cases()[0].loss).unwrap();
    let n_samples = data.n_samples();
    let error = problem.of_samples(&[0, n_samples]).unwrap_err();
    assert_eq!(error, SampleSelectionError::Index { index: n_samples, n_samples });
    assert_eq!(problem.of_samples(&[]).unwrap_err(), SampleSelectionError::Empty);
    let error = problem.of_classes(&[0, 3]).unwrap_err();
    assert_eq!(error.to_string(), "there is no class 3: the network has 3, numbered from 0");
    assert_eq!(problem.of_classes(&[1]).unwrap_err(), SampleSelectionError::Empty);
    assert_eq!(problem.of_classes(&[]).unwrap_err(), SampleSelectionError::Empty);
}
