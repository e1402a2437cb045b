//! Convolutions of any kind: the square ones are layers, all others products over patches.

use super::super::linear_map::{Axis, LinearMap};
use super::super::step::Step;
use super::norms::channel_shape;
use super::shapes::transposed;
use super::value::Value;
use super::{Built, Lowering, product};
use crate::model::{Layer, Linear, Shape, Window};
use crate::vocabulary::graph::Slide;

/// The settings of a window along two axes.
pub(super) struct Places {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [[usize; 2]; 2],
    pub(super) dilation: [usize; 2],
}

/// A setting for every axis: `none` where nothing is given, and for a second axis that the tensor does not have.
fn both<T: Copy>(given: &[T], axes: usize, none: T, what: &str) -> Built<[T; 2]> {
    match (given, axes) {
        ([], _) => Ok([none; 2]),
        (&[one], 1) => Ok([one, none]),
        (&[a, b], 2) => Ok([a, b]),
        _ => Err(format!("`{what}` has {} entries; expected {axes}", given.len())),
    }
}

impl Places {
    pub(super) fn new(kernel: &[usize], stride: &[usize], padding: &[[usize; 2]], dilation: &[usize]) -> Built<Self> {
        let axes = kernel.len();
        if axes == 0 || axes > 2 {
            return Err(format!("a window of {axes} axes; expected 1 or 2"));
        }
        let places = Self {
            kernel: both(kernel, axes, 1, "kernel_size")?,
            stride: both(stride, axes, 1, "stride")?,
            padding: both(padding, axes, [0, 0], "padding")?,
            dilation: both(dilation, axes, 1, "dilation")?,
        };
        let sizes = [places.kernel, places.stride, places.dilation].concat();
        let all = sizes.iter().chain(places.padding.iter().flatten());
        if sizes.contains(&0) || all.clone().any(|&size| size > 1 << 20) {
            return Err("a window's kernel, stride and dilation are 1 or more".to_owned());
        }
        Ok(places)
    }

    /// The length of the window along an axis, with the gaps of dilation.
    pub(super) fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// Number of places along an axis of a tensor.
    fn along(&self, axis: usize, size: usize) -> Built<usize> {
        let padded = size + self.padding[axis][0] + self.padding[axis][1];
        let rest = padded.checked_sub(self.reach(axis));
        let rest = rest.ok_or_else(|| format!("a window of {} does not fit {padded} entries", self.reach(axis)))?;
        Ok(rest / self.stride[axis] + 1)
    }

    /// The window of layers of lists, if it is one: square, without dilation, with the same padding everywhere.
    pub(super) fn square(&self, image: Shape) -> Option<Window> {
        let pad = self.padding[0][0];
        let same = self.kernel[0] == self.kernel[1]
            && self.stride[0] == self.stride[1]
            && self.dilation == [1, 1]
            && self.padding == [[pad; 2]; 2];
        if same { Window::new(image, self.kernel[0], self.stride[0], pad) } else { None }
    }
}

/// A tensor as images: [images, channels, rows, columns].
pub(super) struct Images {
    pub(super) value: Value,
    /// The leading axes and the number of axes that the window slides over, to go back.
    shape: Vec<usize>,
    axes: usize,
}

impl Images {
    pub(super) fn images(&self) -> usize {
        self.value.shape[0]
    }

    pub(super) fn image(&self) -> Shape {
        Shape { channels: self.value.shape[1], height: self.value.shape[2], width: self.value.shape[3] }
    }
}

