//! `[alerts.webhook]`: a POST of JSON.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::words::Words;
use super::{Alert, Channel};
use crate::sink::SinkError;

/// Of a message to a chat; more are on the page.
const MOST_IN_CHAT: usize = 20;
/// Of an answer that refuses, in the error.
const MOST_WORDS: usize = 200;

/// Settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to. Chats put a secret into the path, so it is never printed.
    #[serde(serialize_with = "masked_path")]
    pub url: String,
    /// What the receiver understands.
    #[serde(default)]
    pub format: Format,
    /// Sent along, as `Authorization`; values are never printed.
    #[serde(default, serialize_with = "masked_values")]
    pub headers: BTreeMap<String, String>,
}

/// `[alerts.webhook] format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `{"alerts": [...]}`, each with the names of the row of the worst finding.
    #[default]
    Json,
    /// `{"text": "..."}`, as Slack, Mattermost and Rocket.Chat read it.
    Slack,
}

impl Config {
    pub(super) fn validate(&self) -> Result<(), String> {
        self.parsed().map(|_| ())
    }

    fn parsed(&self) -> Result<(Url, HeaderMap), String> {
        let url = Url::parse(&self.url).map_err(|error| format!("`alerts.webhook.url` is no address: {error}"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!("`alerts.webhook.url` begins with `{}:`; write `https:` or `http:`", url.scheme()));
        }
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for (name, value) in &self.headers {
            let bad = |what| format!("`alerts.webhook.headers.{name}`: the {what} cannot stand in an HTTP header");
            let mut value = HeaderValue::from_str(value).map_err(|_| bad("value"))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("name"))?, value);
        }
        Ok((url, headers))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("format", &self.format).finish_non_exhaustive()
    }
}

fn masked_path<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let host = Url::parse(url).ok().and_then(|url| Some(format!("{}://{}/***", url.scheme(), url.host_str()?)));
    serializer.serialize_str(host.as_deref().unwrap_or("***"))
}

fn masked_values<S: Serializer>(headers: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name, "***")))
}

/// Posts alerts.
pub struct Webhook {
    client: Client,
    url: Url,
    format: Format,
    words: Words,
}

impl Webhook {
    /// Measures are (name, unit).
    ///
    /// # Errors
    /// When the address or a header is none, or the system's certificates cannot be read.
    pub fn new(config: &Config, alerts: &super::Config, measures: Vec<(String, String)>) -> Result<Self, String> {
        let (url, headers) = config.parsed()?;
        crate::tls::prepare();
        let client = Client::builder()
            .default_headers(headers)
            .redirect(Policy::none())
            .build()
            .map_err(|error| format!("cannot prepare `alerts.webhook`: {error}"))?;
        Ok(Self { client, url, format: config.format, words: Words::new(alerts, measures) })
    }

    fn body(&self, alerts: &[Alert]) -> Value {
        match self.format {
            Format::Json => json!({ "alerts": alerts.iter().map(|alert| self.json(alert)).collect::<Vec<_>>() }),
            Format::Slack => json!({ "text": self.chat(alerts) }),
        }
    }

    fn json(&self, alert: &Alert) -> Value {
        let worst = &alert.worst;
        let mut fields = Map::new();
        for ((name, unit), value) in self.words.measures().iter().zip(&worst.measures) {
            fields.insert(name.clone(), json!({ "value": value, "unit": unit }));
        }
        json!({
            "id": worst.id,
            "text": self.words.headline(alert),
            "building": worst.building,
            "floor": worst.floor,
            "meter": worst.meter,
            "detected_at": worst.detected_at.to_string(),
            "severity": worst.severity,
            "score": worst.score,
            "reason": worst.reason,
            "measures": fields,
            "detector": worst.detector,
            "detector_version": worst.detector_version,
            "findings": alert.findings,
            "first_detected_at": alert.first.to_string(),
            "last_detected_at": alert.last.to_string(),
            "kept_quiet": alert.kept_quiet,
            "link": self.words.link(alert),
        })
    }

    fn chat(&self, alerts: &[Alert]) -> String {
        let mut text: Vec<_> = alerts
            .iter()
            .take(MOST_IN_CHAT)
            .map(|alert| escaped(&format!("{}\n{}", self.words.headline(alert), self.words.details(alert))))
            .collect();
        if alerts.len() > MOST_IN_CHAT {
            text.push(format!("and {} more buildings", alerts.len() - MOST_IN_CHAT));
        }
        text.join("\n")
    }
}

