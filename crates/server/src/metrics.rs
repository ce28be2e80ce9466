//! Metrics for Prometheus, on listeners of their own.
//!
//! Labels are bounded: routes come from the table of routes, methods and statuses are classes. Nothing here names a
//! user or a room.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use axum::{Router, extract::State, response::Response, routing::get};
use hyper::{Method, StatusCode, header};
use im2_core::memory::Usage;
use im2_edge::observe::Observer;
use im2_engine::Engine;
use im2_fair::Load;
use im2_rtc::Sfu;
use im2_turn::Counters;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text::encode},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use crate::process;

/// Seconds. Fine where requests should be, coarse where long polls are.
const BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cache {
    cache: &'static str,
}

/// Counts requests.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    answered: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram>,
    in_flight: Gauge,
}

impl Default for Requests {
    fn default() -> Self {
        let new: fn() -> Histogram = || Histogram::new(BUCKETS);
        let seconds = Family::new_with_constructor(new);
        Self { answered: Family::default(), seconds, in_flight: Gauge::default() }
    }
}

impl Observer for Requests {
    fn began(&self) {
        self.in_flight.inc();
    }

    fn ended(&self, method: &Method, route: &str, status: Option<StatusCode>, elapsed: Duration) {
        self.in_flight.dec();
        let (method, route) = (method_label(method), route.to_owned());
        self.seconds.get_or_create(&Asked { method, route: route.clone() }).observe(elapsed.as_secs_f64());
        self.answered.get_or_create(&Answered { method, route, status: status_label(status) }).inc();
    }
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: Option<StatusCode>) -> &'static str {
    match status.map(|status| status.as_u16() / 100) {
        None => "gone",
        Some(2) => "2xx",
        Some(3) => "3xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        Some(_) => "1xx",
    }
}

/// The page of metrics.
pub(crate) fn router(
    requests: Requests,
    engine: &Arc<Engine>,
    rtc: Option<Sfu>,
    relayed: Option<Arc<Counters>>,
) -> Router {
    let mut registry = Registry::with_prefix("im2");
    registry.register("http_requests", "Requests by route, method and class of status", requests.answered);
    registry.register_with_unit("http_request_duration", "Time to the answer's head", Unit::Seconds, requests.seconds);
    registry.register("http_requests_in_flight", "Requests being answered, long polls included", requests.in_flight);
    registry.register_collector(Box::new(Engines(Arc::clone(engine))));
    if let Some(sfu) = rtc {
        registry.register_collector(Box::new(Calls(sfu)));
    }
    if let Some(relayed) = relayed {
        registry.register_collector(Box::new(Relayed(relayed)));
    }
    Router::new().route("/metrics", get(page)).with_state(Arc::new(registry))
}

async fn page(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    let outcome = encode(&mut text, &registry);
    if let Err(error) = outcome {
        tracing::error!(%error, "metrics could not be written");
        let _ = writeln!(text, "# {error}");
    }
    let mut response = Response::new(text.into());
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// Figures of the engine and the process, read whenever metrics are collected.
#[derive(Debug)]
struct Engines(Arc<Engine>);

impl Collector for Engines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let core = &self.0.core;
        let load = core.store.load();
        let mut counter = |name: &str, help: &str, value: u64| {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
        };
        counter("store_commits", "Commits of the database", load.commits)?;
        counter("store_changes", "Changes in those commits", load.changes)?;
        let mut gauge = |name: &str, help: &str, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let unwritable = core.store.unwritable().is_some();
        gauge("store_unwritable", "1 while nothing can be stored and everything is read only", unwritable.into())?;
        gauge("store_queue", "Changes that wait for their commit", load.waiting as u64)?;
        gauge("rooms_in_memory", "Rooms held in memory", self.0.chat.rooms.in_memory() as u64)?;
        gauge("memory_budget_bytes", "Memory that all caches may take together", core.memory.budget() as u64)?;
        gauge("memory_allowed_bytes", "The same as the machine's memory allows it now", core.memory.allowed() as u64)?;
        gauge("sync_waiting_users", "Users with a long poll open", core.bus.waiting_users() as u64)?;
        encode_pools(&mut encoder, &self.0)?;
        let mut gauge = |name: &str, help: &str, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        if let Some(usage) = process::usage() {
            gauge("process_resident_memory_bytes", "Resident memory", usage.resident_bytes)?;
            gauge("process_open_fds", "Open files and sockets", usage.open_files)?;
            let seconds = ConstCounter::new(usage.cpu_seconds);
            let descriptor =
                encoder.encode_descriptor("process_cpu_seconds", "Processor time used", None, seconds.metric_type())?;
            seconds.encode(descriptor)?;
        }
        encode_caches(&core.memory.usage(), &mut encoder)
    }
}

