//! Real numbers in JSON, which has no infinite ones: those are strings.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Real {
    Finite(f64),
    Infinite(Sign),
}

#[derive(Serialize, Deserialize)]
enum Sign {
    #[serde(rename = "inf")]
    Plus,
    #[serde(rename = "-inf")]
    Minus,
    #[serde(rename = "nan")]
    NoNumber,
}

pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|&v| match v {
        f64::INFINITY => Real::Infinite(Sign::Plus),
        f64::NEG_INFINITY => Real::Infinite(Sign::Minus),
        v if v.is_nan() => Real::Infinite(Sign::NoNumber),
        v => Real::Finite(v),
    }))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Real>::deserialize(deserializer)?;
    let number = |value| match value {
        Real::Finite(v) => v,
        Real::Infinite(Sign::Plus) => f64::INFINITY,
        Real::Infinite(Sign::Minus) => f64::NEG_INFINITY,
        Real::Infinite(Sign::NoNumber) => f64::NAN,
    };
    Ok(values.into_iter().map(number).collect())
}
