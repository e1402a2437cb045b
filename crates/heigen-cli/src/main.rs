//! The program `heigen`: what the curvature of a trained classifier's loss says about its decision boundary.
//!
//! Results and tables go to stdout, everything said about them to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage,
//! 130 interrupted.

mod args;
mod figure;
mod hessian;
mod list;
mod models;
mod prepare;
mod progress;
mod session;
mod show;

use args::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = ctrlc::set_handler(interrupted) {
        eprintln!("warning: Ctrl-C will not be handled: {error}");
    }
    let outcome = match arguments.command {
        Command::Train(a) => models::run(&a),
        Command::Hessian(a) => hessian::run(&a),
        Command::Figure(a) => figure::run(&a),
        Command::List(a) => list::run(&a),
        Command::Show(a) => show::run(&a),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}

/// Files are complete before they get their names, so ending at once leaves old results or new ones, never halves.
fn interrupted() {
    heigen_store::atomic::remove_temporary_files();
    eprintln!("\ninterrupted: finished results are kept, unfinished ones were not written");
    std::process::exit(130);
}