/// Figures of calls.
#[derive(Debug)]
struct Calls(Sfu);

impl Collector for Calls {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let metrics = self.0.metrics();
        for (name, help, value) in metrics.gauges() {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(&format!("rtc_{name}"), help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in metrics.counters() {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(&format!("rtc_{name}"), help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// Figures of the built-in TURN server.
#[derive(Debug)]
struct Relayed(Arc<Counters>);

impl Collector for Relayed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let gauges = [
            ("turn_allocations", "Relayed addresses in use", self.0.allocations()),
            ("turn_connections", "TCP and TLS connections of TURN clients", self.0.connections()),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in self.0.all() {
            let (name, counter) = (format!("turn_{name}"), ConstCounter::new(value));
            counter.encode(encoder.encode_descriptor(&name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}

/// Writes the memory that each cache takes and its evictions, by its name.
fn encode_caches(usage: &[Usage], encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    let (bytes, evicted) = (Family::<Cache, Gauge>::default(), Family::<Cache, Counter>::default());
    for cache in usage {
        let label = Cache { cache: cache.name };
        bytes.get_or_create(&label).set(i64::try_from(cache.bytes).unwrap_or(i64::MAX));
        evicted.get_or_create(&label).inc_by(cache.evicted);
    }
    let help = "Memory that each cache takes";
    bytes.encode(encoder.encode_descriptor("cache_bytes", help, None, bytes.metric_type())?)?;
    let help = "Entries that each cache has given up";
    evicted.encode(encoder.encode_descriptor("cache_evictions", help, None, evicted.metric_type())?)
}

/// The load of each pool that users take turns at.
fn encode_pools(encoder: &mut DescriptorEncoder<'_>, engine: &Engine) -> std::fmt::Result {
    let pools: Vec<(&'static str, Load)> = engine.pools().collect();
    let mut gauges = |name: &str, help: &str, value: fn(&Load) -> u64| {
        let mut descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        pools.iter().try_for_each(|(pool, load)| {
            let gauge = ConstGauge::new(i64::try_from(value(load)).unwrap_or(i64::MAX));
            gauge.encode(descriptor.encode_family(&[("pool", *pool)])?)
        })
    };
    gauges("pool_running", "Work that runs, by pool", |load| load.running as u64)?;
    gauges("pool_waiting", "Work that waits for its turn, by pool", |load| load.waiting as u64)?;
    let mut counters = |name: &str, help: &str, value: fn(&Load) -> u64| {
        let mut descriptor = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        pools.iter().try_for_each(|(pool, load)| {
            ConstCounter::new(value(load)).encode(descriptor.encode_family(&[("pool", *pool)])?)
        })
    };
    counters("pool_started", "Work that was started, by pool", |load| load.started)?;
    counters("pool_refused", "Work that was refused because a queue was full, by pool", |load| load.refused)?;
    let help = "Time that started work has waited, by pool";
    let mut waited = encoder.encode_descriptor("pool_waited", help, Some(&Unit::Seconds), MetricType::Counter)?;
    pools.iter().try_for_each(|(pool, load)| {
        ConstCounter::new(load.waited.as_secs_f64()).encode(waited.encode_family(&[("pool", *pool)])?)
    })
}
