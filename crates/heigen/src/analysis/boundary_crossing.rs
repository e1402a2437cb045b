//! The first change of class on rays from a sample, for many rays at a time.

use super::boundary_search::Search;
use crate::linalg::Matrix;

/// The first change of class on a ray is looked for among this many points.
const SCAN: usize = 32;
/// The points of this many rays are evaluated together.
const TOGETHER: usize = 16;
/// The largest number of steps that close in on a change of class.
const STEPS: usize = 100;

/// An interval of a ray where the predicted class changes for the first time, as fractions of the ray.
struct Bracket {
    /// Index of the ray.
    ray: usize,
    low: f64,
    high: f64,
    /// The excess at both ends, halved where the same end was kept twice.
    at_low: f64,
    at_high: f64,
    /// The end that was moved last: 1 is the upper one, -1 the lower one, 0 none.
    moved: i8,
    /// Whether a point was met where the excess is neither above nor below zero; it is `high` then.
    met: bool,
}

impl Bracket {
    fn is_closed(&self) -> bool {
        self.met || self.high - self.low <= 4.0 * f64::EPSILON * self.high
    }

    /// The next point to evaluate, by the method of false position with halved weights (Illinois), safeguarded by a
    /// bisection every eighth time.
    fn next(&self, step: usize) -> f64 {
        let secant = self.low + (self.high - self.low) * self.at_low / (self.at_low - self.at_high);
        let middle = f64::midpoint(self.low, self.high);
        if step % 8 == 7 || !(secant > self.low && secant < self.high) { middle } else { secant }
    }

    fn tell(&mut self, t: f64, value: f64) {
        if value > 0.0 {
            (self.high, self.at_high) = (t, value);
            self.at_low *= if self.moved > 0 { 0.5 } else { 1.0 };
            self.moved = 1;
        } else if value < 0.0 {
            (self.low, self.at_low) = (t, value);
            self.at_high *= if self.moved < 0 { 0.5 } else { 1.0 };
            self.moved = -1;
        } else {
            (self.high, self.met) = (t, true);
        }
    }
}

