//! A headless Chromium, driven by the protocol of its own developer tools.

use crate::chromium::chromium;
use crate::client::parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(90);

/// A browser, which ends with this value.
pub(crate) struct Browser {
    child: Child,
    profile: TempDir,
    address: String,
}

impl Browser {
    /// Starts one; nothing where there is no Chromium, which is a failure with CI set.
    pub(crate) fn start() -> Option<Self> {
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let child = chromium(profile.path())?
            .args(["--remote-debugging-port=0", "--hide-scrollbars", "--force-color-profile=srgb", "about:blank"])
            .spawn()
            .expect("chromium starts");
        let file = profile.path().join("DevToolsActivePort");
        let begun = Instant::now();
        let port = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some((port, _)) = text.split_once('\n') {
                break port.to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "chromium does not say where its tools listen");
            std::thread::sleep(Duration::from_millis(50));
        };
        Some(Self { child, profile, address: format!("127.0.0.1:{port}") })
    }

    /// A new page with the explorer of `address`, `width` by `height`, in the dark scheme or the light one.
    pub(crate) fn page(&self, address: &str, width: u32, height: u32, dark: bool) -> Page {
        let mut page = self.open(address, width, height, dark);
        if address.starts_with("http") {
            page.until("!!document.getElementById('plane')");
            assert!(parts(address).1.len() >= 32);
        }
        page
    }

    /// A new page with whatever is at `address`.
    pub(crate) fn open(&self, address: &str, width: u32, height: u32, dark: bool) -> Page {
        let (_, answer) =
            crate::client::request("PUT", &self.address, "/json/new?about:blank", &[("Host", &self.address)]);
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let target: Value = serde_json::from_str(body.trim()).expect("JSON");
        let socket = target["webSocketDebuggerUrl"].as_str().expect("an address");
        let stream = TcpStream::connect(&self.address).expect("chromium's tools");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(socket, stream).expect("a socket");
        let mut page = Page { socket, id: 0, complaints: vec![], contexts: vec![], context: None };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        page.call("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        page.call("Emulation.setEmulatedMedia", &media);
        page.call("Page.navigate", &json!({ "url": address }));
        page.until("document.readyState === 'complete'");
        page
    }

    /// The folder that ends with the browser.
    pub(crate) fn folder(&self) -> &Path {
        self.profile.path()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A page in a browser.
pub(crate) struct Page {
    socket: WebSocket<TcpStream>,
    id: u64,
    /// The complaints of the page: exceptions and errors on its console.
    complaints: Vec<String>,
    /// The documents that run: the page and the frames in it, each with its number and its origin.
    contexts: Vec<(u64, String)>,
    /// The document whose expressions are evaluated; that of the page itself if not given.
    context: Option<u64>,
}

/// The script that reads the state of a page which does not do what a test expects.
const STATE: &str = "import('./state.js').then(({ state }) => ({ notice: document.getElementById('notice').textContent, \
    address: decodeURIComponent(location.hash), focus: document.activeElement?.id, story: state.story, along: state.along, view: state.view, \
    versions: [state.picture?.version, state.basis?.version, state.look?.version], fine: state.picture?.fine, playing: state.playing, \
    before: !!state.ground?.before, hidden: document.hidden }))";

impl Page {
    /// Calls a method of the tools and returns its result.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        let request = json!({ "id": self.id, "method": method, "params": params });
        self.socket.send(Message::Text(request.to_string().into())).expect("chromium reads");
        loop {
            let Message::Text(text) = self.socket.read().expect("chromium answers") else { continue };
            let answer: Value = serde_json::from_str(&text).expect("JSON");
            if answer["id"] == self.id {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            let event = &answer["params"];
            match answer["method"].as_str() {
                Some("Runtime.executionContextCreated") => {
                    let context = &event["context"];
                    let origin = context["origin"].as_str().unwrap_or_default().to_owned();
                    self.contexts.push((context["id"].as_u64().expect("a number"), origin));
                }
                Some("Runtime.executionContextDestroyed") => {
                    self.contexts.retain(|(id, _)| event["executionContextId"] != *id);
                }
                Some("Runtime.executionContextsCleared") => self.contexts.clear(),
                Some("Runtime.exceptionThrown") => self.complaints.push(event["exceptionDetails"].to_string()),
                Some("Log.entryAdded") if event["entry"]["level"] == "error" => {
                    self.complaints.push(event["entry"].to_string());
                }
                Some("Runtime.consoleAPICalled") if event["type"] == "error" => self.complaints.push(event.to_string()),
                _ => {}
            }
        }
    }

    /// The value of an expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let mut params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        if let Some(context) = self.context {
            params["contextId"] = context.into();
        }
        let result = self.call("Runtime.evaluate", &params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Goes into the frame that shows a page of `origin`; returns whether there is one. What is evaluated from then on is evaluated
    /// there.
    pub(crate) fn enter_frame(&mut self, origin: &str) -> bool {
        self.context = self.contexts.iter().find(|(_, of)| of == origin).map(|(id, _)| *id);
        self.context.is_some()
    }

    /// The text of the element `id`.
    pub(crate) fn text(&mut self, id: &str) -> String {
        self.value(&format!("document.getElementById('{id}').textContent")).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != true {
            if begun.elapsed() > PATIENCE {
                let name = format!("never-true-{}", std::process::id());
                let told = self.value(STATE);
                self.screenshot(&name);
                panic!("never true: {expression}; {:?}; {told}; target/explorer/{name}.png", self.complaints);
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The middle of an element in the window, scrolled into view. As a person does, it waits until the element rests: what is
    /// still to come on the page may move it.
    pub(crate) fn middle(&mut self, selector: &str) -> [f64; 2] {
        let place = self.value(&format!(
            "(async () => {{ const at = () => {{ const e = document.querySelector({selector:?}); \
             e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }}; \
             let [before, rested] = [at(), 0]; \
             for (let i = 0; i < 100 && rested < 3; i++) {{ await new Promise((done) => setTimeout(done, 60)); \
             const now = at(); rested = String(now) === String(before) ? rested + 1 : 0; before = now; }} return before; }})()"
        ));
        [0, 1].map(|i| place[i].as_f64().unwrap_or_else(|| panic!("{selector}: {place}")))
    }

    fn mouse(&mut self, kind: &str, [x, y]: [f64; 2], pressed: u32) {
        let params = json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": pressed, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", &params);
    }

    /// Has the page before all others: only that one gets the mouse.
    pub(crate) fn front(&mut self) {
        self.call("Page.bringToFront", &json!({}));
    }

    pub(crate) fn click_at(&mut self, place: [f64; 2]) {
        self.mouse("mouseMoved", place, 0);
        self.mouse("mousePressed", place, 1);
        self.mouse("mouseReleased", place, 0);
    }

    pub(crate) fn click(&mut self, selector: &str) {
        self.front();
        let place = self.middle(selector);
        self.click_at(place);
    }

    /// Drags from one place to another in some steps.
    pub(crate) fn drag(&mut self, from: [f64; 2], to: [f64; 2]) {
        self.mouse("mouseMoved", from, 0);
        self.mouse("mousePressed", from, 1);
        for i in 1..=8 {
            let t = f64::from(i) / 8.0;
            self.mouse("mouseMoved", [0, 1].map(|d| from[d] + t * (to[d] - from[d])), 1);
        }
        self.mouse("mouseReleased", to, 0);
    }

    /// Presses a key.
    pub(crate) fn key(&mut self, key: &str, code: u32) {
        let text = if key.len() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                params["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", &params);
        }
    }

    /// Chooses a value of a list.
    pub(crate) fn choose(&mut self, id: &str, value: &str) {
        self.value(&format!(
            "(() => {{ const e = document.getElementById('{id}'); e.value = {value:?}; e.dispatchEvent(new Event('change')); }})()"
        ));
    }

    /// Writes a picture of the whole page to `target/explorer/<name>.png`; returns its width, height and pixels.
    pub(crate) fn screenshot(&mut self, name: &str) -> (u32, u32, Vec<u8>) {
        self.value("new Promise((done) => { scrollTo(0, 0); setTimeout(() => requestAnimationFrame(() => done(true)), 200); })");
        self.picture_of(name, true)
    }

    /// Keeps a picture of the part of the page that the window shows.
    pub(crate) fn screenshot_of_window(&mut self, name: &str) {
        self.picture_of(name, false);
    }

    fn picture_of(&mut self, name: &str, whole: bool) -> (u32, u32, Vec<u8>) {
        let params = json!({ "format": "png", "captureBeyondViewport": whole });
        // A browser that is busy may leave out parts of a page that were never in the window; the second picture has them.
        let mut result = self.call("Page.captureScreenshot", &params);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(200));
            let again = self.call("Page.captureScreenshot", &params);
            let same = again == result;
            result = again;
            if same {
                break;
            }
        }
        let bytes = STANDARD.decode(result["data"].as_str().expect("a picture")).expect("base64");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("explorer");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), &bytes).expect("a file");
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        pixels.truncate(info.buffer_size());
        (info.width, info.height, pixels)
    }

    /// Fails if the page has complained of anything so far.
    pub(crate) fn assert_no_complaints(&self) {
        assert!(self.complaints.is_empty(), "{:#?}", self.complaints);
    }
}
