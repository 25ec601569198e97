//! Questions that have no answer, and why.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::archive::ArchiveError;

/// What cannot be answered.
pub(super) enum Refusal {
    /// The question is none.
    Question(String),
    /// The store does not answer, or there is none.
    Archive(ArchiveError),
    /// The broker does not answer.
    Broker(String),
}

impl From<ArchiveError> for Refusal {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::Question(message) => (StatusCode::BAD_REQUEST, message),
            Self::Archive(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            Self::Broker(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("Kafka does not answer: {error}")),
        };
        (code, Json(json!({ "error": message }))).into_response()
    }
}

/// Asks Kafka on a thread that may wait.
pub(super) async fn from_kafka<T: Send + 'static>(
    read: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(error.into()));
    read.map_err(|error| Refusal::Broker(format!("{error:#}")))
}
