//! `[telemetry]`: spans as OpenTelemetry traces, to whatever collects them by OTLP.

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Telemetry;

/// Spans on their way; what is left goes when this is dropped.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// None where nobody collects them.
    ///
    /// # Errors
    /// When the address is none. A collector that does not answer is no error: its spans are lost, and nothing else.
    pub(super) fn of(config: &Telemetry) -> anyhow::Result<Option<Self>> {
        let Some(otlp) = &config.otlp else { return Ok(None) };
        crate::tls::prepare();
        let endpoint = format!("{}/v1/traces", otlp.trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample))))
            .with_resource(Resource::builder().with_service_name("wattdog").with_attribute(version).build())
            .build();
        Ok(Some(Self(provider)))
    }

    /// Gives our spans to the collector, and no line of the log.
    pub(super) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let ours = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("wattdog"));
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("wattdog")).with_filter(ours)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(%error, "the last traces are lost");
        }
    }
}
