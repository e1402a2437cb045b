//! From parsed labels to placed glyphs.

use super::parse::{Class, Node};
use super::{Label, Placed};
use crate::error::FigureError;
use crate::fonts::{self, Face};
use crate::geometry::Point;

/// Size of an index or exponent, against its base; not below `SMALLEST` of the label's size.
const SCRIPT_SIZE: f64 = 0.7;
const SMALLEST: f64 = 0.5;
/// How far an index sinks, in em of its base; further where an exponent stands above it.
const LOWER: f64 = 0.19;
const LOWER_OF_BOTH: f64 = 0.25;
/// How far an exponent rises, in em of its base.
const UPPER: f64 = 0.37;
/// Height that marks such as the circumflex are drawn for, in em.
const X_HEIGHT: f64 = 0.46;
/// Slant of the italic face: marks above it move to the right by this part of the height.
const SLANT: f64 = 0.18;

/// Sets `nodes`; text outside of mathematics in `face`.
pub(super) fn set(source: &str, nodes: &[Node], face: Face, size: f64) -> Result<Label, FigureError> {
    if !(size.is_finite() && size > 0.0) {
        return Err(FigureError::value(
            format!("the font size of label `{source}`"),
            size,
            "a positive number of points",
        ));
    }
    let mut setter = Setter { source, face, full: size, glyphs: Vec::new(), ascent: 0.0, descent: 0.0 };
    let width = setter.line(nodes, Point::default(), size)?;
    Ok(Label { glyphs: setter.glyphs, size, width, ascent: setter.ascent, descent: setter.descent })
}

struct Setter<'a> {
    source: &'a str,
    face: Face,
    full: f64,
    glyphs: Vec<Placed>,
    ascent: f64,
    descent: f64,
}

impl Setter<'_> {
    /// Sets pieces one after the other from `at`; returns the width.
    fn line(&mut self, nodes: &[Node], at: Point, size: f64) -> Result<f64, FigureError> {
        let mut x = 0.0;
        let mut before = None;
        for (i, node) in nodes.iter().enumerate() {
            let class = effective_class(node, before, nodes.get(i + 1));
            if let (Some(class), Some(before)) = (class, before)
                && size >= self.full
            {
                x += size * space_between(before, class);
            }
            x += self.node(node, Point::new(at.x + x, at.y), size)?;
            // Text ends a formula: what comes after it starts anew.
            before = if matches!(node, Node::Text(_)) { None } else { class.or(before) };
        }
        Ok(x)
    }

    fn node(&mut self, node: &Node, at: Point, size: f64) -> Result<f64, FigureError> {
        match node {
            Node::Text(character) => self.glyph(*character, self.face, at, size),
            Node::Symbol { character, italic, .. } => {
                self.glyph(*character, if *italic { Face::Italic } else { Face::Upright }, at, size)
            }
            Node::Space(em) => Ok(em * size),
            Node::Group(inner) => self.line(inner, at, size),
            Node::Script { base, lower, upper } => {
                let first = self.glyphs.len();
                let width = self.node(base, at, size)?;
                let overhang = self.overhang(first, at.x + width)?;
                let small = (size * SCRIPT_SIZE).max(self.full * SMALLEST);
                let sink = if upper.is_some() { LOWER_OF_BOTH } else { LOWER };
                let mut scripts: f64 = 0.0;
                if let Some(lower) = lower {
                    let place = Point::new(at.x + width, at.y + sink * size);
                    scripts = self.node(lower, place, small)?;
                }
                if let Some(upper) = upper {
                    let place = Point::new(at.x + width + overhang, at.y - UPPER * size);
                    scripts = scripts.max(overhang + self.node(upper, place, small)?);
                }
                Ok(width + scripts + 0.03 * size)
            }
            Node::Accent { mark, base } => {
                let first = self.glyphs.len();
                let width = self.node(base, at, size)?;
                self.accent(*mark, first, size)?;
                Ok(width)
            }
        }
    }

    /// Puts `mark` over the glyphs from `first` on.
    fn accent(&mut self, mark: char, first: usize, size: f64) -> Result<(), FigureError> {
        let (mut left, mut right, mut top, mut slant) = (f64::INFINITY, f64::NEG_INFINITY, X_HEIGHT * size, 0.0);
        let Some(baseline) = self.glyphs.get(first).map(|g| g.at.y) else { return Ok(()) };
        for glyph in &self.glyphs[first..] {
            let ink = fonts::metrics(glyph.face, glyph.id)?.ink;
            left = left.min(glyph.at.x + ink[0] * glyph.size);
            right = right.max(glyph.at.x + ink[1] * glyph.size);
            top = top.max(baseline - glyph.at.y + ink[3] * glyph.size);
            if glyph.face == Face::Italic {
                slant = SLANT;
            }
        }
        let Some(id) = fonts::glyph(Face::Upright, mark)? else { return Err(self.missing(mark, Face::Upright)) };
        let ink = fonts::metrics(Face::Upright, id)?.ink;
        let raise = top - X_HEIGHT * size;
        let lean = slant * (top - 0.25 * size) * 0.5;
        let x = f64::midpoint(left, right) + lean - size * f64::midpoint(ink[0], ink[1]);
        self.glyph(mark, Face::Upright, Point::new(x, baseline - raise), size)?;
        Ok(())
    }

    /// How far the ink of the glyphs from `first` on reaches beyond `x`.
    fn overhang(&self, first: usize, x: f64) -> Result<f64, FigureError> {
        let mut overhang: f64 = 0.0;
        for glyph in &self.glyphs[first..] {
            overhang = overhang.max(glyph.at.x + fonts::metrics(glyph.face, glyph.id)?.ink[1] * glyph.size - x);
        }
        Ok(overhang)
    }

    fn glyph(&mut self, character: char, face: Face, at: Point, size: f64) -> Result<f64, FigureError> {
        let Some(id) = fonts::glyph(face, character)? else { return Err(self.missing(character, face)) };
        let metrics = fonts::metrics(face, id)?;
        self.ascent = self.ascent.max(metrics.ink[3] * size - at.y);
        self.descent = self.descent.max(at.y - metrics.ink[2] * size);
        self.glyphs.push(Placed { character, face, id, at, size });
        Ok(metrics.advance * size)
    }

    fn missing(&self, character: char, face: Face) -> FigureError {
        FigureError::MissingGlyph { label: self.source.to_owned(), character, face: face.name() }
    }
}

