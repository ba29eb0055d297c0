//! OTLP messages of the page of metrics, and of incidents.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exemplar, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::page::{Family, Labels, Sample};
use crate::model::meta::Incident;

/// Who sends, and since when, nanoseconds since 1970 UTC.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The resource.
    pub resource: Resource,
    /// Since when it counts.
    pub start: u64,
}

impl Sender {
    /// A sender with these attributes.
    pub fn new(attributes: &BTreeMap<String, String>, start: u64) -> Sender {
        let attributes = attributes.iter().map(|(key, value)| pair(key, text(value)));
        let resource = Resource { attributes: attributes.collect(), ..Resource::default() };
        Sender { resource, start }
    }

    /// All metrics as they are at `now`.
    pub fn metrics(&self, families: &[Family<'_>], now: u64) -> ExportMetricsServiceRequest {
        let metrics = families.iter().filter_map(|family| self.metric(family, now)).collect();
        let scope = Some(scope());
        let scope_metrics = vec![ScopeMetrics { scope, metrics, ..ScopeMetrics::default() }];
        let resource = Some(self.resource.clone());
        let all = ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() };
        ExportMetricsServiceRequest { resource_metrics: vec![all] }
    }

    /// Incidents as log records.
    pub fn logs<'i>(
        &self,
        incidents: impl Iterator<Item = &'i Incident>,
        now: u64,
    ) -> ExportLogsServiceRequest {
        let log_records = incidents.map(|incident| record(incident, now)).collect();
        let scope_logs =
            vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }];
        let resource = Some(self.resource.clone());
        let all = ResourceLogs { resource, scope_logs, ..ResourceLogs::default() };
        ExportLogsServiceRequest { resource_logs: vec![all] }
    }

    /// One that has no series now is left out: none is not zero.
    fn metric(&self, family: &Family<'_>, now: u64) -> Option<Metric> {
        let temporality = AggregationTemporality::Cumulative.into();
        let first = family.samples.first()?;
        let points = |start| family.samples.iter().filter_map(move |s| number(s, start, now));
        let (name, data) = match family.kind {
            "counter" => {
                let data_points = points(self.start).collect();
                let sum =
                    Sum { data_points, aggregation_temporality: temporality, is_monotonic: true };
                (first.name, Data::Sum(sum))
            }
            "histogram" => {
                let data_points = self.histograms(family, now);
                let all = Histogram { data_points, aggregation_temporality: temporality };
                (family.name, Data::Histogram(all))
            }
            _ => (family.name, Data::Gauge(Gauge { data_points: points(0).collect() })),
        };
        let unit = match family.unit {
            "seconds" => "s",
            "bytes" => "By",
            other => other,
        };
        Some(Metric {
            name: name.to_owned(),
            description: family.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(data),
            ..Metric::default()
        })
    }

    /// The page counts what is up to a bound, OTLP what is between two.
    fn histograms(&self, family: &Family<'_>, now: u64) -> Vec<HistogramDataPoint> {
        let mut points: Vec<(Labels<'_>, HistogramDataPoint)> = Vec::new();
        for sample in &family.samples {
            let part = sample.name.strip_prefix(family.name).unwrap_or_default();
            let (mut labels, mut bound) = (sample.labels.clone(), None);
            labels.retain(|(name, value)| {
                if *name == "le" {
                    bound = value.parse::<f64>().ok();
                }
                *name != "le"
            });
            if points.last().is_none_or(|(last, _)| *last != labels) {
                let attributes = attributes(&labels);
                let point = HistogramDataPoint {
                    attributes,
                    start_time_unix_nano: self.start,
                    time_unix_nano: now,
                    ..HistogramDataPoint::default()
                };
                points.push((labels, point));
            }
            let Some((_, point)) = points.last_mut() else { continue };
            match (part, bound) {
                ("_sum", _) => point.sum = sample.value.parse().ok(),
                ("_count", _) => point.count = sample.value.parse().unwrap_or_default(),
                ("_bucket", Some(bound)) => {
                    let below: u64 = point.bucket_counts.iter().sum();
                    let upto: u64 = sample.value.parse().unwrap_or_default();
                    point.bucket_counts.push(upto.saturating_sub(below));
                    // The last one has no end.
                    point.explicit_bounds.extend(bound.is_finite().then_some(bound));
                }
                _ => {}
            }
        }
        points.into_iter().map(|(_, point)| point).collect()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "stallprof".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn number(sample: &Sample<'_>, start: u64, now: u64) -> Option<NumberDataPoint> {
    let value = match sample.value.parse::<i64>() {
        Ok(whole) => number_data_point::Value::AsInt(whole),
        Err(_) => number_data_point::Value::AsDouble(sample.value.parse().ok()?),
    };
    let exemplar = sample.exemplar.iter().filter_map(|(labels, value, time)| {
        Some(Exemplar {
            filtered_attributes: attributes(labels),
            time_unix_nano: (time.parse::<f64>().ok()? * 1e9) as u64,
            value: Some(exemplar::Value::AsDouble(value.parse().ok()?)),
            ..Exemplar::default()
        })
    });
    Some(NumberDataPoint {
        attributes: attributes(&sample.labels),
        start_time_unix_nano: start,
        time_unix_nano: now,
        exemplars: exemplar.collect(),
        value: Some(value),
        ..NumberDataPoint::default()
    })
}

fn record(incident: &Incident, now: u64) -> LogRecord {
    let mut attributes = vec![
        pair("stallprof.incident.id", text(&incident.id)),
        pair("stallprof.incident.cause", text(&incident.cause)),
        pair("stallprof.incident.culprit", text(&incident.culprit)),
        pair("stallprof.incident.stalls", Value::IntValue(incident.stalls as i64)),
    ];
    if let Some(cpu) = incident.cpu {
        attributes.push(pair("stallprof.incident.cpu", Value::IntValue(cpu.into())));
        let worst = Value::DoubleValue(incident.worst.secs());
        attributes.push(pair("stallprof.incident.worst_seconds", worst));
    }
    if let Some(past) = &incident.past {
        let whole = |n: u64| Value::IntValue(i64::try_from(n).unwrap_or(i64::MAX));
        attributes.push(pair("stallprof.incident.past.value", whole(past.value)));
        attributes.push(pair("stallprof.incident.past.limit", whole(past.limit)));
        attributes.push(pair("stallprof.incident.past.unit", text(&past.unit)));
    }
    LogRecord {
        time_unix_nano: incident.time,
        observed_time_unix_nano: now,
        severity_number: SeverityNumber::Warn.into(),
        severity_text: "WARN".to_owned(),
        body: Some(AnyValue { value: Some(text(&incident.trigger)) }),
        attributes,
        event_name: "stallprof.incident".to_owned(),
        ..LogRecord::default()
    }
}

fn attributes(labels: &Labels<'_>) -> Vec<KeyValue> {
    labels.iter().map(|(name, value)| pair(name, text(value))).collect()
}

fn text(value: &str) -> Value {
    Value::StringValue(value.to_owned())
}

fn pair(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
