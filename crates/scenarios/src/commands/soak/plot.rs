//! Plot: each figure over time, one below the other. Grey lines are failovers.

use anyhow::{Context, Result};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::fleet::NAMES;
use super::record::{Row, State, series};
use crate::commands::picture::{COLOURS, drawn, for_every_reader};

const SIZE: (u32, u32) = (880, 900);
const GREY: RGBColor = RGBColor(190, 190, 190);

/// A figure of each controller: its name, and what it is.
type Figure = (&'static str, fn(&State) -> f64);
/// A line: its name and its points.
type Line = (String, Vec<(f64, f64)>);
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The picture as SVG.
pub(super) fn draw(rows: &[Row]) -> Result<String> {
    let end = rows.last().context("nothing was measured")?.at;
    let figures: [Figure; 2] = [
        ("resident memory, MiB", |state| state.memory),
        ("descriptors", |state| state.descriptors),
    ];
    let mut panels: Vec<(&str, Vec<Line>)> = figures
        .map(|(title, figure)| {
            let lines = NAMES.map(|name| (name.to_owned(), series(rows, name, figure)));
            (title, lines.to_vec())
        })
        .to_vec();
    panels.push(("until a new namespace is ready, s", waits(rows)));
    panels.push(("writes of namespaces", writes(rows)));
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(drawn)?;
        let parts = area.split_evenly((panels.len(), 1));
        for ((title, lines), part) in panels.iter().zip(parts) {
            panel(&part, title, lines, (end, &failovers(rows)))?;
        }
        area.present().map_err(drawn)?;
    }
    let titles: Vec<&str> = panels.iter().map(|(title, _)| *title).collect();
    let words = format!("{} over {end:.0} seconds, of two controllers", titles.join(", "));
    Ok(for_every_reader(&text, "A soak", &words))
}

/// The median and the longest of each sample.
fn waits(rows: &[Row]) -> Vec<Line> {
    let of = |pick: fn(&[f64]) -> Option<f64>| {
        rows.iter().filter_map(|row| Some((row.at, pick(&row.ready)?))).collect()
    };
    let median = of(|all| all.get(all.len() / 2).copied());
    vec![
        ("half of them".to_owned(), median),
        ("the longest".to_owned(), of(|all| all.last().copied())),
    ]
}

/// Those that were done, and those that were necessary.
fn writes(rows: &[Row]) -> Vec<Line> {
    let mut latest = [0.0; NAMES.len()];
    let done = rows.iter().map(|row| {
        for (name, latest) in NAMES.iter().zip(&mut latest) {
            let state = row.controllers.iter().find(|state| state.name == *name);
            *latest = state.map_or(*latest, |state| state.writes);
        }
        (row.at, latest.iter().sum::<f64>())
    });
    let done = done.collect();
    let needed = rows.iter().map(|row| (row.at, row.churn.needed as f64)).collect();
    vec![("done".to_owned(), done), ("necessary".to_owned(), needed)]
}

/// When there was one more.
fn failovers(rows: &[Row]) -> Vec<f64> {
    let count = |row: &Row| row.kills + row.freezes;
    let pairs = rows.iter().zip(rows.iter().skip(1));
    pairs.filter(|(one, next)| count(one) != count(next)).map(|(_, next)| next.at).collect()
}

fn panel(
    area: &Area<'_>,
    title: &str,
    lines: &[Line],
    (end, failovers): (f64, &[f64]),
) -> Result<()> {
    let most =
        lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).fold(0.0, f64::max);
    let most = if most > 0.0 { most * 1.15 } else { 1.0 };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .margin_right(24)
        .x_label_area_size(28)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..most)
        .map_err(drawn)?;
    let mut mesh = chart.configure_mesh();
    mesh.x_label_formatter(&|x| format!("{x:.0} s")).disable_x_mesh().light_line_style(WHITE);
    mesh.draw().map_err(drawn)?;
    let marks = failovers.iter().map(|at| PathElement::new([(*at, 0.0), (*at, most)], GREY));
    chart.draw_series(marks).map_err(drawn)?;
    for ((name, points), colour) in lines.iter().zip(COLOURS) {
        let line = LineSeries::new(points.iter().copied(), colour.stroke_width(2));
        let key = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2));
        chart.draw_series(line).map_err(drawn)?.label(name).legend(key);
    }
    let labels = chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .draw();
    labels.map_err(drawn)
}
