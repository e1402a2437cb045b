//! Products of matrices.

use super::entrywise::number;
use super::value::{Made, Place, Value};
use super::{Reader, mixes};
use crate::error::OnnxError;
use crate::graph::Node;
use crate::shapes::{Given, broadcast};
use heigen::vocabulary::Op;
use std::collections::HashMap;

/// The operator Gemm, alpha A B + beta C.
pub(super) fn gemm(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let (mut a, b) = (reader.tensor(node, 0)?, reader.tensor(node, 1)?);
    let attributes = &node.attributes;
    if attributes.int("transA", 0) != 0 {
        a = reader.transposed(node, &a, vec![1, 0])?;
    }
    let rows_are_outputs = attributes.int("transB", 0) != 0;
    let wrong = |reader: &Reader<'_>, a: &Made| {
        node.error(format!("it multiplies {} by {}", reader.shown_made(a), reader.shown_made(&b)))
    };
    let (&[m, k], &[rows, columns]) = (&a.shape[..], &b.shape[..]) else { return Err(wrong(reader, &a)) };
    let (inner, outputs) = if rows_are_outputs { (columns, rows) } else { (rows, columns) };
    if inner != k {
        return Err(wrong(reader, &a));
    }
    let (alpha, beta) = (attributes.decimal("alpha", 1.0), attributes.decimal("beta", 1.0));
    let bias = if beta == 0.0 { None } else { reader.bias(node, 2)? };
    if let Some(bias) = &bias
        && broadcast(&[m, outputs], &bias.shape).is_none_or(|shape| shape != [m, outputs])
    {
        return Err(node.error(format!("its bias has the shape {:?}; expected [{outputs}]", bias.shape)));
    }
    reader.look_at(node, false, bias.is_some());
    let plain = alpha == 1.0 && (beta == 1.0 || bias.is_none());
    let of_outputs = |bias: &Made| bias.place.is_none() && bias.shape.iter().product::<usize>() == outputs;
    if plain && rows_are_outputs && b.place.is_none() && bias.as_ref().is_none_or(of_outputs) {
        let bias = bias.map(|bias| reader.reshaped(node, &bias, vec![outputs])).transpose()?;
        return reader.linear(node, &a, &b, bias.as_ref()).map(Value::Made);
    }
    let b = if rows_are_outputs { reader.transposed(node, &b, vec![1, 0])? } else { b };
    let mut made = reader.multiplied(node, &a, &b)?;
    if alpha != 1.0 {
        made = reader.combined(node, &Op::Mul, vec![Value::Made(made), Value::Constant(number(alpha))])?;
    }
    if let Some(bias) = bias {
        let mut bias = Value::Made(bias);
        if beta != 1.0 {
            bias = Value::Made(reader.combined(node, &Op::Mul, vec![bias, Value::Constant(number(beta))])?);
        }
        made = reader.combined(node, &Op::Add, vec![Value::Made(made), bias])?;
    }
    Ok(Value::Made(made))
}

pub(super) fn matmul(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let (a, b) = (reader.tensor(node, 0)?, reader.tensor(node, 1)?);
    reader.look_at(node, false, false);
    if reader.turned.contains(&b.name) {
        // The exporter turned the weight of a linear layer; it has been turned back.
        if a.shape.last() != b.shape.get(1) {
            return Err(node.error(format!(
                "it multiplies {} by the transpose of {:?}",
                reader.shown_made(&a),
                b.shape
            )));
        }
        return reader.linear(node, &a, &b, None).map(Value::Made);
    }
    reader.multiplied(node, &a, &b).map(Value::Made)
}

