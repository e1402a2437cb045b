//! The operator of scaled dot-product attention.

use super::entrywise::number;
use super::value::{Made, Value};
use super::{Reader, mixes};
use crate::error::OnnxError;
use crate::shapes::Given;
use crate::tensor::{Element, unrounded};
use heigen::vocabulary::Op;

pub(super) fn evaluate(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let attributes = &node.attributes;
    for (i, what) in [(4, "past keys"), (5, "past values"), (6, "lengths of keys without padding")] {
        if node.input(i).is_some() {
            return Err(node
                .error(format!("it takes {what}; expected a model without a cache: export it with use_cache=False")));
        }
    }
    if attributes.float("softcap", 0.0) != 0.0 {
        return Err(node.error("its attribute softcap bounds the scores; expected 0, none"));
    }
    let (query, key, value) = (reader.tensor(node, 0)?, reader.tensor(node, 1)?, reader.tensor(node, 2)?);
    let heads = |name: &str| usize::try_from(attributes.int(name, 0)).unwrap_or(0);
    let flat = query.shape.len() == 3;
    let mut split = |made: &Made, heads: usize| -> Result<Made, OnnxError> {
        match made.shape[..] {
            [_, _, _, _] => Ok(made.clone()),
            [n, length, width] if heads > 0 && width % heads == 0 => {
                let made = reader.reshaped(node, made, vec![n, length, heads, width / heads])?;
                reader.transposed(node, &made, vec![0, 2, 1, 3])
            }
            _ => Err(node.error(format!("it gets {:?} for {heads} heads; expected three or four axes", made.shape))),
        }
    };
    let query = split(&query, heads("q_num_heads"))?;
    let key = split(&key, heads("kv_num_heads"))?;
    let value = split(&value, heads("kv_num_heads"))?;
    let wrong = || {
        let shapes = [&query, &key, &value].map(|made| format!("{:?}", made.shape));
        node.error(format!("it gets query, key and value of {}, which do not fit", shapes.join(", ")))
    };
    let (&[n, q_heads, q_length, depth], &[m, k_heads, k_length, k_depth]) = (&query.shape[..], &key.shape[..]) else {
        return Err(wrong());
    };
    let fits =
        n == m && depth == k_depth && value.shape[..3] == key.shape[..3] && k_heads > 0 && q_heads % k_heads == 0;
    if !fits {
        return Err(wrong());
    }
    if query.place != key.place || key.place != value.place || query.place.is_some_and(|place| place.axis != 0) {
        return Err(mixes(node));
    }
    let shape = vec![n, q_heads, q_length, value.shape[3]];
    let place = query.place;
    let mut inputs = vec![query, key, value];
    if node.input(3).is_some() {
        let mut mask = reader.input(node, 3)?;
        if mask.element() == Element::Bool {
            let values = vec![mask, Value::Constant(number(0.0)), Value::Constant(number(f64::NEG_INFINITY))];
            mask = Value::Made(reader.combined(node, &Op::Where, values)?);
        }
        let scores = [n, q_heads, q_length, k_length];
        let mask = reader.for_one(node, mask, &scores, place)?;
        inputs.push(reader.written_value(node, &mask)?);
    }
    let scale = attributes.has("scale").then(|| unrounded(attributes.float("scale", 1.0)));
    let op = Op::ScaledDotProductAttention {
        is_causal: attributes.int("is_causal", 0) != 0,
        scale,
        enable_gqa: q_heads != k_heads,
    };
    let inputs: Vec<&Made> = inputs.iter().collect();
    let made = reader.push(node, op, &inputs, shape.clone(), place)?;
    if !flat {
        return Ok(Value::Made(made));
    }
    let turned = reader.transposed(node, &made, vec![0, 2, 1, 3])?;
    reader.reshaped(node, &turned, vec![n, q_length, q_heads * shape[3]]).map(Value::Made)
}
