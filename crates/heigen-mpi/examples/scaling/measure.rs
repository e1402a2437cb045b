//! The measurements, by all processes of a launcher.

use heigen::curvature::{Hessian, Leaves, Method, Problem, SymmetricOperator, TopKOptions, Which, spectrum, top_k};
use heigen::linalg::{Matrix, Scalar};
use heigen::model::Network;
use heigen::vocabulary::{Activation, LossKind, ModelSpec};
use heigen_mpi::World;
use heigen_spectra::{Communicator, Counted, Numbers, NumbersMut};
use mpi::Threading;
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measurements of which the median is told.
const ROUNDS: usize = 7;
/// Bytes that a bandwidth is measured with: those of a direction of a network of a few million parameters.
const MESSAGE: usize = 32 << 20;

struct Crew {
    all: Arc<Counted<World>>,
}

pub(crate) fn run() -> Outcome {
    let Some((universe, _)) = mpi::initialize_with_threading(Threading::Serialized) else {
        return Err("MPI is initialised already".into());
    };
    let crew = Crew { all: Arc::new(Counted::new(World::new())) };
    let lenet = Network::build(&ModelSpec::LeNet5 {}, 3072, 10)?;
    let plane = Network::fully_connected(&[2, 60, 60, 3], Activation::Relu)?;
    crew.link()?;
    crew.adding();
    crew.product::<f32>("LeNet5", "strong", &lenet, 512)?;
    crew.product::<f32>("LeNet5", "weak", &lenet, 256 * crew.all.size())?;
    crew.top_k("LeNet5", "strong", &lenet, 256)?;
    crew.top_k("LeNet5", "weak", &lenet, 128 * crew.all.size())?;
    crew.exact("2-60-60-3", "strong", &plane, 1024)?;
    crew.exact("2-60-60-3", "weak", &plane, 512 * crew.all.size())?;
    let spec = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };
    let resnet = Network::build(&spec, 3072, 10)?;
    let held = |name: &str| {
        let buffer = resnet.layout().buffers().iter().find(|b| b.name == name)?;
        Some(vec![if name.ends_with("var") { 1.0 } else { 0.0 }; buffer.shape[0]])
    };
    let resnet = resnet.with_fixed_statistics(held)?;
    crew.product::<f32>("ResNet18", "strong", &resnet, 32)?;
    crew.product::<f32>("ResNet18", "weak", &resnet, 16 * crew.all.size())?;
    drop(universe);
    Ok(())
}

impl Crew {
    fn tell(&self, line: &serde_json::Value) {
        if self.all.rank() == 0 {
            println!("{line}");
        }
    }

    fn meet(&self) -> Outcome {
        let all: &dyn Communicator = &*self.all;
        Ok(all.broadcast(&mut [0.0f64])?)
    }

    /// Median seconds of `work`, which all processes do at the same time.
    fn timed(&self, rounds: usize, mut work: impl FnMut() -> Outcome) -> Outcome<f64> {
        work()?;
        let mut seconds = Vec::new();
        for _ in 0..rounds {
            self.meet()?;
            let begun = Instant::now();
            work()?;
            seconds.push(begun.elapsed().as_secs_f64());
        }
        seconds.sort_by(f64::total_cmp);
        Ok(seconds[rounds / 2])
    }

    /// Latency and bandwidth of messages between two processes.
    fn link(&self) -> Outcome {
        if self.all.size() < 2 {
            return Ok(());
        }
        let there_and_back = |numbers: &mut [f32], times: usize| -> Outcome {
            for _ in 0..times {
                match self.all.rank() {
                    0 => {
                        self.all.send(1, Numbers::Float32(numbers))?;
                        self.all.receive(1, NumbersMut::Float32(numbers))?;
                    }
                    1 => {
                        self.all.receive(0, NumbersMut::Float32(numbers))?;
                        self.all.send(0, Numbers::Float32(numbers))?;
                    }
                    _ => {}
                }
            }
            Ok(())
        };
        let small = self.timed(ROUNDS, || there_and_back(&mut [0.0], 1000))? / 2000.0;
        let mut numbers = vec![1.0; MESSAGE / 4];
        let large = self.timed(ROUNDS, || there_and_back(&mut numbers, 4))? / 8.0;
        self.tell(
            &json!({"what": "link", "ranks": self.all.size(), "latency": small, "bandwidth": MESSAGE as f64 / large}),
        );
        Ok(())
    }

