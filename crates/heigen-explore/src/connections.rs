//! The connections of the server: how many there are, and how long each may take to say what it wants.
//!
//! A client that opens connections and says nothing, or says it byte by byte, or does not read what it asked for, is cut off; until
//! then it takes one of a bounded number of places, so that it costs neither files nor memory without bound. A WebSocket leaves its
//! place when it is open: there are fewer of those, and `socket` looks after them.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The most connections at a time, besides open WebSockets; others wait until one ends.
pub(crate) const MOST: usize = 64;
/// The longest time until the headers of a request are there, and between two requests.
const HEADERS: Duration = Duration::from_secs(5);
/// The longest time that a connection stays open.
const WHOLE: Duration = Duration::from_secs(30);
/// The most bytes of a request's headers.
const HEADER_BYTES: usize = 1 << 14;
/// Time before another try after the system has refused a connection, such as for want of files.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until the process ends.
pub(crate) async fn serve(listener: TcpListener, routes: Router) {
    let places = Arc::new(Semaphore::new(MOST));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Small frames are on their way at once; where the system cannot do that, they are a little later.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(routes.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS)
                .max_buf_size(HEADER_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // Nobody is to be told about a client that went away or was cut off.
            let _ = tokio::time::timeout(WHOLE, connection).await;
            drop(place);
        });
    }
}
