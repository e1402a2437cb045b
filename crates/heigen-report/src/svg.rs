//! The facts that a page needs about a drawing: that it is a complete SVG image, how large it is, and how small its text.

/// Width and height in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// CSS pixels in a point.
const PIXELS_IN_POINT: f64 = 4.0 / 3.0;

/// The font size in CSS pixels below which text in drawings is not to fall.
const LEGIBLE: f64 = 9.0;

/// The reason why `svg` is not one complete image; none if it is one.
pub(crate) fn problem(svg: &str) -> Option<&'static str> {
    if svg.trim().is_empty() {
        return Some("is empty");
    }
    let Some(tag) = opening_tag(svg) else {
        return Some("does not open with an <svg ...> tag");
    };
    if !svg.trim_end().ends_with("</svg>") {
        return Some("does not end with </svg>");
    }
    (attribute(tag, "xmlns") != Some("http://www.w3.org/2000/svg"))
        .then_some("has no xmlns=\"http://www.w3.org/2000/svg\", without which browsers do not show it as an image")
}

/// The size from `width` and `height`, or else from `viewBox`; nothing where neither tells.
pub(crate) fn size(svg: &str) -> Option<Size> {
    let tag = opening_tag(svg)?;
    let side = |name| attribute(tag, name).and_then(pixels);
    if let (Some(width), Some(height)) = (side("width"), side("height")) {
        return Some(Size { width, height });
    }
    view_box(tag)
}

fn view_box(tag: &str) -> Option<Size> {
    let view: Vec<f64> = attribute(tag, "viewBox")?
        .split([' ', ',', '\n', '\t'])
        .filter(|part| !part.is_empty())
        .map_while(|part| part.parse().ok())
        .collect();
    match view[..] {
        [_, _, width, height] if positive(width) && positive(height) => Some(Size { width, height }),
        _ => None,
    }
}

/// The least width in CSS pixels at which the smallest text of the drawing can be read, where the drawing says how large
/// that is: `data-smallest-text` is its font size in units of the `viewBox`. Never more than the drawing's own width.
pub(crate) fn least_width(svg: &str) -> Option<f64> {
    let tag = opening_tag(svg)?;
    let smallest: f64 = attribute(tag, "data-smallest-text")?.parse().ok().filter(|&size| positive(size))?;
    let units = view_box(tag)?.width;
    Some((LEGIBLE * units / smallest).min(size(svg)?.width))
}

fn positive(length: f64) -> bool {
    length.is_finite() && length > 0.0
}

/// A length in points, pixels or without unit.
fn pixels(length: &str) -> Option<f64> {
    let length = length.trim();
    let (number, unit) = match (length.strip_suffix("pt"), length.strip_suffix("px")) {
        (Some(number), _) => (number, PIXELS_IN_POINT),
        (_, Some(number)) => (number, 1.0),
        _ => (length, 1.0),
    };
    number.parse().ok().map(|number: f64| number * unit).filter(|&length| positive(length))
}

/// The text between `<svg` and the first `>` after it; a declaration and comments may stand before it.
fn opening_tag(svg: &str) -> Option<&str> {
    let mut rest = svg.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("<?") => "?>",
            _ if rest.starts_with("<!--") => "-->",
            _ if rest.starts_with("<!") => ">",
            _ => break,
        };
        rest = rest.split_once(end)?.1.trim_start();
    }
    let (tag, _) = rest.strip_prefix("<svg")?.split_once('>')?;
    tag.starts_with(|c: char| c.is_whitespace()).then_some(tag)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after[1..].split_once(quote)?;
        if before.trim() == name {
            return Some(value);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Size, least_width, problem, size};

    #[test]
    fn sizes_in_points_and_pixels_and_from_the_view_box() {
        let tag = |attributes: &str| format!("<?xml version='1.0'?>\n<!-- a > b -->\n<svg {attributes}><g/></svg>");
        let size = |attributes: &str| size(&tag(attributes)).map(|Size { width, height }| [width, height]);
        assert_eq!(size(r#"width="30pt" height="15pt""#), Some([40.0, 20.0]));
        assert_eq!(size("viewBox='0 0 9 9' width='30px'\n height='15'"), Some([30.0, 15.0]));
        assert_eq!(size(r#"stroke-width="1" viewBox="0,0,30 15""#), Some([30.0, 15.0]));
        for unknown in ["", "width='100%' height='5'", "viewBox='0 0 0 5'", "width='nan' height='1'", "width=3"] {
            assert_eq!(size(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_least_width_keeps_the_smallest_text_at_nine_pixels() {
        let svg = |attributes: &str| format!("<svg {attributes}><g/></svg>");
        let least = |attributes: &str| least_width(&svg(attributes));
        assert_eq!(least("width='300pt' height='9' viewBox='0 0 300 9' data-smallest-text='10'"), Some(270.0));
        // Text that is smaller than that at the drawing's own size: its own size is the best there is.
        assert_eq!(least("width='300pt' height='9' viewBox='0 0 300 9' data-smallest-text='5'"), Some(400.0));
        for unknown in ["viewBox='0 0 300 9'", "data-smallest-text='9'", "viewBox='0 0 1 1' data-smallest-text='-1'"] {
            assert_eq!(least(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_is_no_image_is_told() {
        assert_eq!(problem("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\"/></svg>\n"), None);
        for (svg, wanted) in [
            (" ", "is empty"),
            ("<html>", "does not open"),
            ("<svgs ></svgs>", "does not open"),
            ("<svg xmlns='http://www.w3.org/2000/svg' ><g>", "does not end"),
            ("<svg width='1'></svg>", "has no xmlns"),
        ] {
            assert!(problem(svg).is_some_and(|got| got.starts_with(wanted)), "{svg}: {:?}", problem(svg));
        }
    }
}
