//! Colours and colour maps.

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Black.
    pub const BLACK: Self = Self(0, 0, 0);
    /// White.
    pub const WHITE: Self = Self(255, 255, 255);

    /// The colour of a class: Okabe and Ito's eight, which the colour-blind can tell apart, then four more. None beyond.
    pub fn for_class(class: usize) -> Option<Self> {
        const COLORS: [Rgb; 12] = [
            Rgb(0, 114, 178),
            Rgb(213, 94, 0),
            Rgb(0, 158, 115),
            Rgb(230, 159, 0),
            Rgb(204, 121, 167),
            Rgb(86, 180, 233),
            Rgb(0, 0, 0),
            Rgb(240, 228, 66),
            Rgb(136, 34, 85),
            Rgb(153, 153, 51),
            Rgb(68, 170, 153),
            Rgb(150, 150, 150),
        ];
        COLORS.get(class).copied()
    }

    /// The colour as `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// The colour a fraction `t` of the way to `other`.
    fn toward(self, other: Self, t: f64) -> Self {
        let mix = |a: u8, b: u8| (f64::from(a) + t * (f64::from(b) - f64::from(a))).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// A colour map: fractions from 0 to 1 to colours, linear in sRGB between its stops.
///
/// Values become fractions through a [`Scale`](crate::Scale), so that one map serves linear, logarithmic and symmetric
/// logarithmic colour axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColorMap {
    stops: &'static [(f64, Rgb)],
}

impl ColorMap {
    /// Diverging, for alignments from -1 to 1: orange, white at 0, violet.
    pub const ALIGNMENT: Self =
        Self { stops: &[(0.0, Rgb(241, 170, 42)), (0.5, Rgb::WHITE), (1.0, Rgb(142, 145, 227))] };

    /// Diverging, for cosines on a symmetric logarithmic scale: dark red, white at 0, dark blue.
    pub const COHERENCE: Self = Self {
        stops: &[
            (0.0, Rgb(103, 0, 31)),
            (0.125, Rgb(178, 24, 43)),
            (0.25, Rgb(214, 96, 77)),
            (0.375, Rgb(244, 165, 130)),
            (0.5, Rgb(250, 250, 250)),
            (0.625, Rgb(146, 197, 222)),
            (0.75, Rgb(67, 147, 195)),
            (0.875, Rgb(33, 102, 172)),
            (1.0, Rgb(5, 48, 97)),
        ],
    };
    /// From low to high, for losses: blue, grey, red, about equally light in steps.
    pub const LOSS: Self = Self {
        stops: &[
            (0.0, Rgb(59, 76, 192)),
            (0.25, Rgb(141, 176, 254)),
            (0.5, Rgb(221, 221, 221)),
            (0.75, Rgb(244, 152, 122)),
            (1.0, Rgb(180, 4, 38)),
        ],
    };

    /// A map through `stops`: pairs of a fraction and a colour, fractions ascending from 0 to 1.
    pub const fn new(stops: &'static [(f64, Rgb)]) -> Self {
        Self { stops }
    }

    /// The colour at `fraction`; fractions outside of 0..1 take the colour of the nearer end.
    ///
    /// ```
    /// use heigen_figures::{ColorMap, Rgb};
    /// assert_eq!(ColorMap::ALIGNMENT.color(0.5), Rgb::WHITE);
    /// ```
    pub fn color(&self, fraction: f64) -> Rgb {
        let after = self.stops.iter().position(|&(at, _)| fraction <= at);
        match after {
            Some(0) => self.stops[0].1,
            Some(i) => {
                let ((a, from), (b, to)) = (self.stops[i - 1], self.stops[i]);
                from.toward(to, (fraction - a) / (b - a))
            }
            None => self.stops.last().map_or(Rgb::WHITE, |&(_, color)| color),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_is_orange_white_violet_and_clamped() {
        let map = ColorMap::ALIGNMENT;
        assert_eq!(map.color(0.0), Rgb(241, 170, 42));
        assert_eq!(map.color(-3.0), map.color(0.0));
        assert_eq!(map.color(0.5), Rgb::WHITE);
        assert_eq!(map.color(1.0), Rgb(142, 145, 227));
        assert_eq!(map.color(7.0), map.color(1.0));
        assert_eq!(map.color(0.75), Rgb(199, 200, 241));
    }

    #[test]
    fn hex_has_two_digits_per_channel() {
        assert_eq!(Rgb(0, 10, 255).hex(), "#000aff");
    }
}