pub(super) fn einsum(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let equation = node.attributes.text("equation").unwrap_or_default().replace(' ', "");
    let mut operands: Vec<Value> = Vec::new();
    for i in 0..node.inputs.len() {
        operands.push(reader.input(node, i)?);
    }
    let wrong = || node.error("its equation does not fit its inputs");
    let (terms, result) = letters(&equation, &operands).ok_or_else(wrong)?;
    if operands.is_empty() || operands.len() > 2 {
        return Err(
            node.error(format!("it takes {} tensors; expected one or two: write it as several", operands.len()))
        );
    }
    let mut sizes: HashMap<char, usize> = HashMap::new();
    let mut samples: Option<(char, usize)> = None;
    for (term, operand) in terms.iter().zip(&operands) {
        for (axis, (letter, &size)) in term.chars().zip(operand.shape()).enumerate() {
            if *sizes.entry(letter).or_insert(size) != size {
                return Err(node.error(format!("its axes {letter} have different lengths")));
            }
            if let Some(place) = operand.place().filter(|place| place.axis == axis) {
                if samples.is_some_and(|samples| samples != (letter, place.before)) {
                    return Err(mixes(node));
                }
                samples = Some((letter, place.before));
            }
        }
    }
    let place = match samples {
        None => None,
        Some((letter, before)) => {
            let axis = result.chars().position(|l| l == letter).ok_or_else(|| mixes(node))?;
            Some(Place { axis, before })
        }
    };
    let shape: Vec<usize> = result.chars().filter_map(|letter| sizes.get(&letter).copied()).collect();
    if shape.len() != result.len() {
        return Err(wrong());
    }
    let mut inputs = Vec::new();
    for (term, mut operand) in terms.iter().zip(operands) {
        if let (Some((letter, before)), None) = (samples, operand.place())
            && let Some(axis) = term.chars().position(|l| l == letter)
        {
            operand = reader.first(node, &operand, Place { axis, before }, 0)?;
        }
        inputs.push(reader.written_value(node, &operand)?);
    }
    let inputs: Vec<&Made> = inputs.iter().collect();
    let equation = format!("{}->{result}", terms.join(","));
    reader.push(node, Op::Einsum { equation }, &inputs, shape, place).map(Value::Made)
}

/// The axes of the operands and of the result by small letters, those of an ellipsis too.
fn letters(equation: &str, operands: &[Value]) -> Option<(Vec<String>, String)> {
    const DOTS: usize = 1000;
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation, None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != operands.len() || equation.len() > 256 {
        return None;
    }
    // Every axis gets a key: a letter's, or the number of an axis of the ellipsis from the right.
    let mut dots = 0;
    let mut keyed = Vec::new();
    for (term, operand) in terms.iter().zip(operands) {
        let named = term.replace("...", "");
        let more = operand.shape().len().checked_sub(named.len())?;
        if !named.chars().all(|c| c.is_ascii_alphabetic()) || (more > 0 && !term.contains("...")) {
            return None;
        }
        dots = dots.max(more);
        keyed.push(keys(term, more, DOTS));
    }
    let result: Vec<usize> = if let Some(right) = right {
        keys(right, if right.contains("...") { dots } else { 0 }, DOTS)
    } else {
        // Without a result stated: the ellipsis, then all letters that come once, in their order.
        let all: Vec<usize> = keyed.iter().flatten().copied().collect();
        let mut once: Vec<usize> =
            all.iter().copied().filter(|k| *k < DOTS && all.iter().filter(|o| *o == k).count() == 1).collect();
        once.sort_unstable();
        (0..dots).rev().map(|i| DOTS + i).chain(once).collect()
    };
    let mut order: Vec<usize> = Vec::new();
    keyed.iter().flatten().for_each(|&key| {
        if !order.contains(&key) {
            order.push(key);
        }
    });
    let letter = |key: &usize| {
        let place = order.iter().position(|other| other == key)?;
        u8::try_from(place).ok().filter(|place| *place < 26).map(|place| char::from(b'a' + place))
    };
    let written = |keys: &Vec<usize>| keys.iter().map(letter).collect::<Option<String>>();
    Some((keyed.iter().map(written).collect::<Option<_>>()?, written(&result)?))
}

