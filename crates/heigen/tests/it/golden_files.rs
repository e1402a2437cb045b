//! Checks that the golden files are readable and have the content that their names promise.
use crate::common;

#[test]
fn arrays_have_the_shapes_of_the_paper() {
    let g = common::Golden::open("gauss_100_ce");
    assert_eq!(g.get("eigenvalues").shape, [10_703]);
    assert_eq!(g.get("alignment_top").shape, [10, 150]);
    assert_eq!(common::safetensor("gauss_100_ce.safetensors", "fc2.weight").0, [100, 100]);
}
