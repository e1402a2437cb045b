//! The command line of heigen, which studies the curvature of a trained classifier's loss and its decision boundary.
//!
//! Arguments become requests to the lab; the lab's notes and errors become text, with remedies in terms of this command
//! line. Results and tables go to stdout, and everything that is said about them goes to stderr. Exit codes: 0 done, 1
//! failed, 2 wrong usage, 130 interrupted.
//!
//! The program is a library so that other packages can ship it: they call [`main`], or [`run`] with their own
//! arguments.

mod args;
mod bars;
mod commands;
mod describe;
mod describe_attribution;
mod face;
pub mod machine;
mod remedy;
mod session;
mod signals;
mod wording;

use args::{Arguments, Command};
use clap::Parser;
use session::say;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs the program with `arguments`, the first of which is the program's name. Wrong usage ends the process.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    signals::watch();
    let outcome = match arguments.command {
        Command::Train(a) => commands::train::run(&a),
        Command::Hessian(a) => commands::spectrum::run(&a),
        Command::Analyze(a) => commands::study::run(&a),
        Command::Attribute(a) => commands::attribute::run(&a),
        Command::Boundary(a) => commands::boundary::run(&a),
        Command::Explore(a) => commands::explore::run(&a),
        Command::Follow(a) => commands::follow::run(&a),
        Command::Figure(a) => commands::figures::run(&a),
        Command::Plot(a) => commands::figures::run_plot(&a),
        Command::Reproduce(a) => commands::reproduce::run(&a),
        Command::List(a) => commands::experiments::run(&a),
        Command::Show(a) => commands::show::run(&a),
        Command::Data(a) => commands::image_sets::run(&a),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {}", remedy::of(&error)));
            ExitCode::from(1)
        }
    }
}
