//! Pools, and images of another size.

use super::super::regions::Regions;
use super::super::step::Step;
use super::convolution::{Images, Places};
use super::shapes::sparse;
use super::value::Value;
use super::{Built, Lowering, product, table};
use crate::model::{Layer, Window};
use crate::vocabulary::graph::PoolWindow;

/// The part of an axis that a window covers: all entries with the number that padding counts for, or only those inside.
struct Part {
    /// The entries inside of the tensor.
    inside: Vec<usize>,
    /// Number of entries with those of the padding.
    padded: usize,
}

/// The parts that a window covers along an axis of `size` entries, place after place.
fn parts(places: &Places, axis: usize, size: usize, ceil: bool) -> Built<Vec<Part>> {
    let ([before, after], stride) = (places.padding[axis], places.stride[axis]);
    let (padded, reach) = (size + before + after, places.reach(axis));
    // With `ceil`, a window that reaches beyond the padded end by less than a stride has a place, even the only one.
    let room = if ceil { padded + stride - 1 } else { padded };
    let rest = room.checked_sub(reach).ok_or_else(|| format!("a window of {reach} does not fit {padded} entries"))?;
    let mut count = rest / stride + 1;
    // The last window starts inside of the tensor or of the padding before it, as in PyTorch.
    if ceil && (count - 1) * stride >= size + before {
        count -= 1;
    }
    table(&[count, places.kernel[axis]])?;
    let part = |place: usize| {
        let taps = (0..places.kernel[axis]).map(|tap| place * stride + tap * places.dilation[axis]);
        let inside: Vec<usize> = taps.clone().filter_map(|at| at.checked_sub(before)).filter(|&at| at < size).collect();
        let within = taps.filter(|&at| at < padded).count();
        if inside.is_empty() {
            return Err("a window lies in the padding alone; a pool needs an entry in every window".to_owned());
        }
        Ok(Part { inside, padded: within })
    };
    (0..count).map(part).collect()
}

/// As equal parts of an axis as there can be.
fn adaptive(size: usize, count: usize) -> Vec<Part> {
    let part = |i: usize| {
        let inside: Vec<usize> = (i * size / count..((i + 1) * size).div_ceil(count)).collect();
        Part { padded: inside.len(), inside }
    };
    (0..count).map(part).collect()
}

/// Fails if the parts of an image have too many entries together.
fn table_of(rows: &[Part], columns: &[Part]) -> Built<()> {
    let entries = |parts: &[Part]| parts.iter().map(|part| part.inside.len()).sum::<usize>();
    table(&[entries(rows), entries(columns)])
}

