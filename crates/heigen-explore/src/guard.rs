//! Who may talk to the server: those who know the token, by an address that no other site can have pointed here.
//!
//! A page of another site must neither read the explorer nor act on it. Its requests carry its own origin, which is refused. By
//! rebinding a name of its own to this machine it could make its origin look like the server's; such requests carry the name in
//! `Host`, where only addresses and `localhost` are taken. Whoever sees none of the addresses cannot guess the token.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use std::net::IpAddr;

/// The secret part of the page's address.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    text: String,
    hash: blake3::Hash,
}

impl Token {
    /// A fresh token of 128 random bits.
    pub(crate) fn fresh() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let text = format!("{:032x}", u128::from_be_bytes(bytes));
        let hash = blake3::hash(text.as_bytes());
        Ok(Self { text, hash })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether `given` is the token. Hashes are compared in a time that does not depend on where they differ.
    pub(crate) fn is(&self, given: &str) -> bool {
        blake3::hash(given.as_bytes()) == self.hash
    }
}

/// Why a request was refused, as a status with a sentence.
pub(crate) type Refusal = (StatusCode, &'static str);

/// Accepts a request whose `Host` is an address or `localhost`, and whose `Origin`, if it has one, is that host.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(host) = text(HOST).filter(|host| is_address(host)) else {
        return Err((
            StatusCode::FORBIDDEN,
            "this server is reached by its address or localhost, not by another name\n",
        ));
    };
    match text(ORIGIN) {
        Some(origin) if origin != format!("http://{host}") => {
            Err((StatusCode::FORBIDDEN, "a page of another origin asked; only the explorer's own page may\n"))
        }
        _ => Ok(()),
    }
}

/// Accepts a request for a socket: browsers always say which page asks.
pub(crate) fn check_socket(headers: &HeaderMap) -> Result<(), Refusal> {
    check(headers)?;
    if headers.contains_key(ORIGIN) {
        Ok(())
    } else {
        Err((StatusCode::FORBIDDEN, "a socket is opened by the explorer's own page, which says its origin\n"))
    }
}

/// Whether `host`, with or without a port, is an IP address or `localhost`.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => {
            if port.parse::<u16>().is_err() {
                return false;
            }
            name
        }
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        host.map(|host| headers.insert(HOST, host.parse().unwrap()));
        origin.map(|origin| headers.insert(ORIGIN, origin.parse().unwrap()));
        check(&headers).is_err()
    }

    #[test]
    fn names_and_other_origins_are_refused() {
        for host in ["127.0.0.1:80", "127.0.0.1", "localhost:4000", "LOCALHOST", "[::1]:80", "[::1]", "192.168.0.7:9"] {
            assert!(!refused(Some(host), None), "{host}");
            assert!(!refused(Some(host), Some(&format!("http://{host}"))), "{host}");
            assert!(refused(Some(host), Some("http://evil.example")), "{host}");
            assert!(refused(Some(host), Some("null")), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "127.0.0.1:x", "", "[::1", "a:b"]
        {
            assert!(refused(Some(host), None), "{host}");
        }
        assert!(refused(None, None));
        // Another port of the same machine is another origin.
        assert!(refused(Some("127.0.0.1:80"), Some("http://127.0.0.1:81")));
        assert!(refused(Some("127.0.0.1:80"), Some("http://localhost:80")));
    }

    #[test]
    fn tokens_differ_and_know_themselves() {
        let (one, other) = (Token::fresh().unwrap(), Token::fresh().unwrap());
        assert_eq!(one.text().len(), 32);
        assert!(one.is(one.text()) && !one.is(other.text()) && !one.is("") && !one.is(&one.text()[1..]));
    }
}
