//! Image sets: the choice of images that an experiment asks for.

use super::{DataError, Dataset, permute_image_labels};
use crate::config::ImageArgs;

/// Images with one label each, as the published files hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The pixels, image after image, [N, channels, height, width].
    pub pixels: Vec<u8>,
    /// The class of every image, 0 to 9.
    pub labels: Vec<u8>,
    /// The channels, height and width of an image.
    pub shape: [usize; 3],
}

impl Images {
    /// N, the number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images with rows and columns exchanged, [N, channels, width, height]: the reference swaps axes 1 and 3 of
    /// CIFAR-10's [N, height, width, channels] and works with the result.
    #[must_use]
    pub fn transposed(mut self) -> Self {
        let [channels, height, width] = self.shape;
        let before = std::mem::take(&mut self.pixels);
        self.pixels.reserve_exact(before.len());
        for plane in before.chunks_exact((height * width).max(1)) {
            self.pixels.extend((0..width).flat_map(|x| (0..height).map(move |y| plane[y * width + x])));
        }
        self.shape = [channels, width, height];
        self
    }

    /// The number of images of each class, 0 to 9.
    pub fn per_class(&self) -> [usize; 10] {
        let mut counts = [0; 10];
        for &y in &self.labels {
            if let Some(n) = counts.get_mut(usize::from(y)) {
                *n += 1;
            }
        }
        counts
    }

    /// The samples that `args` selects: the first `num_samples_per_cls` images of each class of `class_list` (all
    /// images where there are fewer), class by class in that order. Labels are renumbered by their position in the
    /// list, then permuted by `torch.randperm` if `random` is set. Pixels are raw, 0 to 255.
    ///
    /// # Shapes
    /// [N, channels * height * width].
    ///
    /// # Errors
    /// [`DataError::NoImages`] for a class without images.
    pub fn choose(&self, args: &ImageArgs, source: &str) -> Result<Dataset, DataError> {
        let size = self.shape.iter().product::<usize>();
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for (place, &class) in args.class_list.iter().enumerate() {
            let of_class = self.labels.iter().enumerate().filter(|&(_, &y)| usize::from(y) == class);
            let before = labels.len();
            for (n, _) in of_class.take(args.num_samples_per_cls) {
                features.extend(self.pixels[n * size..(n + 1) * size].iter().map(|&pixel| f32::from(pixel)));
                labels.push(place);
            }
            if labels.len() == before {
                return Err(DataError::NoImages { class, from: source.to_owned() });
            }
        }
        if args.random {
            permute_image_labels(&mut labels, args.seed);
        }
        let (shape, n_classes) = (self.shape.to_vec(), args.class_list.len());
        Ok(Dataset { features, shape, labels, others: None, n_classes, source: source.to_owned() })
    }
}
