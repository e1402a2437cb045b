//! Several pages at once, and pages within others.

use crate::browser::Browser;
use crate::client::{parts, start};
use crate::steps::{number, settled, train};
use heigen_explore::{Explorer, Options, Server};
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn two_pages_are_apart_and_one_that_is_closed_disturbs_no_other() {
    let Some(browser) = Browser::start() else { return };
    let address = start();
    let (mut one, mut other) = (browser.page(&address, 1400, 1000, false), browser.page(&address, 1000, 1000, true));
    settled(&mut one);
    settled(&mut other);
    one.click("#play");
    one.until("Number(document.getElementById('epoch').textContent) >= 10");
    assert_eq!(number(&mut other, "epoch"), 0.0);
    one.call("Page.close", &serde_json::json!({}));
    train(&mut other, 5);
    other.assert_no_complaints();
}

#[test]
fn a_page_behind_another_goes_on() {
    let Some(browser) = Browser::start() else { return };
    let address = start();
    let mut one = browser.page(&address, 1400, 1000, false);
    settled(&mut one);
    one.click("#play");
    let mut other = browser.page("about:blank", 800, 600, false);
    other.front();
    one.until("document.hidden");
    let epoch = one.value("Number(document.getElementById('epoch').textContent)").as_f64().unwrap();
    one.until(&format!("Number(document.getElementById('epoch').textContent) >= {} && document.hidden", epoch + 40.0));
    one.assert_no_complaints();
}

/// A page of this machine that shows another one in a frame, as a notebook does; returns its address.
fn notebook(shown: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let page = format!(
        "<!DOCTYPE html><link rel=icon href=data:><body style=\"margin:0\"><iframe src=\"{shown}\" width=\"100%\" height=\"780\" \
         style=\"border:0\"></iframe>"
    );
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The browser says all that it wants in one piece.
            let _ = stream.read(&mut [0; 4096]);
            let length = page.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + &page).as_bytes());
        }
    });
    address
}

#[test]
fn a_notebook_shows_the_page_in_a_frame_where_that_was_asked_for() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::bind(Explorer::default(), Options { framed: true, threads: 2, ..Options::default() }).unwrap();
    let framed = server.address();
    std::thread::spawn(move || server.run());
    let origin = |address: &str| format!("http://{}", parts(address).0);
    let mut page = browser.open(&notebook(&framed), 1000, 800, false);
    assert!(page.enter_frame(&origin(&framed)));
    page.until("document.readyState === 'complete' && top !== window");
    settled(&mut page);
    // It is used as any page is: the frame begins where the window does.
    train(&mut page, 10);
    settled(&mut page);
    page.click("#spectrum .dot.outlier:last-of-type");
    page.until("document.getElementById('legend').textContent.includes('alignment with v₁')");
    assert_eq!(page.value("document.documentElement.scrollWidth <= innerWidth"), true);
    page.screenshot_of_window("frame");
    page.assert_no_complaints();
    // Any other server refuses.
    let alone = start();
    let mut page = browser.open(&notebook(&alone), 1000, 800, false);
    page.until("!!document.querySelector('iframe')");
    assert!(!page.enter_frame(&origin(&alone)), "a page that was not asked to shows itself in a frame");
}
