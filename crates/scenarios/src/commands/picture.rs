//! Picture: what the drawings of several commands have in common.

use anyhow::anyhow;
use plotters::prelude::*;

/// Okabe and Ito's colours, which people who see few colours can tell apart.
pub(crate) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// Says what the picture shows, and turns its colours around for readers in the dark.
pub(crate) fn for_every_reader(svg: &str, title: &str, words: &str) -> String {
    let head = format!(
        "<title id=\"title\">{title}</title>\n<desc id=\"desc\">{words}.</desc>\n\
         <style>@media (prefers-color-scheme: dark) {{ svg {{ filter: invert(0.9) hue-rotate(180deg); }} }}</style>\n<rect class=\"ground\" "
    );
    svg.replacen("<svg ", "<svg role=\"img\" aria-labelledby=\"title desc\" ", 1)
        .replacen("<rect ", &head, 1)
}

/// Why there is no picture.
pub(crate) fn drawn<E: std::error::Error + Send + Sync>(
    error: DrawingAreaErrorKind<E>,
) -> anyhow::Error {
    anyhow!("the picture cannot be drawn: {error}")
}
