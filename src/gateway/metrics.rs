//! What is told of the gateway to Prometheus. Labels have few values: routes, not paths.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use std::collections::BTreeMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::operator::process::Process;

/// All metrics of the process. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    reads: Family<ReadLabels, Counter>,
    ages: Ages,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    code: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReadLabels {
    material: &'static str,
    code: String,
}

/// When each material was last read without an error.
#[derive(Clone, Debug, Default)]
struct Ages(Arc<Mutex<BTreeMap<&'static str, Instant>>>);

impl Metrics {
    /// All metrics, at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let help = "Requests by route, method and status";
        registry.register("tairyo_gateway_requests", help, Family::clone(&requests));
        let reads = Family::default();
        let help = "Reads of credentials by what they are for and the code of the answer, or OK";
        registry.register("tairyo_gateway_credential_reads", help, Family::clone(&reads));
        let ages = Ages::default();
        registry.register_collector(Box::new(ages.clone()));
        registry.register_collector(Box::new(Process));
        Self(Arc::new(Inner { registry, requests, reads, ages }))
    }

    /// The text that Prometheus reads.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut written = String::new();
        text::encode(&mut written, &self.0.registry)?;
        Ok(written)
    }

    /// Counts a request.
    pub(super) fn request_answered(&self, route: &str, method: &str, code: u16) {
        let labels = RequestLabels { route: route.to_owned(), method: method.to_owned(), code };
        self.0.requests.get_or_create(&labels).inc();
    }

    /// Counts a read of credentials; its code is `OK` if they were read.
    pub(super) fn material_read(&self, material: &'static str, code: &str) {
        self.0.reads.get_or_create(&ReadLabels { material, code: code.to_owned() }).inc();
        if code == "OK" {
            self.0.ages.0.lock().unwrap_or_else(PoisonError::into_inner).insert(material, Instant::now());
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector for Ages {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let ages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut family = encoder.encode_descriptor(
            "tairyo_gateway_credential_age_seconds",
            "The time since credentials were last read without an error",
            None,
            prometheus_client::metrics::MetricType::Gauge,
        )?;
        for (material, read) in ages.iter() {
            let gauge = ConstGauge::new(read.elapsed().as_secs_f64());
            gauge.encode(family.encode_family(&[("material", *material)])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_age_is_of_the_last_read_that_succeeded() {
        let metrics = Metrics::new();
        metrics.material_read("database", "OK");
        tokio::time::sleep(Duration::from_secs(90)).await;
        metrics.material_read("database", "AccessDeniedException");
        metrics.request_answered("/readyz", "GET", 200);
        let text = metrics.encode().expect("it is text");
        for line in [
            "tairyo_gateway_credential_age_seconds{material=\"database\"} 90.0",
            "tairyo_gateway_credential_reads_total{material=\"database\",code=\"AccessDeniedException\"} 1",
            "tairyo_gateway_requests_total{route=\"/readyz\",method=\"GET\",code=\"200\"} 1",
            "process_resident_memory_bytes",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }
}
