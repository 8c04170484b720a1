//! Plot: growth over the smallest size, on two logarithmic axes. A line as steep as the diagonal
//! grows as the number of namespaces does.

use anyhow::{Context, Result};
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::*;

use super::Row;
use crate::commands::picture::{COLOURS, drawn, for_every_reader};

const SIZE: (u32, u32) = (880, 480);
const TITLE: &str = "Growth over the smallest size";
type Figure = (&'static str, fn(&Row) -> f64);
const FIGURES: [Figure; 7] = [
    ("memory", |row| row.memory_mb),
    ("first write", |row| row.first_write),
    ("all written", |row| row.all_written),
    ("processor time", |row| row.processor),
    ("edit of 500", |row| row.edit),
    ("new, idle, p99", |row| row.placement_idle.p99_ms),
    ("new beside a backfill, p99", |row| row.placement_busy.p99_ms),
];

/// The picture as SVG.
pub(super) fn growth(rows: &[Row]) -> Result<String> {
    let (first, last) = rows.first().zip(rows.last()).context("nothing was measured")?;
    let sizes =
        first.namespaces as f64..(last.namespaces as f64).max(first.namespaces as f64 * 2.0);
    let most = sizes.end / sizes.start;
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(drawn)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(TITLE, ("sans-serif", 18))
            .margin(12)
            // Half of the last number stands beyond the axis.
            .margin_right(32)
            .x_label_area_size(40)
            .y_label_area_size(50)
            .build_cartesian_2d(sizes.clone().log_scale(), (0.3..most * 1.5).log_scale())
            .map_err(drawn)?;
        mesh(&mut chart)?;
        for ((name, figure), colour) in FIGURES.iter().zip(COLOURS) {
            let points: Vec<(f64, f64)> = rows
                .iter()
                .map(|row| (row.namespaces as f64, figure(row) / figure(first)))
                .collect();
            let line = LineSeries::new(points, colour.stroke_width(2)).point_size(3);
            let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2));
            chart.draw_series(line).map_err(drawn)?.label(*name).legend(key);
        }
        let diagonal = [(sizes.start, 1.0), (sizes.end, most)];
        let grey = RGBColor(170, 170, 170);
        let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], grey);
        chart
            .draw_series(LineSeries::new(diagonal, grey))
            .map_err(drawn)?
            .label("as the namespaces")
            .legend(key);
        let labels = chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw();
        labels.map_err(drawn)?;
        area.present().map_err(drawn)?;
    }
    Ok(for_every_reader(&text, TITLE, &describe(rows)))
}

/// What the picture shows.
fn describe(rows: &[Row]) -> String {
    let sizes: Vec<String> = rows.iter().map(|row| row.namespaces.to_string()).collect();
    let names: Vec<&str> = FIGURES.iter().map(|(name, _)| *name).collect();
    format!(
        "{} at {} namespaces, each over its value at the smallest",
        names.join(", "),
        sizes.join(", ")
    )
}

fn mesh<D: DrawingBackend, X, Y>(chart: &mut ChartContext<'_, D, Cartesian2d<X, Y>>) -> Result<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    D::ErrorType: 'static,
{
    let mut mesh = chart.configure_mesh();
    mesh.x_desc("namespaces")
        .y_desc("times the smallest")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y}"));
    mesh.draw().map_err(drawn)
}
