//! Entries of a tensor by their places: embeddings, tables of positions, rearrangements.

use super::super::step::Step;
use super::value::Value;
use super::{Built, Lowering, product};

impl Lowering<'_> {
    /// The entries along an axis that have the places `ids`, whose axes replace it.
    pub(super) fn gather(&mut self, x: &Value, ids: &Value, axis: usize) -> Built<Value> {
        let size = *x.shape.get(axis).ok_or_else(|| format!("there is no axis {axis} in {:?}", x.shape))?;
        if self.nodes[ids.node].learns {
            return Err("the places depend on parameters".to_owned());
        }
        let shape = [&x.shape[..axis], &ids.shape, &x.shape[axis + 1..]].concat();
        product(&shape).ok_or("the result is too large")?;
        if let Some(numbers) = self.constant_numbers(ids) {
            let place = |&id: &f64| {
                let place = if id < 0.0 { id + size as f64 } else { id };
                let is_place = place >= 0.0 && place < size as f64 && place.fract() == 0.0;
                is_place.then(|| vec![(place as usize, 1.0)]).ok_or_else(|| format!("the place {id} among {size}"))
            };
            let rows = numbers.iter().map(place).collect::<Built<Vec<_>>>()?;
            // One axis stands for those of the places, which then take it apart.
            let y = self.along(x, axis, rows);
            return self.reshape(&y, &shape);
        }
        let mut order = vec![axis];
        order.extend((0..x.shape.len()).filter(|&other| other != axis));
        let table = self.ordered(x, &order);
        let (table, ids) = (self.features(&table), self.canonical(ids));
        let row = x.size() / size;
        let node = self.push(Step::LookUp { row }, vec![table.node, ids.node], ids.size() * row, ids.size() * row);
        // In memory the axes of the places come first.
        let places = axis..axis + ids.shape.len();
        let order = places.clone().chain((0..shape.len()).filter(|other| !places.contains(other))).collect();
        Ok(Value { node, shape, order })
    }
}
