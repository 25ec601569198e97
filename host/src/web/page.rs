//! The plain status page: lanes, plugins, counts. It reloads itself and needs no script.

use std::fmt::Write as _;

use crate::pipeline::Status;

const STYLE: &str = ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884}\
code{font-size:.9em}";

pub(super) fn render(status: &Status) -> String {
    let state = status.not_ready().unwrap_or_else(|| "ready".into());
    let mut rows = String::new();
    for lane in status.lanes.info() {
        let state = if lane.running { "running" } else { "starting" };
        write_row(&mut rows, &[&lane.partition.to_string(), state]);
    }
    let mut plugins = String::new();
    for plugin in status.keeper.plugins() {
        let about = plugin.reason.unwrap_or_else(|| plugin.digest.chars().take(12).collect());
        let name = if plugin.name.is_empty() { &plugin.file } else { &plugin.name };
        write_row(&mut plugins, &[name, &plugin.version, &plugin.kind, plugin.state.word(), &plugin.scored.to_string(), &about]);
    }
    let metrics = &status.metrics;
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <meta http-equiv=refresh content=5><title>wattdog</title><style>{STYLE}</style>\
         <main><h1>wattdog</h1><p>State: <strong>{}</strong></p>\
         <p>{} readings, {} windows closed, {} late.</p>\
         <h2>Lanes</h2><table><thead><tr><th>Partition<th>State<tbody>{rows}</table>\
         <h2>Plugins</h2><table><thead><tr><th>Name<th>Version<th>Kind<th>State<th>Readings<th>Digest or reason<tbody>{plugins}</table>\
         <p><a href=/metrics>Metrics</a> · <a href=/api/v1/status>Status</a> · <a href=/api/v1/plugins>Plugins</a></p></main>",
        escape(&state),
        metrics.readings.get(),
        metrics.windows_closed.get(),
        metrics.late.get(),
    )
}

fn write_row(out: &mut String, cells: &[&str]) {
    out.push_str("<tr>");
    for cell in cells {
        write!(out, "<td>{}", escape(cell)).expect("a String takes every write");
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
