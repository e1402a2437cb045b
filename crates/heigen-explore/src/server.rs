//! The server: its address, its routes, and the number of its clients.

use crate::guard::{self, Token};
use crate::opening::Explorer;
use crate::page::Files;
use crate::protocol::{LONGEST, Setup};
use crate::session::Shelf;
use crate::{ExploreError, connections, gallery, page, socket};
use axum::Router;
use axum::extract::{Path, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use heigen_figures::{ColorMap, Rgb};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The most clients at a time; each has threads and memory of its own.
const MOST_CLIENTS: usize = 8;

/// Where and how the page is served.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address that is listened at.
    pub listen: IpAddr,
    /// The port; 0 for a free one.
    pub port: u16,
    /// Number of threads of one computation; 0 for all cores. Results do not depend on it.
    pub threads: usize,
    /// A folder with the files of the page, read anew for every request, for work on the page; those inside of the program if not
    /// given.
    pub page: Option<PathBuf>,
    /// Whether pages of this machine, such as notebooks, may show the page in a frame.
    pub framed: bool,
}

impl Default for Options {
    /// A free port of this machine, which others cannot reach.
    fn default() -> Self {
        Self { listen: Ipv4Addr::LOCALHOST.into(), port: 0, threads: 0, page: None, framed: false }
    }
}

/// A server that has its address and waits for [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listener: std::net::TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    token: Token,
    files: Files,
    explorer: Arc<Explorer>,
    shelf: Arc<Shelf>,
    threads: usize,
    room: Arc<Semaphore>,
    policy: HeaderValue,
}

impl Server {
    /// Takes the address, and draws the token that the page's address has.
    ///
    /// # Errors
    /// [`ExploreError`] if the address is taken, or the system gives no random numbers.
    pub fn bind(explorer: Explorer, options: Options) -> Result<Self, ExploreError> {
        let wanted = SocketAddr::new(options.listen, options.port);
        let failed = |source| ExploreError::Bind { address: wanted, source };
        let listener = std::net::TcpListener::bind(wanted).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let token = Token::fresh().map_err(|error| ExploreError::Random(error.to_string()))?;
        let shared = Shared {
            token,
            files: Files { folder: options.page },
            explorer: Arc::new(explorer),
            shelf: Arc::default(),
            threads: options.threads,
            room: Arc::new(Semaphore::new(MOST_CLIENTS)),
            policy: HeaderValue::from_static(if options.framed { FRAMED } else { ALONE }),
        };
        Ok(Self { listener, address, shared: Arc::new(shared) })
    }

    /// The page's address, with the token.
    pub fn address(&self) -> String {
        format!("http://{}/{}/", self.address, self.shared.token.text())
    }

    /// Whether only programs on this machine reach the server.
    pub fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// Serves the page until the process ends.
    ///
    /// # Errors
    /// [`ExploreError::Server`] if the system takes the listener away.
    pub fn run(self) -> Result<(), ExploreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let routes = Router::new()
                .route("/{token}/", get(index))
                .route("/{token}/socket", get(open_socket))
                .route("/{token}/guide", get(guide))
                .route("/{token}/{file}", get(file))
                .layer(middleware::from_fn_with_state(Arc::clone(&self.shared), guarded))
                .with_state(self.shared);
            connections::serve(listener, routes).await;
            Ok::<(), std::io::Error>(())
        })?;
        Ok(())
    }
}

/// The policy of the page: it loads nothing from elsewhere, and no other page may show it.
const ALONE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The policy of a page that pages of this machine may show.
const FRAMED: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors http://localhost:* http://127.0.0.1:* https://localhost:* \
                      https://127.0.0.1:* vscode-webview:";

/// The other headers of all answers, which are kept nowhere.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses requests of others, and adds what all answers say.
async fn guarded(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match guard::check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, shared.policy.clone());
    response
}

/// The same answer for a wrong token as for a file that is not there.
const NOTHING: (StatusCode, &str) =
    (StatusCode::NOT_FOUND, "nothing here; the page's whole address is what `heigen explore` printed\n");

async fn index(State(shared): State<Arc<Shared>>, Path(token): Path<String>) -> Response {
    answer(&shared, &token, "index.html")
}

async fn file(State(shared): State<Arc<Shared>>, Path((token, file)): Path<(String, String)>) -> Response {
    answer(&shared, &token, &file)
}

async fn guide(State(shared): State<Arc<Shared>>, Path(token): Path<String>) -> Response {
    if shared.token.is(&token) { Html(page::guide()).into_response() } else { NOTHING.into_response() }
}

fn answer(shared: &Shared, token: &str, name: &str) -> Response {
    match shared.files.get(name).filter(|_| shared.token.is(token)) {
        Some((bytes, kind)) => ([(header::CONTENT_TYPE, kind)], bytes.into_owned()).into_response(),
        None => NOTHING.into_response(),
    }
}

async fn open_socket(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = guard::check_socket(&headers) {
        return refusal.into_response();
    }
    if !shared.token.is(&token) {
        return NOTHING.into_response();
    }
    let Ok(place) = Arc::clone(&shared.room).try_acquire_owned() else {
        let full = format!("{MOST_CLIENTS} pages are open already; close one of them\n");
        return (StatusCode::SERVICE_UNAVAILABLE, full).into_response();
    };
    let (explorer, shelf, threads) = (Arc::clone(&shared.explorer), Arc::clone(&shared.shelf), shared.threads);
    // Somewhat longer messages are read, so that they can be answered.
    upgrade.max_message_size(4 * LONGEST).max_frame_size(4 * LONGEST).on_upgrade(async move |socket| {
        let hello = hello(&explorer);
        socket::serve(socket, explorer, shelf, hello, threads).await;
        drop(place);
    })
}

/// The first message: what the page needs to know about the program.
fn hello(explorer: &Explorer) -> Value {
    let stops = |map: ColorMap| (0..=32).map(|i| map.color(f64::from(i) / 32.0).hex()).collect::<Vec<_>>();
    let sets: Vec<Value> = gallery::SETS
        .iter()
        .map(|set| json!({ "name": set.name, "title": set.title, "classes": set.classes, "noisy": set.noisy }))
        .collect();
    json!({
        "version": heigen::VERSION,
        "opened": explorer.opened.as_ref().map(|opened| opened.experiment.name.to_string()),
        "gallery": sets,
        "setup": Setup::default(),
        "activations": gallery::ACTIVATIONS,
        "most_layers": gallery::MOST_LAYERS,
        "most_units": gallery::MOST_UNITS,
        "fractions": gallery::FRACTIONS,
        "classes": (0..12).filter_map(Rgb::for_class).map(Rgb::hex).collect::<Vec<_>>(),
        "alignment": stops(ColorMap::ALIGNMENT),
        "loss": stops(ColorMap::LOSS),
    })
}