impl Search<'_> {
    /// The first change of class on the way from the origin to each of some ends, as a fraction of the way.
    pub(super) fn first_crossings(&mut self, ends: &[Vec<f64>]) -> Vec<Option<f64>> {
        if ends.is_empty() {
            return Vec::new();
        }
        // Needed only where the first place of a ray lies beyond the boundary already.
        let mut at_origin = None;
        let mut brackets: Vec<Bracket> = Vec::new();
        for (i, group) in ends.chunks(TOGETHER).enumerate() {
            let places = group.iter().flat_map(|end| (1..=SCAN).map(move |i| (end, i as f64 / SCAN as f64)));
            let values = self.along(places);
            for (ray, values) in values.chunks(SCAN).enumerate() {
                let Some(first) = values.iter().position(|&v| v > 0.0) else { continue };
                let (low, high) = (first as f64 / SCAN as f64, (first + 1) as f64 / SCAN as f64);
                let mut value_there = || *at_origin.get_or_insert_with(|| self.excess(self.origin).0);
                let at_low = if first == 0 { value_there() } else { values[first - 1] };
                let bracket = Bracket {
                    ray: i * TOGETHER + ray,
                    low,
                    high,
                    at_low,
                    at_high: values[first],
                    moved: 0,
                    met: false,
                };
                // On the boundary already.
                brackets.push(if at_low >= 0.0 { Bracket { high: low, met: true, ..bracket } } else { bracket });
            }
        }
        for step in 0..STEPS {
            let mut open: Vec<&mut Bracket> = brackets.iter_mut().filter(|b| !b.is_closed()).collect();
            if open.is_empty() {
                break;
            }
            let places: Vec<(&Vec<f64>, f64)> = open.iter().map(|b| (&ends[b.ray], b.next(step))).collect();
            let values = self.along(places.iter().copied());
            open.iter_mut().zip(places).zip(values).for_each(|((bracket, (_, t)), value)| bracket.tell(t, value));
        }
        let mut crossings = vec![None; ends.len()];
        brackets.iter().for_each(|b| crossings[b.ray] = Some(b.high));
        crossings
    }

    /// The excess at fractions of the ways from the origin to some ends.
    fn along<'a>(&mut self, places: impl Iterator<Item = (&'a Vec<f64>, f64)>) -> Vec<f64> {
        let data: Vec<f64> = places.flat_map(|(end, t)| self.at(end, t)).collect();
        let rows = self.origin.len();
        let columns = data.len() / rows;
        self.excesses(&Matrix { data, rows, columns }).into_iter().map(|(excess, _)| excess).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Network, Pool};
    use crate::rng::NumpyRandomState;
    use crate::vocabulary::Activation;

    /// The first change of class by a scan and 60 bisections, one ray at a time.
    fn by_bisection(search: &mut Search<'_>, end: &[f64]) -> Option<f64> {
        let mut value = |t: f64| {
            let point = search.at(end, t);
            search.excess(&point).0
        };
        let first = (1..=SCAN).find(|&i| value(i as f64 / SCAN as f64) > 0.0)?;
        let (mut low, mut high) = ((first - 1) as f64 / SCAN as f64, first as f64 / SCAN as f64);
        for _ in 0..60 {
            let t = f64::midpoint(low, high);
            if value(t) > 0.0 { high = t } else { low = t }
        }
        Some(high)
    }

    #[test]
    fn crossings_of_many_rays_are_those_that_bisection_finds_on_each() {
        for (activation, d) in [(Activation::Relu, 2), (Activation::Sigmoid, 2), (Activation::Gelu, 5)] {
            let network = Network::fully_connected(&[d, 12, 8, 3], activation).unwrap();
            let mut stream = NumpyRandomState::new(7);
            let mut theta: Vec<f64> = (0..network.n_params()).map(|_| stream.randn()).collect();
            let origin = vec![0.3; d];
            // Outputs that are nearly alike at the origin, so that the class changes near by.
            let outputs = network.outputs(&theta, &Matrix { data: origin.clone(), rows: d, columns: 1 }).data;
            let p = theta.len();
            (0..3).for_each(|c| theta[p - 3 + c] -= outputs[c] - if c == 0 { 0.1 } else { 0.0 });
            let mut pool = Pool::new();
            let mut search = Search { network: &network, theta: &theta, origin: &origin, class: 0, pool: &mut pool };
            // More rays than are evaluated together; every third one ends before the class changes.
            let length = |i: usize| if i.is_multiple_of(3) { 0.003 } else { 3.0 };
            let ends: Vec<Vec<f64>> =
                (0..=3 * TOGETHER).map(|i| (0..d).map(|_| 0.3 + length(i) * stream.randn()).collect()).collect();
            let found = search.first_crossings(&ends);
            let wanted: Vec<Option<f64>> = ends.iter().map(|end| by_bisection(&mut search, end)).collect();
            let met = wanted.iter().flatten().count();
            assert!(met > 10 && met < ends.len(), "{activation:?}: {met} of {} rays", ends.len());
            for (found, wanted) in found.iter().zip(&wanted) {
                assert_eq!(found.is_some(), wanted.is_some(), "{activation:?}");
                if let (Some(found), Some(wanted)) = (found, wanted) {
                    assert!((found - wanted).abs() < 1e-13, "{activation:?}: {found} {wanted}");
                }
            }
        }
    }

    #[test]
    fn on_the_boundary_the_crossing_is_at_the_beginning_and_without_rays_there_is_none() {
        // Both classes have the same output at the origin; the other one wins where x > 0.
        let network = Network::fully_connected(&[1, 2], Activation::Relu).unwrap();
        let theta = [0.0, 1.0, 0.0, 0.0];
        let mut pool = Pool::new();
        let mut search = Search { network: &network, theta: &theta, origin: &[0.0], class: 0, pool: &mut pool };
        assert_eq!(search.first_crossings(&[vec![1.0], vec![-1.0]]), [Some(0.0), None]);
        assert_eq!(search.first_crossings(&[]), []);
    }
}
