//! Compiles one component from standard input to standard output, under limits. The tests of hostile components use it; the host
//! starts itself for this.

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    wattdog_plugin_runtime::compile_standard_input(&arguments)
}
