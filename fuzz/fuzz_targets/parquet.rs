#![no_main]

libfuzzer_sys::fuzz_target!(
    // The library that reads Parquet panics on some broken files. heigen-formats makes errors of that: only a panic that
    // leaves it is a finding.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| heigen_fuzz::parquet(bytes)
);