/// The class a piece acts as: a sign with nothing to its left or right is no operation. Spaces and text have none.
fn effective_class(node: &Node, before: Option<Class>, after: Option<&Node>) -> Option<Class> {
    match node {
        Node::Space(_) | Node::Text(_) => None,
        Node::Symbol { class: Class::Binary, .. } => {
            let operand = matches!(before, Some(Class::Ordinary)) && after.is_some();
            Some(if operand { Class::Binary } else { Class::Ordinary })
        }
        Node::Symbol { class, .. } => Some(*class),
        _ => Some(Class::Ordinary),
    }
}

/// The space that TeX sets between symbols of two classes, in em.
fn space_between(left: Class, right: Class) -> f64 {
    match (left, right) {
        (Class::Relation, Class::Relation) | (Class::Open, _) => 0.0,
        (Class::Relation, _) | (_, Class::Relation) => 5.0 / 18.0,
        (Class::Binary, _) | (_, Class::Binary) => 4.0 / 18.0,
        (Class::Punctuation, _) => 3.0 / 18.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(source: &str) -> Result<f64, FigureError> {
        Ok(Label::tex(source, 10.0)?.width())
    }

    #[test]
    fn digits_are_half_an_em_wide_and_widths_add_up() -> Result<(), FigureError> {
        assert!((width("154")? - 15.0).abs() < 1e-9);
        assert!((width("$154$")? - 15.0).abs() < 1e-9);
        assert!((Label::tex("154", 20.0)?.width() - 30.0).abs() < 1e-9);
        assert_eq!(width("")?, 0.0);
        Ok(())
    }

    #[test]
    fn indices_are_smaller_and_lower_exponents_higher() -> Result<(), FigureError> {
        let label = Label::tex("$v_1$", 10.0)?;
        let [v, one] = label.glyphs.as_slice() else { panic!("two glyphs expected") };
        assert_eq!((v.face, one.face), (Face::Italic, Face::Upright));
        assert!(one.size < v.size && one.at.y > 0.0 && one.at.x > v.at.x);
        assert!(Label::tex("$10^{-2}$", 10.0)?.glyphs[3].at.y < 0.0);
        assert!(width("$v_1$")? < width("$v1$")?);
        Ok(())
    }

    #[test]
    fn signs_are_set_apart_only_between_operands() -> Result<(), FigureError> {
        let minus = width("$-$")?;
        assert!((width("$-1$")? - minus - 5.0).abs() < 1e-9);
        assert!((width("$1-1$")? - minus - 10.0 - 2.0 * 10.0 * 4.0 / 18.0).abs() < 1e-9);
        assert!((width("$1$ $-1$")? - width("$1$ ")? - minus - 5.0).abs() < 1e-9);
        assert!((width("$(-1)$")? - width("$()$")? - minus - 5.0).abs() < 1e-9);
        Ok(())
    }

    #[test]
    fn an_accent_adds_no_width_and_stands_above() -> Result<(), FigureError> {
        assert_eq!(width(r"$\hat\theta$")?, width(r"$\theta$")?);
        assert!(Label::tex(r"$\hat\theta$", 10.0)?.ascent() > Label::tex(r"$\theta$", 10.0)?.ascent());
        Ok(())
    }

    #[test]
    fn a_missing_glyph_is_an_error_not_a_box() {
        let error = Label::tex("日", 10.0).map_err(|e| e.to_string());
        let text = "label `日`: STIXGeneral Regular has no glyph for `日` (U+65E5); use another character";
        assert_eq!(error, Err(text.to_owned()));
        assert!(matches!(Label::plain("日", Face::Italic, 9.0), Err(FigureError::MissingGlyph { .. })));
    }

    #[test]
    fn every_named_symbol_has_a_glyph() -> Result<(), FigureError> {
        for letter in 'A'..='Z' {
            Label::tex(&format!(r"$\mathcal{{{letter}}}$"), 10.0)?;
        }
        for source in [
            r"$\alpha\beta\gamma\delta\epsilon\varepsilon\zeta\eta\theta\kappa\lambda\mu\nu\xi\pi\rho\sigma\tau\phi$",
            r"$\varphi\chi\psi\omega\Gamma\Delta\Theta\Lambda\Xi\Pi\Sigma\Phi\Psi\Omega\hat x\tilde x\bar x\dot x$",
            r"$\times\cdot\pm\leq\geq\neq\approx\sim\propto\in\to\infty\nabla\partial\ell\langle\rangle\ldots\|\{\}$",
            r"$\_\%\$\#\&\,\:\;\ \quad * ' \mathrm{tr} \text{of it} [a], (b) < c > d$",
        ] {
            Label::tex(source, 10.0)?;
        }
        Ok(())
    }

    #[test]
    fn sizes_must_be_positive() {
        for size in [0.0, -1.0, f64::NAN] {
            assert!(matches!(Label::tex("a", size), Err(FigureError::Value { .. })));
        }
    }
}