impl Lowering<'_> {
    /// `x` as images, channels innermost in memory. A window along one axis slides over images of one column.
    pub(super) fn images(&mut self, x: &Value, axes: usize) -> Built<Images> {
        let rank = x.shape.len();
        if rank < axes + 1 {
            return Err(format!("a tensor of shape {:?} for a window along {axes} axes", x.shape));
        }
        let leading = x.shape[..rank - axes - 1].iter().product();
        let mut shape = vec![leading];
        shape.extend(&x.shape[rank - axes - 1..]);
        shape.resize(4, 1);
        let value = self.reshape(x, &shape)?;
        let value = self.ordered(&value, &[0, 2, 3, 1]);
        Ok(Images { value, shape: x.shape.clone(), axes })
    }

    /// Images as a tensor like the one that they came from, with other channels and sizes.
    pub(super) fn back_from_images(&mut self, y: &Value, like: &Images) -> Built<Value> {
        let leading = &like.shape[..like.shape.len() - like.axes - 1];
        let shape = [leading, &y.shape[1..2 + like.axes]].concat();
        self.reshape(y, &shape)
    }

    pub(super) fn convolution(
        &mut self,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
        slide: &Slide,
        groups: usize,
    ) -> Built<Value> {
        let axes = weight.shape.len().saturating_sub(2);
        let kernel = weight.shape.get(2..).unwrap_or_default();
        let places = Places::new(kernel, &slide.stride, &slide.padding, &slide.dilation)?;
        let images = self.images(x, axes)?;
        let (outputs, own, image) = (weight.shape[0], weight.shape[1], images.image());
        if groups == 0 || own.checked_mul(groups) != Some(image.channels) || !outputs.is_multiple_of(groups) {
            return Err(format!(
                "a weight of shape {:?} in {groups} groups for a tensor of {:?}",
                weight.shape, x.shape
            ));
        }
        if bias.is_some_and(|bias| bias.size() != outputs) {
            return Err(format!("the bias has not {outputs} numbers"));
        }
        let y = match self.square_convolution(&images, weight, bias, &places, groups) {
            Some(y) => return self.back_from_images(&y, &images),
            None => self.over_patches(&images, weight, &places, groups)?,
        };
        let y = self.back_from_images(&y, &images)?;
        self.with_bias(y, bias, axes)
    }

    /// Adds one number for each channel.
    fn with_bias(&mut self, y: Value, bias: Option<&Value>, axes: usize) -> Built<Value> {
        let Some(bias) = bias else { return Ok(y) };
        let mut shape = channel_shape(bias.size(), axes + 2);
        if y.shape.len() == axes + 1 {
            shape.remove(0);
        }
        let bias = self.reshape(bias, &shape)?;
        self.add(&y, &bias)
    }

    /// The convolution as a layer of lists, if it is one.
    fn square_convolution(
        &mut self,
        images: &Images,
        weight: &Value,
        bias: Option<&Value>,
        places: &Places,
        groups: usize,
    ) -> Option<Value> {
        let window = places.square(images.image())?;
        let bias = match bias {
            Some(bias) => Some(self.parameter(bias)?),
            None => None,
        };
        let weight_place = self.parameter(weight)?;
        if groups != 1 || images.images() != 1 || images.axes != 2 || self.nodes[images.value.node].shared {
            return None;
        }
        let outputs = weight.shape[0];
        let x = self.in_rows(&images.value, images.image().channels);
        let made = window.output(outputs);
        product(&[outputs, made.height, made.width])?;
        let layer = Layer::Linear(Linear { weight: weight_place, bias, outputs, window: Some(window), ordered: false });
        let node = self.push(Step::Layer(Box::new(layer)), vec![x.node], made.features(), outputs);
        Some(Value { node, shape: vec![1, outputs, made.height, made.width], order: vec![0, 2, 3, 1] })
    }

    /// The convolution as a product over patches.
    fn over_patches(&mut self, images: &Images, weight: &Value, places: &Places, groups: usize) -> Built<Value> {
        let [n, channels, height, width] = images.value.shape[..] else { return Err("no images".to_owned()) };
        let (rows, columns) = (places.along(0, height)?, places.along(1, width)?);
        let [ky, kx] = places.kernel;
        let (outputs, own) = (weight.shape[0], weight.shape[1]);
        let x = self.padded(&images.value, &[[0, 0], [0, 0], places.padding[0], places.padding[1]]);
        let [of_image, of_channel, of_row, of_column] = x.strides()[..] else { return Err("no images".to_owned()) };
        // Patches [images, rows, columns, groups, kernel rows, kernel columns, channels of a group].
        let shape = [n, rows, columns, groups, ky, kx, own];
        product(&shape).ok_or("the patches are too large")?;
        let strides = [
            of_image,
            places.stride[0] * of_row,
            places.stride[1] * of_column,
            own * of_channel,
            places.dilation[0] * of_row,
            places.dilation[1] * of_column,
            of_channel,
        ];
        // Where every channel is a group of its own, channels are innermost.
        let order = if own == 1 { [0, 1, 2, 4, 5, 6, 3] } else { [0, 1, 2, 3, 4, 5, 6] };
        let patches = self.view(&x, &shape, &strides.map(usize::cast_signed), 0, &order);
        // The weight [groups, outputs of a group, channels of a group, kernel rows, kernel columns].
        let weight = self.reshape(weight, &[groups, outputs / groups, own, ky, kx])?;
        let order = if own == 1 { [2, 3, 4, 0, 1] } else { [0, 1, 3, 4, 2] };
        let weight = self.ordered(&weight, &order);
        let y = self.contracted([&patches, &weight], [&[0, 1, 2, 3, 4, 5, 6], &[3, 7, 6, 4, 5]], &[0, 1, 2, 3, 7])?;
        let y = self.reshape(&y, &[n, rows, columns, outputs])?;
        let y = transposed(&y, &[0, 3, 1, 2])?;
        debug_assert_eq!(channels, own * groups);
        Ok(y)
    }

    /// The transposed map of a convolution.
    pub(super) fn convolution_transposed(
        &mut self,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
        slide: &Slide,
        output_padding: &[usize],
        groups: usize,
    ) -> Built<Value> {
        let axes = weight.shape.len().saturating_sub(2);
        let kernel = weight.shape.get(2..).unwrap_or_default();
        let places = Places::new(kernel, &slide.stride, &slide.padding, &slide.dilation)?;
        let extra = both(output_padding, axes, 0, "output_padding")?;
        if extra.iter().any(|&extra| extra > 1 << 20) {
            return Err(format!("`output_padding` is {output_padding:?}"));
        }
        let images = self.images(x, axes)?;
        let [n, channels, height, width] = images.value.shape[..] else { return Err("no images".to_owned()) };
        let own = weight.shape[1];
        if groups == 0 || weight.shape[0] != channels || !channels.is_multiple_of(groups) {
            return Err(format!(
                "a weight of shape {:?} in {groups} groups for a tensor of {:?}",
                weight.shape, x.shape
            ));
        }
        let outputs = own.checked_mul(groups).ok_or("it has too many outputs")?;
        if bias.is_some_and(|bias| bias.size() != outputs) {
            return Err(format!("the bias has not {outputs} numbers"));
        }
        let [ky, kx] = places.kernel;
        let apart = self.reshape(&images.value, &[n, groups, channels / groups, height, width])?;
        let weight = self.reshape(weight, &[groups, channels / groups, own, ky, kx])?;
        // Labels: image, row, column, kernel row, kernel column, group, output of the group, channel of the group.
        let labels: [&[usize]; 2] = [&[0, 5, 7, 1, 2], &[5, 7, 6, 3, 4]];
        let patches = self.contracted([&apart, &weight], labels, &[0, 1, 2, 3, 4, 5, 6])?;
        // Every patch is added where its window lies in an image that has the padding still.
        let full = |axis: usize, size: usize| (size - 1) * places.stride[axis] + places.reach(axis) + extra[axis];
        let (rows, columns) = (full(0, height), full(1, width));
        product(&[n, rows, columns, outputs]).ok_or("the result is too large")?;
        let row = columns * outputs;
        let strides = [
            rows * row,
            places.stride[0] * row,
            places.stride[1] * outputs,
            places.dilation[0] * row,
            places.dilation[1] * outputs,
            1,
        ];
        let sizes = [n, height, width, ky, kx, outputs];
        let all: Vec<Axis> = (0..6).map(|i| Axis { size: sizes[i], stride: strides[i].cast_signed() }).collect();
        let map = LinearMap::view(&all, 0, n * rows * row);
        let node = self.mapped(&patches, map, true);
        let mut y = Value { node, shape: vec![n, outputs, rows, columns], order: vec![0, 2, 3, 1] };
        for axis in 0..2 {
            let [before, after] = places.padding[axis];
            let size = y.shape[2 + axis];
            let length = size.checked_sub(before + after).filter(|&length| length > 0);
            y = self.slice(&y, 2 + axis, [before, length.ok_or("the padding removes everything")?], 1)?;
        }
        let y = self.back_from_images(&y, &images)?;
        self.with_bias(y, bias, axes)
    }
}
