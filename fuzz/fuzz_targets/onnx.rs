#![no_main]

// Whatever the bytes, it returns.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(heigen_onnx::import(bytes)));
