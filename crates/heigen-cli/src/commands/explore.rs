//! The command `heigen explore`: a live page in the browser.

use crate::args::ExploreArgs;
use crate::session::{Session, print, say, usage};
use crate::signals;
use anyhow::Result;
use heigen::config::FileArgs;
use heigen_explore::{ExploreError, Explorer, Options, Server};
use heigen_lab::ImportRequest;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn run(args: &ExploreArgs) -> Result<()> {
    let explorer = explorer(args)?;
    let options = Options {
        listen: args.listen,
        port: args.port,
        threads: args.threads.into(),
        page: args.page.clone(),
        framed: args.framed,
    };
    let server = Server::bind(explorer, options).map_err(in_terms_of_options)?;
    if !server.is_local() {
        say(
            "warning: others than this machine reach the page: whoever knows its address can use it, and what it sends can be read \
             on the way",
        );
    }
    say("the explorer is at the address below; Ctrl-C ends it");
    let address = server.address();
    print(&address)?;
    if args.open {
        open(&address);
    }
    signals::end_quietly();
    if args.until_input_ends {
        end_with_input()?;
    }
    Ok(server.run()?)
}

/// The explorer with the network and the samples that the arguments name, or with its own.
fn explorer(args: &ExploreArgs) -> Result<Explorer> {
    if let (Some(model), Some(data)) = (&args.model, &args.data) {
        let session = Session::of_exploration(args)?;
        let explorer = Explorer::of_import(&session.lab, &import(args, model, data), &session.face);
        session.face.clear();
        return explorer.map_err(in_terms_of_options);
    }
    let Some(name) = &args.name else {
        if args.model.is_some() {
            usage("--model FILE needs its samples: --data FILE, or NAME for the weights of an experiment");
        }
        return Ok(Explorer::default());
    };
    let session = Session::of_exploration(args)?;
    let loaded = session.load_one(name)?;
    let explorer = match &args.model {
        Some(weights) => Explorer::at_weights(&session.lab, &loaded, weights, &session.face),
        None => Explorer::of_experiment(&session.lab, &session.store, &loaded, &session.face),
    };
    session.face.clear();
    explorer.map_err(in_terms_of_options)
}

/// The command that opens the explorer for an experiment, at the weights of its beginning or at given ones.
pub(super) fn command(experiment: &str, weights: Option<&Path>) -> String {
    let at = weights.map(|weights| format!(" --model {}", weights.display()));
    format!("heigen explore {experiment}{}", at.unwrap_or_default())
}

/// The error with what to do about it on this command line.
fn in_terms_of_options(error: ExploreError) -> anyhow::Error {
    match error {
        ExploreError::Lab(error) => error.into(),
        ExploreError::Bind { .. } => anyhow::anyhow!("{error}; choose another address by --listen and --port"),
        other => other.into(),
    }
}

fn import(args: &ExploreArgs, model: &Path, data: &Path) -> ImportRequest {
    let (path, label_column) = (data.to_string_lossy().into_owned(), args.label_column.clone());
    let data = FileArgs { path, label_column, ..FileArgs::default() };
    ImportRequest { arch: args.arch.clone(), ..ImportRequest::new(model.to_owned(), data) }
}

/// Ends the program, as Ctrl-C does, when its standard input ends. What comes there is not looked at.
fn end_with_input() -> Result<()> {
    let watch = || {
        // An input that cannot be read has ended, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        heigen_store::atomic::remove_temporary_files_and_exit(0)
    };
    std::thread::Builder::new().name("heigen-explore-input".to_owned()).spawn(watch)?;
    Ok(())
}

/// Has the system's own program open the page.
fn open(address: &str) {
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        say(&format!("the browser could not be opened ({program}: {error}); open the address yourself"));
    }
}
