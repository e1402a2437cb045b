//! Random directions equal those that NumPy's Philox gives.

use heigen_spectra::{Law, philox, random_entries};

#[test]
fn directions_are_numpys_philox() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/philox.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let columns = json["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 5);
    for column in columns {
        let numbers =
            |key: &str| -> Vec<f64> { column[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
        let (seed, j) = (column["seed"].as_u64().unwrap(), column["column"].as_u64().unwrap());
        let words: Vec<u64> =
            column["words"].as_array().unwrap().iter().map(|w| w.as_str().unwrap().parse().unwrap()).collect();
        let own: Vec<u64> = (1..=3).flat_map(|block| philox([block, j, 0, 0], [seed, 0])).take(10).collect();
        assert_eq!(own, words);
        let drawn = |law: Law| random_entries(0..10, j, seed, law);
        assert_eq!(drawn(Law::Uniform), numbers("uniform"));
        assert_eq!(drawn(Law::Rademacher), numbers("signs"));
        for (own, numpy) in drawn(Law::Gaussian).iter().zip(numbers("gaussian")) {
            assert!((own - numpy).abs() <= 4e-16 * numpy.abs().max(1.0), "{own} {numpy}");
        }
    }
}
