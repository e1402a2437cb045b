//! The program `heigen`.

fn main() -> std::process::ExitCode {
    heigen_cli::main()
}
