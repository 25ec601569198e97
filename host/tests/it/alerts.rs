//! Somebody is told: once, in words, over TLS, by a webhook that is away at first and by a mail server that wants a password.

use serde_json::json;

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually};
use crate::told::Told;

const BUILDING: &str = "<b>Lab</b> & \"Turm\" 🏢";

fn reading(second: u32, electricity: f64) -> Vec<u8> {
    let reading = json!({
        "timestamp": format!("2025-12-04T16:02:{second:02}Z"),
        "building": BUILDING, "floor": 4, "electricity": electricity, "water": 300.0,
    });
    reading.to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_once_by_webhook_and_by_mail() {
    let mut world = World::with_plugins("alerts", &["kmeans"]);
    let authority = world.folder.path().join("authority.pem").to_str().unwrap().to_owned();
    let receivers = Told::start("alerts/receivers.py", &["--authority", &authority]);
    let ports = &receivers.address;
    world.configure(&format!(
        "[alerts]\npage = \"https://watts.example.org\"\n\
         [alerts.webhook]\nurl = \"https://127.0.0.1:{}/hook\"\nheaders = {{ Authorization = \"Bearer t0ken\" }}\n\
         [alerts.email]\nserver = \"smtp://watt:s3cret@127.0.0.1:{}?tls=required\"\n\
         from = \"wattdog <wattdog@example.org>\"\nto = [\"energy@example.org\"]\n",
        ports["webhook"], ports["mail"]
    ));
    make_topic(&world).await;
    let running = world.start_with(&[("SSL_CERT_FILE", &authority)]);
    let feeder = Feeder::new(&world, "none");
    let told_rows = |sink: &str| {
        let line = format!("wattdog_sink_rows_total{{sink=\"{sink}\"}} ");
        world.metrics().lines().find_map(|l| l.strip_prefix(&line)?.parse::<u64>().ok()).unwrap_or(0)
    };

    feeder.send(BUILDING, Some(&reading(0, 150.0)));
    feeder.send(BUILDING, Some(&reading(1, 900.0)));
    feeder.finish();
    let alert = eventually("the webhook is back and told", async || receivers.of("by", "webhook").pop()).await;
    let mail = eventually("a mail is there", async || receivers.of("by", "mail").pop()).await;
    assert_eq!(alert["token"], "Bearer t0ken");
    let told = &alert["body"]["alerts"][0];
    assert_eq!((&told["building"], &told["severity"], &told["floor"]), (&json!(BUILDING), &json!("critical"), &json!(4)));
    assert_eq!(told["measures"]["electricity"], json!({ "value": 900.0, "unit": "kWh" }));
    assert_eq!(
        (&mail["to"], &mail["subject"]),
        (&json!(["energy@example.org"]), &json!(format!("critical: {BUILDING}, floor 4, at 2025-12-04 16:02:01 UTC")))
    );
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("electricity 900.0 kWh, water 300.0 L"), "{text}");
    assert!(text.contains("https://watts.example.org/#/building/%3Cb%3ELab"), "{text}");

    // More of the same is stored, and nobody is told.
    for second in 2..5 {
        feeder.send(BUILDING, Some(&reading(second, 900.0)));
    }
    feeder.finish();
    for sink in ["webhook", "email"] {
        eventually("all four findings came by", async || (told_rows(sink) >= 4).then_some(())).await;
    }
    assert_eq!((receivers.of("by", "webhook").len(), receivers.of("by", "mail").len()), (1, 1));
    running.stop();
}
