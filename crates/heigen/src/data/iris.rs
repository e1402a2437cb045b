//! Fisher's iris data, embedded.

use super::{DataError, Dataset};

/// Header line, then sepal length, sepal width, petal length, petal width (cm) and class of every flower.
const TABLE: &str = include_str!("../../datasets/iris.csv");

/// 150 flowers, 50 of each species (0 setosa, 1 versicolor, 2 virginica), in scikit-learn's order.
pub(super) fn iris() -> Result<Dataset, DataError> {
    let mut features = Vec::with_capacity(600);
    let mut labels = Vec::with_capacity(150);
    for (i, text) in TABLE.lines().enumerate().skip(1) {
        let (measures, class) = row(text).ok_or_else(|| DataError::IrisRow { line: i + 1, text: text.to_owned() })?;
        features.extend(measures);
        labels.push(class);
    }
    Ok(Dataset { features, shape: vec![4], labels, others: None, n_classes: 3, source: "embedded: iris".to_owned() })
}

fn row(text: &str) -> Option<([f32; 4], usize)> {
    let mut cells = text.trim_end().split(',');
    let mut measures = [0.0; 4];
    for measure in &mut measures {
        *measure = cells.next()?.parse().ok()?;
    }
    let class = cells.next()?.parse().ok().filter(|&class| class < 3)?;
    cells.next().is_none().then_some((measures, class))
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn rows_with_other_than_four_numbers_and_a_class_are_refused() {
        assert_eq!(row("5.1,3.5,1.4,0.2,0"), Some(([5.1, 3.5, 1.4, 0.2], 0)));
        for text in ["", "5.1,3.5,1.4,0.2", "5.1,3.5,1.4,0.2,3", "5.1,3.5,1.4,x,0", "5.1,3.5,1.4,0.2,0,0"] {
            assert_eq!(row(text), None, "{text}");
        }
    }
}
