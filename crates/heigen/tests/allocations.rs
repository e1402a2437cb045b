//! Tests that no epoch after the first allocates memory. It is a program of its own, because the allocator counts for
//! the whole process.
#![allow(unsafe_code, missing_docs)]

use heigen::config::{Activation, BatchSize, DatasetSpec, Initialization, LossKind, ModelSpec, OptimizerSpec};
use heigen::data::{generate, split};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn an_epoch_allocates_nothing() {
    let data = generate(&DatasetSpec::GaussMixtures { random: true, seed: 28, four_classes: false }).unwrap();
    let parts = Parts::new(&data, &split(300, 0.5, 0.2));
    let plain = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
    let momentum = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.9, weight_decay: 0.01 };
    let cases = [
        (plain, LossKind::CrossEntropy, Activation::Relu, false),
        (momentum, LossKind::Mse, Activation::Sigmoid, false),
        (OptimizerSpec::Adam { lr: 0.001 }, LossKind::Nll, Activation::Relu, true),
        (plain, LossKind::Hinge, Activation::Relu, false),
    ];
    for (optimizer, loss, activation_func, lsoftmax) in cases {
        let spec = ModelSpec::Fnn2Layer {
            num_neurons_layer1: 100,
            num_neurons_layer2: 100,
            activation_func,
            initialization: Initialization::Random,
            lsoftmax,
        };
        let network = Network::build(&spec, 2, 3).unwrap();
        let theta = fresh(&spec, &network, &mut TorchGenerator::new(0));
        let batch = BatchSize::Samples(64);
        let mut run = Training::new(&network, &parts, theta, loss, optimizer, None, batch, 0).unwrap();
        let mut epoch = || {
            run.run_epoch().unwrap();
            run.evaluate_train().unwrap().unwrap();
            run.evaluate_validation().unwrap().unwrap();
            run.evaluate_test().unwrap().unwrap();
        };
        epoch();
        epoch();
        let mut counted = || {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            epoch();
            ALLOCATIONS.load(Ordering::Relaxed) - before
        };
        // The thread pool itself sometimes allocates while the machine is busy. An allocation of the epoch would occur
        // every time, so the least count of several epochs must be zero.
        let least = (0..20).map(|_| counted()).min();
        assert_eq!(least, Some(0), "{loss:?} {optimizer:?}");
    }
}
