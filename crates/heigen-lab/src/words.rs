//! Numbers in the form in which people read them.

/// The sentence about single samples where batch normalisation takes the statistics of the batch.
pub(crate) const HELD_STATISTICS: &str = "batch normalisation takes the statistics of the batch here, so that the loss and its \
    matrix belong to all samples together; what is said of single samples (gradients, alignments, G_theta, predictions, the \
    boundary, the margin) holds the statistics of the whole training set fixed";

/// The sentence about samples that have no classes.
pub(crate) const NO_CLASSES: &str = "the samples have no classes, so that what tells classes apart is left out: accuracy, G_theta, \
    the decision boundary, the margin, and maps by class; alignments are those of the gradients of the samples' own loss";

/// A duration of `s` seconds in the form in which people read it.
pub fn seconds(s: f64) -> String {
    if s < 0.0995 {
        format!("{:.0} ms", s * 1e3)
    } else if s < 99.95 {
        format!("{s:.1} s")
    } else {
        format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0)
    }
}

/// A size of memory in the form in which people read it.
pub use heigen_spectra::size_in_words as bytes;

/// A number with five significant digits, in scientific notation where zeros would hide it.
pub fn number(x: f64) -> String {
    let magnitude = x.abs();
    if magnitude == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e4).contains(&magnitude) {
        let decimals = 4 - magnitude.log10().floor() as i32;
        format!("{x:.*}", decimals.max(0) as usize)
    } else {
        format!("{x:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        let numbers = [0.0, 0.154, -12.3456789, 1.0, 9999.0, 12345.6, 9.1e-4, 3e-17].map(number);
        assert_eq!(numbers, ["0", "0.15400", "-12.346", "1.0000", "9999.0", "1.235e4", "9.100e-4", "3.000e-17"]);
        assert_eq!([1.5e6, 2.5e8, 8e12].map(bytes), ["1.4 MiB", "0.2 GiB", "7450.6 GiB"]);
        assert_eq!([0.0123, 3.21, 130.0].map(seconds), ["12 ms", "3.2 s", "2 min 10 s"]);
    }
}
