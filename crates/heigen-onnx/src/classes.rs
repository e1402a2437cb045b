//! The names of the classes, where the file has them.

use crate::graph::{Graph, Node};
use crate::proto::data_type;

/// The names of `n_outputs` classes in the order of the outputs, if the graph gives its labels other names than 0, 1, ...
pub(crate) fn names(graph: &Graph, n_outputs: usize) -> Option<Vec<String>> {
    let found = graph.nodes.iter().find_map(|node| of_node(graph, node).filter(|names| names.len() == n_outputs))?;
    let are_places = found.iter().enumerate().all(|(i, name)| *name == i.to_string());
    let mut sorted: Vec<&String> = found.iter().collect();
    sorted.sort_unstable();
    let repeated = sorted.windows(2).any(|pair| pair[0] == pair[1]);
    (!are_places && !repeated).then_some(found)
}

fn of_node(graph: &Graph, node: &Node) -> Option<Vec<String>> {
    let attributes = &node.attributes;
    let ints = |name: &str| {
        let ints = attributes.ints(name).filter(|ints| !ints.is_empty())?;
        Some(ints.iter().map(i64::to_string).collect())
    };
    match node.operator.as_str() {
        "ai.onnx.ml.ZipMap" | "ai.onnx.ml.LinearClassifier" => attributes
            .texts("classlabels_strings")
            .filter(|texts| !texts.is_empty())
            .or_else(|| ints("classlabels_int64s"))
            .or_else(|| ints("classlabels_ints")),
        // The label is the entry of a list at the place of the largest output.
        "ai.onnx.ml.ArrayFeatureExtractor" => {
            let place = node.input(1).and_then(|value| graph.maker(value))?;
            let list = node.input(0).and_then(|value| graph.initializers.get(&value))?;
            (place.operator == "ArgMax").then_some(())?;
            match list.data_type {
                data_type::STRING => {
                    Some(list.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
                }
                data_type::INT64 if list.raw_data.is_none() => {
                    Some(list.int64_data.iter().map(i64::to_string).collect())
                }
                data_type::INT32 if list.raw_data.is_none() => {
                    Some(list.int32_data.iter().map(i32::to_string).collect())
                }
                _ => None,
            }
        }
        _ => None,
    }
}