fn keys(term: &str, more: usize, dots: usize) -> Vec<usize> {
    let mut keys = Vec::new();
    let (before, after) = term.split_once("...").unwrap_or((term, ""));
    keys.extend(before.bytes().map(usize::from));
    keys.extend((0..more).rev().map(|i| dots + i));
    keys.extend(after.bytes().map(usize::from));
    keys
}

impl Reader<'_> {
    /// x W^T + b over the last axis.
    pub(super) fn linear(
        &mut self,
        node: &Node,
        x: &Made,
        weight: &Made,
        bias: Option<&Made>,
    ) -> Result<Made, OnnxError> {
        let last = x.shape.len().saturating_sub(1);
        if x.place.is_some_and(|place| place.axis == last) {
            return Err(mixes(node));
        }
        let mut shape = x.shape.clone();
        if let Some(last) = shape.last_mut() {
            *last = weight.shape[0];
        }
        let inputs: Vec<&Made> = [x, weight].into_iter().chain(bias).collect();
        self.push(node, Op::Linear, &inputs, shape, x.place)
    }

    /// The product of two tensors as numpy has it.
    pub(super) fn multiplied(&mut self, node: &Node, a: &Made, b: &Made) -> Result<Made, OnnxError> {
        let wrong = {
            let message = format!("it multiplies {} by {}", self.shown_made(a), self.shown_made(b));
            move || node.error(message.as_str())
        };
        if a.shape.is_empty() || b.shape.is_empty() {
            return Err(wrong());
        }
        // A vector is a matrix of one row, or of one column.
        let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
        let full_a = if row { self.reshaped(node, a, vec![1, a.shape[0]])? } else { a.clone() };
        let full_b = if column { self.reshaped(node, b, vec![b.shape[0], 1])? } else { b.clone() };
        let (ra, rb) = (full_a.shape.len(), full_b.shape.len());
        let lead = broadcast(&full_a.shape[..ra - 2], &full_b.shape[..rb - 2]).ok_or_else(&wrong)?;
        if full_a.shape[ra - 1] != full_b.shape[rb - 2] {
            return Err(wrong());
        }
        let rank = lead.len() + 2;
        let mut shape = lead;
        shape.extend([full_a.shape[ra - 2], full_b.shape[rb - 1]]);
        let to = |place: Place, own: usize| place.at(place.axis + rank - own);
        if full_a.place.is_some_and(|p| p.axis == ra - 1) || full_b.place.is_some_and(|p| p.axis == rb - 2) {
            return Err(mixes(node));
        }
        let (pa, pb) = (full_a.place.map(|p| to(p, ra)), full_b.place.map(|p| to(p, rb)));
        if let (Some(pa), Some(pb)) = (pa, pb)
            && pa != pb
        {
            return Err(mixes(node));
        }
        let place = pa.or(pb);
        let leading = place.filter(|place| place.axis + 2 < rank);
        let full_a = self.for_one(node, Value::Made(full_a), &shape, leading)?;
        let full_b = self.for_one(node, Value::Made(full_b), &shape, leading)?;
        let (full_a, full_b) = (self.written_value(node, &full_a)?, self.written_value(node, &full_b)?);
        let made = self.push(node, Op::Matmul, &[&full_a, &full_b], shape.clone(), place)?;
        if column {
            shape.pop();
        }
        if row {
            shape.remove(rank - 2);
        }
        self.reshaped(node, &made, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    #[test]
    fn axes_get_letters() {
        let of = |shape: &[usize]| Value::Constant(Tensor { shape: shape.to_vec(), ..number(0.0) });
        let two = [of(&[2, 3, 4]), of(&[4, 5])];
        let got = letters("...I,IJ->...J", &two).unwrap();
        assert_eq!(got, (vec!["abc".to_owned(), "cd".to_owned()], "abd".to_owned()));
        assert_eq!(letters("bij,jk", &two).unwrap().1, "abd");
        assert_eq!(letters("ij,jk", &two), None);
        assert_eq!(letters("bij,j?->b", &two), None);
    }
}
