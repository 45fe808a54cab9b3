//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    infra::cli::run()
}
