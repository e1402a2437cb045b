//! Sizes of memory in words.

/// A size of memory in the form in which people read it: of 1,536 bytes "1.5 KiB".
pub fn size_in_words(bytes: f64) -> String {
    let units = ["KiB", "MiB", "GiB"];
    // The largest unit of which there is a tenth; sizes below that of the smallest are given in it all the same.
    let power = (1..=3).rev().find(|&power| bytes >= 0.1 * 1024f64.powi(power)).unwrap_or(1);
    format!("{:.1} {}", bytes / 1024f64.powi(power), units[power as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::size_in_words;

    #[test]
    fn small_sizes_are_not_nought() {
        let sizes = [138_384.0, 1.5e6, 2.5e8, 8e12, 0.0].map(size_in_words);
        assert_eq!(sizes, ["0.1 MiB", "1.4 MiB", "0.2 GiB", "7450.6 GiB", "0.0 KiB"]);
        assert_eq!([16.0, 1000.0, 60_000.0].map(size_in_words), ["0.0 KiB", "1.0 KiB", "58.6 KiB"]);
    }
}
