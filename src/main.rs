//! Arguments in, exit code out; or, where Lambda starts the program, orders in and answers out.

fn main() -> std::process::ExitCode {
    if infra::runner::is_called() { infra::runner::run() } else { infra::cli::run() }
}
