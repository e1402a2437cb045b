//! The places of labels, shapes and images on a page.

use heigen_figures::{Element, Rect, Scene};

/// The box of every label, with its text.
pub(crate) fn labels(elements: &[Element]) -> Vec<(String, Rect)> {
    let found = |element: &Element| match element {
        Element::Text { label, origin, upwards: false, .. } => {
            let height = label.ascent() + label.descent();
            vec![(label.text(), Rect::new(origin.x, origin.y - label.ascent(), label.width(), height))]
        }
        Element::Text { label, origin, .. } => {
            let width = label.ascent() + label.descent();
            let rect = Rect::new(origin.x - label.ascent(), origin.y - label.width(), width, label.width());
            vec![(label.text(), rect)]
        }
        Element::Clip { elements, .. } => labels(elements),
        _ => vec![],
    };
    elements.iter().flat_map(found).collect()
}

/// The box of every cell image that is not cut.
pub(crate) fn images(scene: &Scene) -> Vec<Rect> {
    let image = |element: &Element| match element {
        Element::Image { rect, .. } => Some(*rect),
        _ => None,
    };
    scene.elements.iter().filter_map(image).collect()
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

/// No label touches another one or an image, or leaves the page.
pub(crate) fn assert_clear(scene: &Scene) {
    let labels = labels(&scene.elements);
    for (i, (text, rect)) in labels.iter().enumerate() {
        let inside = rect.x >= 0.0 && rect.y >= 0.0 && rect.right() <= scene.width && rect.bottom() <= scene.height;
        assert!(inside, "`{text}` leaves the page: {rect:?} of {} x {}", scene.width, scene.height);
        for (other, other_rect) in &labels[i + 1..] {
            assert!(!overlap(rect, other_rect), "`{text}` touches `{other}`");
        }
        for image in images(scene) {
            assert!(!overlap(rect, &image), "`{text}` touches a map or a colour bar");
        }
    }
}
