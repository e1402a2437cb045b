//! Descriptions, in words, of what has changed since a model was trained.

use heigen_store::record::ModelRecord;
use serde_json::Value;

/// The largest number of changed settings that are named; where more have changed, they are counted.
const NAMED: usize = 3;

/// The origins from which a model would be trained now.
pub(super) struct Origins<'a> {
    pub(super) config: &'a Value,
    pub(super) source: &'a str,
    /// The stamp of the model that training starts from.
    pub(super) start: Option<&'a str>,
}

/// The reason why the model of `record` is not the one that would be trained now.
pub(super) fn why_stale(record: &ModelRecord, now: &Origins) -> String {
    let mut changes = Vec::new();
    settings(&record.config, now.config, "", &mut changes);
    if changes.is_empty() {
        return if record.code_version != heigen::VERSION {
            format!("version {} of heigen trained it, this is {}", record.code_version, heigen::VERSION)
        } else if record.data_source != now.source {
            format!("its data came from {}, now from {}", record.data_source, now.source)
        } else if record.start_stamp.as_deref() != now.start {
            "the model it starts from has changed".to_owned()
        } else {
            "its record was written for another training".to_owned()
        };
    }
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    let named = changes.join(", ");
    if more > 0 { format!("{named}, and {more} more settings changed") } else { named }
}

/// Appends every setting in which `old` and `new` differ; `path` is the place of both in the experiment.
fn settings(old: &Value, new: &Value, path: &str, changes: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let added = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(added) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                settings(&old[key], &new[key], &path, changes);
            }
        }
        _ if old == new => {}
        _ => changes.push(format!("`{path}` was {}, now {}", shown(old), shown(new))),
    }
}

fn shown(value: &Value) -> String {
    if value.is_null() { "absent".to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changed_settings_are_named_by_their_path() {
        let mut changes = Vec::new();
        let old = json!({"a": {"lr": 0.1, "x": 1}, "scheduler": false, "seed": 3, "same": [1]});
        let new = json!({"a": {"lr": 0.2, "y": 1}, "scheduler": {"gamma": 0.1}, "seed": 0, "same": [1]});
        settings(&old, &new, "", &mut changes);
        assert_eq!(
            changes,
            [
                "`a.lr` was 0.1, now 0.2",
                "`a.x` was 1, now absent",
                "`a.y` was absent, now 1",
                "`scheduler` was false, now {\"gamma\":0.1}",
                "`seed` was 3, now 0",
            ]
        );
    }
}
