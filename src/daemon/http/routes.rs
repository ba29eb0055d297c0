//! What can be asked.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, Request, State as With};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rustls::ServerConfig;
use serde::Serialize;

use super::Certified;
use super::bodies::FileBody;
use super::reports::Reports;
use crate::daemon::board::Board;
use crate::daemon::control::Control;
use crate::daemon::incident::{Index, list};
use crate::daemon::metrics::Metrics;
use crate::model::live::{Live, STEP};
use crate::model::meta::Incident;
use crate::render::html::live;
use crate::units::Nanos;

/// Latencies of the page are of so long.
const INTERVAL: Nanos = Nanos(10_000_000_000);

/// What there is to tell.
pub struct State {
    control: Arc<Control>,
    metrics: Arc<Metrics>,
    index: Index,
    board: Arc<Board>,
    reports: Reports,
}

type Shared = With<Arc<State>>;

impl State {
    /// From what others keep.
    #[must_use]
    pub fn new(
        control: Arc<Control>,
        metrics: Arc<Metrics>,
        index: Index,
        board: Arc<Board>,
    ) -> State {
        State { control, metrics, index, board, reports: Reports::default() }
    }

    /// How connections are encrypted from now on.
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.control.gate().tls.clone()
    }
}

/// All routes, behind the gate.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/metrics", get(metrics))
        .route("/live", get(now))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/incidents", get(incidents).post(cut))
        .route("/incidents/{id}", get(recording))
        .route("/incidents/{id}/report.html", get(report))
        .layer(from_fn_with_state(Arc::clone(&state), gate))
        .with_state(state)
}

async fn gate(With(state): Shared, request: Request, next: Next) -> Response {
    // Whoever keeps us alive need not know the token, nor have a certificate.
    let open = matches!(request.uri().path(), "/healthz" | "/readyz");
    let certified = request.extensions().get().is_some_and(|Certified(shown)| *shown);
    match state.control.gate().refuses(request.method(), request.headers(), certified) {
        Some((status, why)) if !open => (status, why).into_response(),
        _ => next.run(request).await,
    }
}

async fn root(With(state): Shared) -> Response {
    let kept = list(&state.index);
    let kept: Vec<_> = kept.iter().map(|(kept, _)| (&kept.incident, kept.bytes)).collect();
    let body = live::page(&state.board.read(INTERVAL), &kept);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, live::policy()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body).into_response()
}

/// `/live`, or `/live?seconds=N`: other queries are ignored.
async fn now(With(state): Shared, RawQuery(query): RawQuery) -> axum::Json<Live> {
    let seconds = query.as_deref().and_then(|q| q.strip_prefix("seconds="));
    let interval = seconds.and_then(|n| n.parse::<u32>().ok());
    let interval = interval.map_or(STEP, |n| Nanos(u64::from(n) * 1_000_000_000));
    axum::Json(state.board.read(interval))
}

async fn report(With(state): Shared, Path(id): Path<String>) -> Response {
    let kept = list(&state.index);
    match kept.iter().find(|(kept, _)| kept.incident.id == id) {
        Some((kept, path)) => {
            state.reports.make(path.clone(), kept.bytes, &state.metrics.memory).await
        }
        None => (StatusCode::NOT_FOUND, "there is no such incident\n").into_response(),
    }
}

async fn metrics(With(state): Shared, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let open = accept.contains("application/openmetrics-text");
    let kind = match open {
        true => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        false => "text/plain; version=0.0.4; charset=utf-8",
    };
    ([(header::CONTENT_TYPE, kind)], state.metrics.text(open)).into_response()
}

async fn healthz(With(state): Shared) -> (StatusCode, &'static str) {
    match state.control.lives() {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the thread that owns the probes is stuck\n"),
    }
}

async fn readyz(With(state): Shared) -> (StatusCode, &'static str) {
    match state.control.is_ready() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the probes do not run yet\n"),
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    incident: &'a Incident,
    bytes: u64,
}

async fn incidents(With(state): Shared) -> Response {
    let kept = list(&state.index);
    let all: Vec<_> =
        kept.iter().map(|(k, _)| Listed { incident: &k.incident, bytes: k.bytes }).collect();
    axum::Json(all).into_response()
}

async fn cut(With(state): Shared) -> (StatusCode, &'static str) {
    if !state.control.gate().allow_cut {
        return (StatusCode::FORBIDDEN, "http.allow_cut is not set\n");
    }
    state.control.cut();
    (StatusCode::ACCEPTED, "an incident will be cut\n")
}

async fn recording(With(state): Shared, Path(id): Path<String>) -> Response {
    // A name that is in the index: nothing else of a request becomes a path.
    let kept = list(&state.index);
    let Some((kept, path)) = kept.iter().find(|(k, _)| k.incident.id == id) else {
        return (StatusCode::NOT_FOUND, "there is no such incident\n").into_response();
    };
    let path = path.clone();
    match tokio::task::spawn_blocking(move || FileBody::open(&path)).await {
        Ok(Ok(file)) => {
            let name = format!("attachment; filename=\"{}.stall\"", kept.incident.id);
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_DISPOSITION, name),
            ];
            (headers, Body::new(file)).into_response()
        }
        _ => (StatusCode::GONE, "its file cannot be read any more\n").into_response(),
    }
}