    /// Bytes of one summand that are added to another in a second.
    fn adding(&self) {
        let (mut sum, other) = (vec![1f32; MESSAGE / 4], vec![2f32; MESSAGE / 4]);
        let seconds = self.timed(ROUNDS, || {
            sum.iter_mut().zip(&other).for_each(|(sum, other)| *sum += other);
            Ok(())
        });
        if let Ok(seconds) = seconds {
            self.tell(&json!({"what": "adding", "ranks": self.all.size(), "rate": MESSAGE as f64 / seconds}));
        }
    }

    fn share<'n, T: Scalar>(&self, network: &'n Network, samples: usize) -> Outcome<Problem<'n, T>> {
        let wave = |i: usize| ((i as f64) * 0.37 + ((i % 101) as f64) * 1.7).sin();
        let theta: Vec<T> = (0..network.n_params()).map(|i| T::from_f64(0.08 * wave(3 * i + 1))).collect();
        let inputs = Matrix::from_fn(network.n_inputs(), samples, |i, n| T::from_f64(wave(i * 31 + n * 7)));
        let labels: Vec<usize> = (0..samples).map(|n| (n * n + n / 3) % network.n_outputs()).collect();
        Ok(Problem::at(network, theta, inputs, labels, LossKind::CrossEntropy)?.dealt(self.all.clone())?)
    }

    fn product<T: Scalar>(&self, name: &str, scaling: &str, network: &Network, samples: usize) -> Outcome {
        let problem = self.share::<T>(network, samples)?;
        let p = network.n_params();
        for columns in [1, 4] {
            let v = Matrix::from_fn(p, columns, |i, j| T::from_f64(((i * (j + 2)) as f64 * 0.37).sin()));
            let mut out = Matrix::zeros(p, columns);
            let sent = (self.all.messages(), self.all.bytes());
            Hessian(&problem).apply(&v, &mut out)?;
            let sent = (self.all.messages() - sent.0, self.all.bytes() - sent.1);
            let seconds = self.timed(ROUNDS, || Ok(Hessian(&problem).apply(&v, &mut out)?))?;
            let mut both = vec![0.0; self.all.size().max(2)];
            let (own, all): ([f64; 1], &dyn Communicator) = ([sent.1 as f64], &*self.all);
            all.gather(&own, |rank| rank..rank + 1, &mut both)?;
            self.tell(&json!({
                "what": "product", "network": name, "scaling": scaling, "ranks": self.all.size(), "samples": samples,
                "leaves": Leaves::of(samples).count(), "parameters": p, "columns": columns, "bytes_of_number": size_of::<T>(),
                "multiplications": network.multiplications(), "seconds": seconds, "messages_of_first": sent.0,
                "bytes_of_first": both[0], "bytes_of_second": both[1],
            }));
        }
        Ok(())
    }

    fn top_k(&self, name: &str, scaling: &str, network: &Network, samples: usize) -> Outcome {
        let problem = self.share::<f32>(network, samples)?;
        let seconds = self.timed(1, || {
            top_k(&Hessian(&problem), 10, Which::Largest, &TopKOptions { tolerance: 1e-3, ..TopKOptions::default() })?;
            Ok(())
        })?;
        self.tell(&json!({"what": "top-k", "network": name, "scaling": scaling, "ranks": self.all.size(),
                          "samples": samples, "seconds": seconds}));
        Ok(())
    }

    fn exact(&self, name: &str, scaling: &str, network: &Network, samples: usize) -> Outcome {
        let problem = self.share::<f64>(network, samples)?;
        let seconds = self.timed(1, || {
            spectrum(&Hessian(&problem), Method::Exact, 4e9, &mut ())?;
            Ok(())
        })?;
        self.tell(&json!({"what": "spectrum", "network": name, "scaling": scaling, "ranks": self.all.size(),
                          "samples": samples, "seconds": seconds}));
        Ok(())
    }
}
