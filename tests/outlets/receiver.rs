//! An OTLP receiver: HTTP on a socket of its own, messages as the published protocol has them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message;

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mood {
    #[default]
    Takes,
    /// With this status.
    Refuses(u16),
    /// Reads, and never answers.
    Hangs,
    /// Takes messages, but of logs only a part.
    RefusesOne,
}

#[derive(Debug, Default)]
pub struct Got {
    pub mood: Mood,
    pub requests: usize,
    pub headers: HeaderMap,
    pub metrics: Vec<ExportMetricsServiceRequest>,
    pub logs: Vec<ExportLogsServiceRequest>,
}

#[derive(Clone, Default)]
pub struct Receiver(Arc<Mutex<Got>>);

impl Receiver {
    /// Starts one; gives its port, too.
    pub fn start() -> (Receiver, u16) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let receiver = Receiver::default();
        let state = receiver.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let router = Router::new()
                    .route("/in/v1/metrics", post(metrics))
                    .route("/in/v1/logs", post(logs))
                    .with_state(state);
                let socket = tokio::net::TcpListener::from_std(socket).unwrap();
                loop {
                    let (stream, _) = socket.accept().await.unwrap();
                    let service = hyper_util::service::TowerToHyperService::new(router.clone());
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let serve = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(serve.serve_connection(io, service));
                }
            });
        });
        (receiver, port)
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut Got) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    async fn mood(&self, headers: HeaderMap) -> Result<Mood, Response> {
        let mood = self.with(|got| {
            got.requests += 1;
            got.headers = headers;
            got.mood
        });
        match mood {
            Mood::Hangs => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Err(StatusCode::IM_A_TEAPOT.into_response())
            }
            Mood::Refuses(status) => Err(StatusCode::from_u16(status).unwrap().into_response()),
            mood => Ok(mood),
        }
    }
}

async fn metrics(State(to): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(answer) = to.mood(headers).await {
        return answer;
    }
    let Ok(message) = ExportMetricsServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    to.with(|got| got.metrics.push(message));
    ExportMetricsServiceResponse::default().encode_to_vec().into_response()
}

async fn logs(State(to): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    let mood = match to.mood(headers).await {
        Ok(mood) => mood,
        Err(answer) => return answer,
    };
    let Ok(message) = ExportLogsServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    to.with(|got| got.logs.push(message));
    let partial = ExportLogsPartialSuccess {
        rejected_log_records: i64::from(mood == Mood::RefusesOne),
        error_message: "too\nold".to_owned(),
    };
    ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec().into_response()
}
