//! A real Prometheus scrapes a host, and every expression of dashboards, rules and alerts is of metrics that a host has.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use wattdog::web::client;

use crate::deployed;
use crate::feeder::make_topic;
use crate::servers::{World, eventually, variable, workspace};

/// What a host tells of only where its input goes through a topic of its own.
const REPARTITION: &str = "wattdog_repartition_lag";
/// What a host tells of only after the first reading of a lane.
const EVENT_TIME: &str = "wattdog_watermark_seconds";

/// The host's own, however Prometheus reads them.
fn metrics_in(expression: &str) -> impl Iterator<Item = &str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    expression.split(word).filter(|name| name.starts_with("wattdog_"))
}

/// Metrics in the tables and paragraphs of operate.md.
fn metrics_of_the_documents() -> BTreeSet<String> {
    let text = std::fs::read_to_string(workspace().join("host/docs/operate.md")).unwrap();
    let code = text.split('`').skip(1).step_by(2);
    let names = code.filter(|code| code.starts_with("wattdog_")).map(|code| code.split('{').next().unwrap_or(code));
    names.map(|name| family(name).to_owned()).collect()
}

/// Without what the format adds to the name of a counter or histogram.
fn family(metric: &str) -> &str {
    ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric)
}

struct Prometheus {
    process: Child,
    address: String,
}

impl Prometheus {
    fn start(world: &World) -> Self {
        let folder = world.folder.path();
        let config = format!(
            "global: {{ scrape_interval: 1s }}\n\
             scrape_configs: [{{ job_name: wattdog, static_configs: [{{ targets: ['{}'] }}] }}]\n",
            world.page().trim_start_matches("http://")
        );
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::new(programs().join("prometheus"));
        command.arg(format!("--config.file={}", folder.join("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("prometheus").display()));
        command.arg(format!("--web.listen-address={address}")).stdout(Stdio::null()).stderr(Stdio::null());
        Self { process: command.spawn().unwrap(), address }
    }

    /// How many series an expression has now.
    fn series(&self, expression: &str) -> Result<usize, String> {
        let path = format!("/api/v1/query?query={}", utf8_percent_encode(expression, NON_ALPHANUMERIC));
        let answer = client::get(&self.address, &path, None).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        Ok(answer["data"]["result"].as_array().map_or(0, Vec::len))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn programs() -> PathBuf {
    variable("WATTDOG_TEST_PROMETHEUS").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_has_what_dashboards_and_alerts_ask_for() {
    let world = World::new("monitoring");
    world.replay(&world.readings(3_000));
    let _running = world.start();
    world.replay(&world.broken_line());
    eventually("lanes, stores and dead letters are told of", async || {
        let told = ["wattdog_consumer_lag{", "wattdog_sink_rows_total{", "wattdog_sink_lag{", "wattdog_dead_letters_total{"];
        (world.lanes()? > 0 && told.iter().all(|name| world.metrics().contains(name))).then_some(())
    })
    .await;
    let exposed = world.metrics();
    let known: BTreeSet<&str> = exposed.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    // Rules of the tests have series of their own.
    let expressions: Vec<_> = deployed::texts("expr").into_iter().map(|text| text.replace("$__rate_interval", "1m")).collect();
    for expression in &expressions {
        for metric in metrics_in(expression) {
            let is_known = [metric, family(metric)].iter().any(|name| known.contains(name) || *name == REPARTITION);
            assert!(is_known, "no host has {metric}: {expression}");
        }
    }

    let prometheus = Prometheus::start(&world);
    eventually("Prometheus reads the host", async || (prometheus.series("wattdog_readings_total") == Ok(1)).then_some(())).await;
    for expression in &expressions {
        let expression = expression.replace("$instance", ".*").replace("$__range", "1h").replace("$__interval", "1m");
        prometheus.series(&expression).unwrap_or_else(|error| panic!("{error}: {expression}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_has_read_nothing_has_every_metric_of_the_documents() {
    let world = World::new("metrics_at_0");
    make_topic(&world).await;
    let _running = world.start();
    let documented = metrics_of_the_documents();
    assert!(documented.len() > 25, "{documented:?}");
    let is_conditional = |name: &String| [REPARTITION, EVENT_TIME].contains(&name.as_str());
    let exposed = eventually("lanes run and sinks know how far they are", async || {
        let exposed = world.told("/metrics")?;
        let told = ["wattdog_ready 1", "wattdog_sink_lag{", "wattdog_consumer_lag{", "wattdog_outbox_bytes{"];
        told.iter().all(|series| exposed.contains(series)).then_some(exposed)
    })
    .await;
    let has = |start: &str| exposed.lines().any(|line| line.starts_with(start) && !line.starts_with('#'));
    let missing: Vec<_> = documented.iter().filter(|name| !is_conditional(name) && !has(name)).collect();
    assert!(missing.is_empty(), "not there: {missing:?} in\n{exposed}");
    for series in [
        r#"rejects_total{reason="range"} 0"#,
        r#"rejects_total{reason="late"} 0"#,
        r#"dead_letters_total{reason="refused"} 0"#,
        r#"dead_letters_total{reason="quarantined"} 0"#,
        r#"findings_total{plugin="kmeans",severity="critical"} 0"#,
        r#"plugin_traps_total{plugin="kmeans",kind="deadline"} 0"#,
        r#"plugin_swaps_total{plugin="kmeans"} 0"#,
        r#"sink_rows_total{sink="postgres"} 0"#,
        r#"sink_deleted_rows_total{sink="mongodb"} 0"#,
        r#"sink_away_seconds{sink="mongodb"} "#,
    ] {
        assert!(has(&format!("wattdog_{series}")), "no {series} in\n{exposed}");
    }
    assert!(!exposed.contains(r#"wattdog_rejects_total{reason="refused"}"#), "a refused row is no rejected message");
}

#[test]
fn rules_fire_when_they_should() {
    let rules = deployed::folder().join("prometheus");
    for arguments in [&["check", "config", "prometheus.yml"][..], &["test", "rules", "rules_test.yml"]] {
        let output = Command::new(programs().join("promtool")).args(arguments).current_dir(&rules).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "promtool {arguments:?}: {said}");
    }
}
