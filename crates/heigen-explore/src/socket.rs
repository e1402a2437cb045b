//! One client's WebSocket: messages into the mailbox, answers out of a channel, and the rates of both.

use crate::mailbox::Mailbox;
use crate::opening::Explorer;
use crate::protocol::{Answer, LONGEST, parse};
use crate::session::{self, Outgoing, Shelf};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use heigen::curvature::Threads;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Answers that wait for the network; a session that has more to say waits.
const WAITING: usize = 16;
/// The most messages of a client a second, and at once; a client that sends more is read more slowly.
const RATE: f64 = 300.0;
const BURST: f64 = 600.0;
/// A client that takes no message for so long is gone.
const SILENCE: Duration = Duration::from_mins(1);
/// The most malformed messages that are answered; the connection ends after them.
const MOST_ERRORS: usize = 10_000;

/// Serves one client until it leaves.
pub(crate) async fn serve(
    mut socket: WebSocket,
    explorer: Arc<Explorer>,
    shelf: Arc<Shelf>,
    hello: serde_json::Value,
    threads: usize,
) {
    let mailbox = Arc::new(Mailbox::default());
    let (send, mut answers) = mpsc::channel(WAITING);
    let pools = match (pool(threads), pool(threads)) {
        (Ok(own), Ok(deep)) => [own, deep],
        (Err(error), _) | (_, Err(error)) => {
            let text = Answer::error(None, format!("no threads for another session: {error}")).text();
            // A client that does not hear it is gone.
            let _ = socket.send(Message::Text(text.into())).await;
            return;
        }
    };
    let own = Arc::clone(&mailbox);
    let session = std::thread::Builder::new().name("heigen-explore-session".to_owned()).spawn(move || {
        let post = |message: Outgoing| send.blocking_send(message).is_ok();
        if post(Outgoing::Text(Answer::Hello(hello).text()))
            && let Err(error) = session::run(&explorer, &shelf, &own, pools, &post)
        {
            post(Outgoing::Text(Answer::error(None, error).text()));
        }
    });
    let Ok(session) = session else { return };
    let mut allowance = Allowance { left: BURST, since: Instant::now() };
    let mut errors = 0;
    loop {
        let outcome = tokio::select! {
            answer = answers.recv() => match answer {
                Some(Outgoing::Text(text)) => say(&mut socket, Message::Text(Utf8Bytes::from(text))).await,
                Some(Outgoing::Frame(bytes)) => say(&mut socket, Message::Binary(bytes.into())).await,
                None => false,
            },
            message = socket.recv() => {
                let refused = match message {
                    Some(Ok(Message::Text(text))) => take(&text, &mailbox),
                    Some(Ok(Message::Binary(_))) => {
                        Some(Answer::error(None, "not a message of the explorer: expected text"))
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                };
                if let Some(pause) = allowance.spend() {
                    tokio::time::sleep(pause).await;
                }
                match refused {
                    None => true,
                    Some(answer) => {
                        errors += 1;
                        errors <= MOST_ERRORS && say(&mut socket, Message::Text(answer.text().into())).await
                    }
                }
            }
        };
        if !outcome {
            break;
        }
    }
    // The session's thread sees this before long, since every long computation asks whether to go on.
    mailbox.leave();
    drop(answers);
    drop(socket);
    // The client's place is free when its thread has ended; a thread that panicked has ended, too.
    let _ = tokio::task::spawn_blocking(move || session.join()).await;
}

/// Sends a message; a client that takes none for a long time is gone.
async fn say(socket: &mut WebSocket, message: Message) -> bool {
    tokio::time::timeout(SILENCE, socket.send(message)).await.is_ok_and(|sent| sent.is_ok())
}

/// Puts a message into the mailbox; returns what the client is to hear if it is no command.
fn take(text: &str, mailbox: &Mailbox) -> Option<Answer> {
    if text.len() > LONGEST {
        return Some(Answer::error(None, format!("a message of {} bytes; the longest has {LONGEST}", text.len())));
    }
    match parse(text) {
        Ok((id, command)) => mailbox
            .command(id, command)
            .err()
            .map(|_| Answer::error(Some(id), "too many commands wait already; this one was not taken")),
        Err((id, message)) => Some(Answer::error(id, message)),
    }
}

/// A pool of threads of a session's own.
fn pool(threads: usize) -> Result<Threads, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("heigen-explore-{i}"));
    Ok(Threads::of(Arc::new(pool.build()?)))
}

/// How many messages a client may still send at once.
struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    /// Takes one message into account; returns how long to wait before the next is read.
    fn spend(&mut self) -> Option<Duration> {
        let now = Instant::now();
        self.left = (self.left + RATE * (now - self.since).as_secs_f64()).min(BURST) - 1.0;
        self.since = now;
        (self.left < 0.0).then(|| Duration::from_secs_f64(-self.left / RATE))
    }
}