impl Lowering<'_> {
    /// `x` as images, the parts of its rows and columns that the window covers, and the window as that of a layer of lists, if
    /// it is one.
    fn windowed(&mut self, x: &Value, window: &PoolWindow) -> Built<(Images, [Vec<Part>; 2], Option<Window>)> {
        let stride = if window.stride.is_empty() { &window.kernel_size } else { &window.stride };
        let places = Places::new(&window.kernel_size, stride, &window.padding, &window.dilation)?;
        let images = self.images(x, window.kernel_size.len())?;
        let image = images.image();
        let parts =
            [parts(&places, 0, image.height, window.ceil_mode)?, parts(&places, 1, image.width, window.ceil_mode)?];
        let alone = images.images() == 1 && !self.nodes[x.node].shared;
        let of_list = |square: &Window| alone && square.places() == (parts[0].len(), parts[1].len());
        let square = places.square(image).filter(of_list);
        Ok((images, parts, square))
    }

    /// A pool that is a layer of lists.
    fn square_pool(&mut self, images: &Images, layer: Layer, places: [usize; 2]) -> Built<Value> {
        let channels = images.image().channels;
        let x = self.in_rows(&images.value, channels);
        let size = channels * places[0] * places[1];
        let node = self.push(Step::Layer(Box::new(layer)), vec![x.node], size, channels);
        let y = Value { node, shape: vec![1, channels, places[0], places[1]], order: vec![0, 2, 3, 1] };
        self.back_from_images(&y, images)
    }

    pub(super) fn max_pool(&mut self, x: &Value, window: &PoolWindow) -> Built<Value> {
        let (images, [rows, columns], square) = self.windowed(x, window)?;
        if let Some(square) = square {
            return self.square_pool(&images, Layer::MaxPool(square), [rows.len(), columns.len()]);
        }
        self.largest_of(&images, &rows, &columns)
    }

    fn largest_of(&mut self, images: &Images, rows: &[Part], columns: &[Part]) -> Built<Value> {
        let image = images.image();
        product(&[images.images(), rows.len(), columns.len(), image.channels]).ok_or("the result is too large")?;
        table_of(rows, columns)?;
        let (mut starts, mut members) = (vec![0], Vec::new());
        for row in rows {
            for column in columns {
                let all = row.inside.iter().flat_map(|y| column.inside.iter().map(move |x| y * image.width + x));
                members.extend(all);
                starts.push(members.len());
            }
        }
        let (outer, inner, length) = (images.images(), image.channels, image.pixels());
        let mut y = self.chosen(&images.value, Regions { outer, inner, length, starts, members });
        y.shape = vec![outer, inner, rows.len(), columns.len()];
        y.order = vec![0, 2, 3, 1];
        self.back_from_images(&y, images)
    }

    pub(super) fn average_pool(
        &mut self,
        x: &Value,
        window: &PoolWindow,
        padding_counts: bool,
        divisor: Option<f64>,
    ) -> Built<Value> {
        let (images, [rows, columns], square) = self.windowed(x, window)?;
        if let Some(square) = square
            && (padding_counts || square.padding == 0)
            && divisor.is_none()
            && !window.ceil_mode
        {
            return self.square_pool(&images, Layer::AveragePool(square), [rows.len(), columns.len()]);
        }
        let weight = |row: &Part, column: &Part| {
            let count =
                if padding_counts { row.padded * column.padded } else { row.inside.len() * column.inside.len() };
            1.0 / divisor.unwrap_or(count as f64)
        };
        self.means_of(&images, &rows, &columns, weight)
    }

    fn means_of(
        &mut self,
        images: &Images,
        rows: &[Part],
        columns: &[Part],
        weight: impl Fn(&Part, &Part) -> f64,
    ) -> Built<Value> {
        let image = images.image();
        product(&[images.images(), rows.len(), columns.len(), image.channels]).ok_or("the result is too large")?;
        table_of(rows, columns)?;
        let mut matrix = Vec::with_capacity(rows.len() * columns.len());
        for row in rows {
            for column in columns {
                let weight = weight(row, column);
                let all = row.inside.iter().flat_map(|y| column.inside.iter().map(move |x| y * image.width + x));
                matrix.push(all.map(|place| (place, weight)).collect());
            }
        }
        let map = sparse(images.images(), image.channels, image.pixels(), matrix);
        let node = self.mapped(&images.value, map, false);
        let shape = vec![images.images(), image.channels, rows.len(), columns.len()];
        self.back_from_images(&Value { node, shape, order: vec![0, 2, 3, 1] }, images)
    }

    pub(super) fn adaptive_pool(&mut self, x: &Value, sizes: &[usize], largest: bool) -> Built<Value> {
        if sizes.is_empty() || sizes.len() > 2 || sizes.contains(&0) {
            return Err(format!("`output_size` is {sizes:?}; expected one or two sizes, each 1 or more"));
        }
        table(sizes)?;
        let images = self.images(x, sizes.len())?;
        let image = images.image();
        table(&[image.height, image.width])?;
        let rows = adaptive(image.height, sizes[0]);
        let columns = adaptive(image.width, sizes.get(1).copied().unwrap_or(1));
        if largest {
            return self.largest_of(&images, &rows, &columns);
        }
        self.means_of(&images, &rows, &columns, |row, column| 1.0 / (row.padded * column.padded) as f64)
    }

    pub(super) fn interpolate(
        &mut self,
        x: &Value,
        sizes: &[usize],
        linear: bool,
        align_corners: bool,
    ) -> Built<Value> {
        let rank = x.shape.len();
        if sizes.is_empty() || sizes.contains(&0) || sizes.len() >= rank {
            return Err(format!("`output_size` is {sizes:?} for a tensor of shape {:?}", x.shape));
        }
        table(sizes)?;
        let mut y = x.clone();
        for (i, &size) in sizes.iter().enumerate() {
            let axis = rank - sizes.len() + i;
            let own = x.shape[axis];
            let place = |i: usize| {
                if !linear {
                    return vec![((i * own / size).min(own - 1), 1.0)];
                }
                let at = if align_corners {
                    if size == 1 { 0.0 } else { i as f64 * (own - 1) as f64 / (size - 1) as f64 }
                } else {
                    ((i as f64 + 0.5) * own as f64 / size as f64 - 0.5).max(0.0)
                };
                let first = (at as usize).min(own - 1);
                let (second, part) = ((first + 1).min(own - 1), at - first as f64);
                vec![(first, 1.0 - part), (second, part)]
            };
            if size != own {
                y = self.along(&y, axis, (0..size).map(place).collect());
            }
        }
        product(&y.shape).ok_or("the result is too large")?;
        Ok(y)
    }
}
