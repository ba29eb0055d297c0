//! The HTTP server. It reads what others keep, and asks the probes' thread for an incident at most.
//!
//! Bounds: connections at a time, bytes and time for the head of a request, the life of a
//! connection. Bodies are not read.

mod bodies;
mod gate;
mod reports;
mod routes;
mod tls;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

pub use gate::Gate;
pub use routes::State;

use super::config::{Config, Http, Listen};
use super::log::say;

/// For the head of a request, and for the handshake of TLS; an idle connection is closed after it,
/// too.
const HEAD: Duration = Duration::from_secs(5);
/// Bytes of the head of a request, and its lines.
const HEAD_BYTES: usize = 16 << 10;
const HEAD_LINES: usize = 64;
/// After this no further request is taken on a connection ...
const LIFE: Duration = Duration::from_secs(60);
/// ... and after this more it is closed, whatever is under way.
const GRACE: Duration = Duration::from_secs(30);

/// The socket, before there are threads.
pub enum Socket {
    /// Switched off.
    None,
    /// TCP.
    Tcp(std::net::TcpListener),
    /// In the file system.
    Unix(std::os::unix::net::UnixListener),
}

impl Socket {
    /// Binds it.
    ///
    /// # Errors
    /// The address is taken, or not ours.
    pub fn bind(listen: &Listen) -> io::Result<Socket> {
        match listen {
            Listen::Off => Ok(Socket::None),
            Listen::Tcp(address) => {
                let socket = std::net::TcpListener::bind(address)?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Tcp(socket))
            }
            Listen::Unix(path) => {
                // One that a killed daemon left: nobody answers there.
                if std::os::unix::net::UnixStream::connect(path).is_err()
                    && fs::symlink_metadata(path).is_ok_and(|m| is_socket(&m))
                {
                    fs::remove_file(path)?;
                }
                let socket = std::os::unix::net::UnixListener::bind(path)?;
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    /// Where others find it, in words. The port is the one in force, also where any would do.
    #[must_use]
    pub fn place(&self, config: &Config) -> String {
        let listen = &config.http.listen;
        let scheme = if config.tls.is_on() { "https" } else { "http" };
        let place = match self {
            Socket::None => return "no HTTP (http.listen is off)".to_owned(),
            Socket::Tcp(socket) => {
                let address = socket.local_addr().map(|address| address.to_string());
                format!("{scheme}://{}/", address.unwrap_or_else(|_| listen.to_string()))
            }
            Socket::Unix(_) => listen.to_string(),
        };
        format!("{place} (metrics at /metrics)")
    }
}

fn is_socket(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.file_type().is_socket()
}

/// Serves until `stop` is notified.
///
/// # Errors
/// The socket cannot be waited for.
pub async fn serve(socket: Socket, http: &Http, state: State, stop: &Notify) -> io::Result<()> {
    let state = Arc::new(state);
    let router = routes::router(Arc::clone(&state));
    let room = Arc::new(Semaphore::new(http.connections));
    macro_rules! accept {
        ($listener:expr) => {{
            let listener = $listener;
            loop {
                let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
                let stream = tokio::select! {
                    stream = listener.accept() => stream,
                    () = stop.notified() => return Ok(()),
                };
                match stream {
                    Ok((stream, _)) => {
                        let serve = client(stream, state.tls(), router.clone());
                        tokio::spawn(async move {
                            serve.await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        // Out of descriptors: the next try is no better at once.
                        say(&format_args!("a connection was refused: {error}"));
                        sleep(Duration::from_millis(200)).await;
                    }
                }
            }
        }};
    }
    match socket {
        Socket::None => {
            stop.notified().await;
            Ok(())
        }
        Socket::Tcp(socket) => accept!(TcpListener::from_std(socket)?),
        Socket::Unix(socket) => accept!(UnixListener::from_std(socket)?),
    }
}

/// Whether a client has shown a certificate that is good; goes with each of its requests.
#[derive(Clone, Copy, Debug)]
struct Certified(bool);

async fn client<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
) {
    let Some(tls) = tls else { return connection(stream, Certified(false), router).await };
    // Whoever is slow here, or has a certificate of somebody else, is gone.
    if let Ok(Ok(stream)) = timeout(HEAD, TlsAcceptor::from(tls).accept(stream)).await {
        // Where none is asked for none is shown.
        let certified = Certified(stream.get_ref().1.peer_certificates().is_some());
        connection(stream, certified, router).await;
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    certified: Certified,
    router: Router,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(certified);
        router.call(request)
    });
    let serve = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEAD_LINES)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut serve = std::pin::pin!(serve);
    // What a client does wrong is its own concern.
    if timeout(LIFE, serve.as_mut()).await.is_err() {
        serve.as_mut().graceful_shutdown();
        let _ = timeout(GRACE, serve).await;
    }
}