/// What a chat would take for markup, as Slack asks for it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Channel for Webhook {
    const NAME: &'static str = "webhook";

    async fn send(&self, alerts: &[Alert]) -> Result<(), SinkError> {
        let mut answer = self.client.post(self.url.clone()).body(self.body(alerts).to_string()).send().await.map_err(away)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let words: String = beginning(&mut answer).await.chars().take(MOST_WORDS).collect();
        let said = format!("the receiver answers {status}: {}", words.trim());
        // Of the others the message is not to blame: a wrong address or token is mended in the configuration.
        Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                SinkError::Refused(said)
            }
            _ => SinkError::Unavailable(said),
        })
    }

    async fn examine(&self) -> Result<String, SinkError> {
        // Receivers take a POST alone, so whatever they say to this shows that they are there.
        let answer = self.client.head(self.url.clone()).send().await.map_err(away)?;
        Ok(format!("answers a HEAD with {}", answer.status()))
    }
}

/// The first bytes of an answer, however long it is.
async fn beginning(answer: &mut reqwest::Response) -> String {
    const MOST_BYTES: usize = 4 << 10;
    let mut bytes = Vec::new();
    while bytes.len() < MOST_BYTES
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(MOST_BYTES - bytes.len())]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn away(error: reqwest::Error) -> SinkError {
    SinkError::Unavailable(with_causes(&error.without_url()))
}

/// What the client says has its reason in its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::words::tests::finding;
    use super::*;

    fn webhook(format: Format) -> Webhook {
        let config = Config { url: "https://chat.example.org/hook/s3cret".into(), format, headers: BTreeMap::new() };
        let measures = vec![("electricity".into(), "kWh".into()), ("water".into(), "L".into())];
        Webhook::new(&config, &super::super::Config::default(), measures).unwrap()
    }

    fn alert() -> Alert {
        let time = finding().detected_at;
        Alert { worst: finding(), findings: 1, first: time, last: time, kept_quiet: 0 }
    }

    #[test]
    fn a_chat_sees_no_markup_in_a_name() {
        let mut alert = alert();
        alert.worst.building = "<!channel> & co".into();
        let body = webhook(Format::Slack).body(&[alert]);
        assert!(body["text"].as_str().unwrap().starts_with("critical: &lt;!channel&gt; &amp; co, floor 4"), "{body}");
    }

    #[test]
    fn a_program_gets_the_names_of_the_rows() {
        let body = webhook(Format::Json).body(&[alert()]);
        let alert = &body["alerts"][0];
        assert_eq!(alert["building"], "Physics & \"Optics\"");
        assert_eq!(alert["measures"]["electricity"], json!({ "value": 271.0, "unit": "kWh" }));
        assert_eq!(alert["measures"]["water"]["value"], Value::Null, "a missing value is null");
        assert_eq!((&alert["severity"], &alert["detected_at"]), (&json!("critical"), &json!("2025-12-04T16:02:00Z")));
    }

    #[test]
    fn neither_path_nor_header_is_shown_and_what_is_wrong_is_named() {
        let headers = BTreeMap::from([("Authorization".to_owned(), "Bearer s3cret".to_owned())]);
        let config = Config { url: "https://chat.example.org/hook/s3cret".into(), format: Format::Slack, headers };
        let shown = toml::to_string(&config).unwrap();
        assert!(shown.contains("https://chat.example.org/***") && !shown.contains("s3cret"), "{shown}");
        assert!(!format!("{config:?}").contains("s3cret"));
        let wrong = |url: &str| Config { url: url.into(), ..config.clone() }.validate().unwrap_err();
        assert!(wrong("ftp://a/b").contains("`alerts.webhook.url` begins with `ftp:`"));
        assert!(wrong("chat").contains("`alerts.webhook.url` is no address"));
        let headers = BTreeMap::from([("X-A".to_owned(), "a\nb".to_owned())]);
        assert!(Config { headers, ..config }.validate().unwrap_err().contains("`alerts.webhook.headers.X-A`"));
    }
}
