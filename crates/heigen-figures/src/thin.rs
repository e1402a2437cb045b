//! Fewer markers where thousands would lie one upon the other.

/// The most samples that are drawn in one panel.
const MOST: usize = 1000;

/// The samples that are drawn, in their order: all up to a thousand, beyond that one in so many of every class that about
/// a thousand are left. And the number of samples for each that is drawn.
pub(crate) fn thinned(classes: &[usize]) -> (Vec<usize>, usize) {
    let one_in = classes.len().div_ceil(MOST).max(1);
    let mut seen = vec![0usize; classes.iter().max().map_or(0, |class| class + 1)];
    let drawn = |&(_, &class): &(usize, &usize)| {
        seen[class] += 1;
        (seen[class] - 1).is_multiple_of(one_in)
    };
    let chosen = classes.iter().enumerate().filter(drawn).map(|(sample, _)| sample).collect();
    (chosen, one_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_of_samples_become_a_thousand_and_every_class_stays() {
        assert_eq!(thinned(&[0, 1, 0]), (vec![0, 1, 2], 1));
        assert_eq!(thinned(&[]), (vec![], 1));
        let mut classes: Vec<usize> = (0..10_000).map(|i| i % 3).collect();
        classes.push(7);
        let (chosen, one_in) = thinned(&classes);
        assert_eq!(one_in, 11);
        assert!((905..=MOST).contains(&chosen.len()), "{}", chosen.len());
        for class in [0, 1, 2, 7] {
            assert!(chosen.iter().any(|&sample| classes[sample] == class), "{class}");
        }
    }
}
