#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| heigen_fuzz::graph(bytes));
