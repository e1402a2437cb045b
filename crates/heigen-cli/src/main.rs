//! The program `heigen`: what the curvature of a trained classifier's loss says about its decision boundary.
//!
//! Results and tables go to stdout, everything said about them to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage,
//! 130 interrupted.

mod analyze;
mod args;
mod boundary;
mod changed;
mod data;
mod describe;
mod figure;
mod hessian;
mod list;
mod models;
mod page_text;
mod prepare;
mod pretrained;
mod progress;
mod remedies;
mod reproduce;
mod session;
mod show;
mod watch;

use args::{Arguments, Command};
use clap::Parser;
use session::say;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    watch_signals();
    let outcome = match arguments.command {
        Command::Train(a) => models::run(&a),
        Command::Hessian(a) => hessian::run(&a),
        Command::Analyze(a) => analyze::run(&a),
        Command::Boundary(a) => boundary::run(&a),
        Command::Figure(a) => figure::run(&a),
        Command::Plot(a) => figure::run_plot(&a),
        Command::Reproduce(a) => reproduce::run(&a),
        Command::List(a) => list::run(&a),
        Command::Show(a) => show::run(&a),
        Command::Data(a) => data::run(&a),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {}", remedies::message(&error)));
            ExitCode::from(1)
        }
    }
}

/// Ctrl-C ends the program at once: files are complete before they get their names, so old results or new ones stay,
/// never halves. A limit on the size of files gives an error where the file is written instead of ending the program.
fn watch_signals() {
    if let Err(error) = ctrlc::set_handler(interrupted) {
        say(&format!("warning: Ctrl-C will leave temporary files: {error}"));
    }
    #[cfg(unix)]
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::new(false.into())) {
        say(&format!("warning: a limit on the size of files will end the program: {error}"));
    }
}

fn interrupted() {
    // Whoever writes may be held up by a reader that does not read; that must not keep the program alive.
    let said = std::thread::spawn(|| say("\ninterrupted: finished results are kept, unfinished ones were not written"));
    let begun = std::time::Instant::now();
    while !said.is_finished() && begun.elapsed() < std::time::Duration::from_millis(200) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    heigen_store::atomic::remove_temporary_files_and_exit(130)
}
