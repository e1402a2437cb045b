//! How the sums over samples scale with the number of processes: measures a product, eigenpairs and a whole spectrum, counts what is sent,
//! and draws what a model of these numbers predicts for a cluster. `scripts/scaling` runs it.
//!
//! ```text
//! mpirun -n 2 scaling measure     one line of JSON for each measurement, by the process of rank 0
//! scaling draw MEASURED SVG       reads such lines, draws, and prints the model's numbers beside the measured ones
//! ```
#![allow(missing_docs)]

mod draw;
mod measure;
mod model;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["measure"] => measure::run(),
        ["draw", measured, svg] => draw::run(measured.as_ref(), svg.as_ref()),
        _ => Err("expected `measure`, or `draw MEASURED SVG`".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
