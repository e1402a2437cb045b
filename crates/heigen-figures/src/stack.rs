//! Several drawings on one page, one below the other.

use crate::geometry::{Point, Rect};
use crate::scene::{Element, Scene};

/// The drawings below each other from the first down, at the left, on a page with its own title.
pub fn stacked(title: impl Into<String>, scenes: Vec<Scene>) -> Scene {
    let width = scenes.iter().map(|scene| scene.width).fold(0.0, f64::max);
    let height = scenes.iter().map(|scene| scene.height).sum();
    let mut page = Scene::new(width, height, title);
    let mut top = 0.0;
    for scene in scenes {
        page.extend(scene.elements.into_iter().map(|element| lowered(element, top)));
        top += scene.height;
    }
    page
}

/// The element so much further down.
fn lowered(element: Element, by: f64) -> Element {
    let point = |p: Point| Point::new(p.x, p.y + by);
    let rect = |r: Rect| Rect { y: r.y + by, ..r };
    match element {
        Element::Shapes { paths, style } => {
            Element::Shapes { paths: paths.iter().map(|path| path.map(point)).collect(), style }
        }
        Element::Text { label, origin, upwards, color } => {
            Element::Text { label, origin: point(origin), upwards, color }
        }
        Element::Image { raster, rect: place } => Element::Image { raster, rect: rect(place) },
        Element::Clip { rect: place, elements } => Element::Clip {
            rect: rect(place),
            elements: elements.into_iter().map(|element| lowered(element, by)).collect(),
        },
    }
}
