//! `[alerts.email]`: a mail by SMTP.

use lettre::message::{Mailbox, Mailboxes, header};
use lettre::transport::smtp::Error as SmtpError;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::words::Words;
use super::{Alert, Channel};
use crate::sink::SinkError;

/// Settings.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `smtps://user:password@host` or, with STARTTLS, `smtp://user:password@host?tls=required`. Its password is never printed.
    #[serde(serialize_with = "crate::config::masked_url")]
    pub server: String,
    /// As `wattdog <wattdog@example.org>`.
    pub from: String,
    /// Each gets the same mail.
    pub to: Vec<String>,
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

impl Config {
    pub(super) fn validate(&self) -> Result<(), String> {
        self.parsed().map(|_| ())
    }

    fn parsed(&self) -> Result<(Transport, Mailbox, Mailboxes), String> {
        let in_clear = self.server.starts_with("smtp://") && !self.server.contains("tls=");
        if in_clear && self.server.contains('@') {
            return Err(
                "`alerts.email.server` would send the password in clear: begin it with `smtps:`, or end it with `?tls=required`"
                    .into(),
            );
        }
        let server = Transport::from_url(&self.server)
            .map_err(|error| format!("`alerts.email.server` is no mail server such as `smtps://user:password@host`: {error}"))?;
        let address = |key: &str, text: &String| {
            text.parse::<Mailbox>().map_err(|error| format!("`alerts.email.{key}`: {text:?} is no mail address: {error}"))
        };
        if self.to.is_empty() {
            return Err("`alerts.email.to` names nobody".into());
        }
        let to = self.to.iter().map(|text| address("to", text)).collect::<Result<Vec<_>, _>>()?;
        Ok((server.build(), address("from", &self.from)?, Mailboxes::from(to)))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// Mails alerts.
pub struct Email {
    server: Transport,
    from: Mailbox,
    to: Mailboxes,
    words: Words,
}

impl Email {
    /// Measures are (name, unit).
    ///
    /// # Errors
    /// When server or an address is none.
    pub fn new(config: &Config, alerts: &super::Config, measures: Vec<(String, String)>) -> Result<Self, String> {
        let (server, from, to) = config.parsed()?;
        Ok(Self { server, from, to, words: Words::new(alerts, measures) })
    }

    fn mail(&self, alerts: &[Alert]) -> Result<Message, lettre::error::Error> {
        let worst = alerts.iter().max_by_key(|alert| alert.worst.severity).expect("at least one");
        let others = match alerts.len() - 1 {
            0 => String::new(),
            1 => " and one more building".to_owned(),
            others => format!(" and {others} more buildings"),
        };
        let text: Vec<_> =
            alerts.iter().map(|alert| format!("{}\n{}", self.words.headline(alert), self.words.details(alert))).collect();
        // A line break in a name would begin another header.
        let subject = format!("{}{others}", self.words.headline(worst)).replace(char::is_control, " ");
        Message::builder()
            .from(self.from.clone())
            .mailbox(header::To::from(self.to.clone()))
            .subject(subject)
            .header(header::ContentType::TEXT_PLAIN)
            .body(text.join("\n"))
    }
}

impl Channel for Email {
    const NAME: &'static str = "email";

    async fn send(&self, alerts: &[Alert]) -> Result<(), SinkError> {
        let mail = self.mail(alerts).map_err(|error| SinkError::Refused(error.to_string()))?;
        self.server.send(mail).await.map(|_| ()).map_err(|error| judged(&error))
    }

    async fn examine(&self) -> Result<String, SinkError> {
        match self.server.test_connection().await {
            Ok(true) => Ok("the mail server takes this user".into()),
            Ok(false) => Err(SinkError::Unavailable("the mail server does not answer as one".into())),
            Err(error) => Err(SinkError::Unavailable(error.to_string())),
        }
    }
}

/// 552 and 554 are of the mail itself (RFC 5321, 4.2.3); of all others it is not to blame.
fn judged(error: &SmtpError) -> SinkError {
    let code = error.status().map(u16::from);
    match code {
        Some(552 | 554) => SinkError::Refused(error.to_string()),
        _ => SinkError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::tests::finding;
    use super::*;

    fn config() -> Config {
        Config {
            server: "smtps://watt:s3cret@mail.example.org".into(),
            from: "wattdog <wattdog@example.org>".into(),
            to: vec!["energy@example.org".into(), "Ada Lovelace <ada@example.org>".into()],
        }
    }

    #[test]
    fn a_mail_goes_to_each_and_says_the_worst_in_its_subject() {
        let email = Email::new(&config(), &super::super::Config::default(), vec![("electricity".into(), "kWh".into())]).unwrap();
        let time = finding().detected_at;
        let mut alert = Alert { worst: finding(), findings: 1, first: time, last: time, kept_quiet: 0 };
        alert.worst.building = "A\r\nBcc: everybody@example.org".into();
        let mail = String::from_utf8(email.mail(&[alert.clone(), alert]).unwrap().formatted()).unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("To: energy@example.org, \"Ada Lovelace\" <ada@example.org>"), "{head}");
        assert!(head.contains("Subject: critical: A"), "{head}");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
        assert!(head.contains("and one more building"), "{head}");
    }

    #[test]
    fn a_password_is_not_shown_nor_sent_in_clear_and_what_is_wrong_is_named() {
        assert!(!toml::to_string(&config()).unwrap().contains("s3cret"));
        assert!(!format!("{:?}", config()).contains("s3cret"));
        let wrong = |server: &str| Config { server: server.into(), ..config() }.validate().unwrap_err();
        assert!(wrong("smtp://a:b@host").contains("in clear"));
        assert!(wrong("http://host").contains("`alerts.email.server`"));
        assert!(
            Config { to: vec!["nobody".into()], ..config() }.validate().unwrap_err().contains("`alerts.email.to`: \"nobody\"")
        );
        Config { server: "smtp://relay.example.org".into(), ..config() }.validate().unwrap();
    }
}
