//! Products that a look at the spectrum takes along the training of the paper's 10,703-parameter network, from the eigenvectors
//! of the look before and from random directions.
//!
//! gauss/normal_training (2-100-100-3, N = 150, cross entropy, SGD with learning rate 0.02), float64. Counts depend on no clock.
#![allow(missing_docs)]

#[path = "../tests/it/common/mod.rs"]
mod common;

use common::Golden;
use common::networks::{dataset, large_case};
use heigen::analysis::{LookOptions, look};
use heigen::config::{BatchSize, OptimizerSpec};
use heigen::curvature::Problem;
use heigen::data::Split;
use heigen::linalg::Matrix;
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};

fn main() {
    let case = large_case();
    let data = dataset(&Golden::open(case.name));
    let network = Network::build(&case.spec, 2, 3).expect("network");
    let parts = Parts::new(&data, &Split { train: (0..data.n_samples()).collect(), test: vec![], validation: vec![] });
    println!("every  tolerance    k  cold  warm  (mean products a look)");
    for every in [1, 10, 50] {
        for tolerance in [1e-8, 1e-6, 1e-4] {
            for k in [3, 10] {
                let theta = fresh(&case.spec, &network, &mut TorchGenerator::new(0));
                let optimizer = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
                let batch = BatchSize::Samples(64);
                let mut run =
                    Training::new(&network, &parts, theta, case.loss, optimizer, None, batch, 0).expect("run");
                let options = LookOptions { k, lowest: 0, tolerance, ..LookOptions::default() };
                let mut before: Option<Matrix<f64>> = None;
                let (mut cold, mut warm, mut looks) = (0, 0, 0);
                for _ in 0..200 {
                    run.run_epoch().expect("an epoch");
                }
                for _ in 0..8 {
                    let problem = Problem::<f64>::new(&network, run.theta(), &data, case.loss).expect("problem");
                    let fresh = look(&problem, None, &options, &mut ()).expect("a look");
                    if let Some(start) = &before {
                        cold += fresh.products;
                        warm += look(&problem, Some(start), &options, &mut ()).expect("a look").products;
                        looks += 1;
                    }
                    before = Some(fresh.eigenvectors);
                    for _ in 0..every {
                        run.run_epoch().expect("an epoch");
                    }
                }
                println!("{every:5} {tolerance:10.0e} {k:4} {:5} {:5}", cold / looks, warm / looks);
            }
        }
    }
}
