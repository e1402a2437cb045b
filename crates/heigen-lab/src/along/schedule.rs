//! At which epochs a training is looked at, and of which of these moments more is kept.

/// Number of looks where none is asked for.
const LOOKS: usize = 40;

/// The epochs at which a training of `epochs` epochs is looked at: 0, every `every`-th, and the last. Without `every` there are
/// about forty, at round distances, and more at the beginning, where most happens: at 1, 2, 4, ...
///
/// ```
/// use heigen_lab::scheduled_epochs;
/// assert_eq!(scheduled_epochs(10, Some(4)), [0, 4, 8, 10]);
/// assert_eq!(scheduled_epochs(100, None)[..6], [0, 1, 2, 4, 5, 8]);
/// ```
pub fn moments(epochs: usize, every: Option<usize>) -> Vec<usize> {
    let step = every.unwrap_or_else(|| round_up(epochs.div_ceil(LOOKS))).max(1);
    let mut all: Vec<usize> = (0..=epochs).step_by(step).chain([epochs]).collect();
    if every.is_none() {
        all.extend((0..).map(|i| 1 << i).take_while(|&epoch| epoch < epochs.min(4 * step)));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The smallest of 1, 2, 5, 10, 20, 50, ... that is at least `n`.
fn round_up(n: usize) -> usize {
    let mut power = 1usize;
    loop {
        for round in [1, 2, 5].map(|m| power.saturating_mul(m)) {
            if round >= n {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// At most `most` of the numbers 0..n, evenly spread, the first and the last among them.
pub(super) fn spread(n: usize, most: usize) -> Vec<usize> {
    if n <= most {
        return (0..n).collect();
    }
    match most {
        0 => vec![],
        1 => vec![n - 1],
        _ => (0..most).map(|i| (i * (n - 1) + (most - 1) / 2) / (most - 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_is_looked_at_from_its_beginning_to_its_end() {
        for epochs in [0, 1, 2, 7, 39, 40, 41, 100, 2_000, 123_457] {
            for every in [None, Some(1), Some(3), Some(1_000_000)] {
                if every == Some(1) && epochs > 10_000 {
                    continue;
                }
                let all = moments(epochs, every);
                assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{epochs} {every:?}");
                assert_eq!((all.first(), all.last()), (Some(&0), Some(&epochs)), "{epochs} {every:?}");
                assert!(every.is_some() || all.len() <= 60, "{epochs}: {} looks", all.len());
            }
        }
        assert_eq!(moments(2_000, None).len(), 49);
    }

    #[test]
    fn spread_numbers_have_both_ends() {
        for (n, most) in [(0, 3), (1, 3), (3, 3), (4, 3), (100, 64), (65, 64), (1_000_000, 7), (5, 1)] {
            let all = spread(n, most);
            assert_eq!(all.len(), n.min(most));
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(n == 0 || all.last() == Some(&(n - 1)), "{n} {most}: {all:?}");
            assert!(n == 0 || most == 1 || all[0] == 0);
        }
    }
}
