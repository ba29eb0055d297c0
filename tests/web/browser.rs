//! A browser without a window, spoken to over a pipe in the DevTools protocol: JSON that ends in NUL.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Names that packages give it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const OPTIONS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "about:blank",
];

pub struct Browser {
    child: Child,
    to: File,
    from: BufReader<File>,
    profile: PathBuf,
    session: String,
    sent: u64,
    /// What it told without being asked.
    pub events: Vec<Value>,
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: two integers are written; both are new descriptors that nobody else owns.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    }
}

fn program() -> &'static str {
    let there = |name: &&str| {
        let paths = std::env::var_os("PATH").unwrap();
        std::env::split_paths(&paths).any(|dir| dir.join(name).is_file())
    };
    NAMES.into_iter().find(there).expect("no Chromium in PATH: tools/setup test installs it")
}

impl Browser {
    /// Starts one with a profile of its own, offline.
    pub fn start(name: &str) -> Browser {
        let profile =
            std::env::temp_dir().join(format!("stallprof-web-{}-{name}", std::process::id()));
        let (reads, to) = pipe();
        let (from, writes) = pipe();
        let mut command = Command::new(program());
        command.args(OPTIONS).arg(format!("--user-data-dir={}", profile.display()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let ends = (reads.as_raw_fd(), writes.as_raw_fd());
        // SAFETY: only async-signal-safe calls between fork and exec. The browser reads from
        // descriptor 3 and writes to 4, which the ends may already be: they are moved away first.
        unsafe {
            command.pre_exec(move || {
                let reads = libc::fcntl(ends.0, libc::F_DUPFD, 10);
                let writes = libc::fcntl(ends.1, libc::F_DUPFD, 10);
                if libc::dup2(reads, 3) < 0 || libc::dup2(writes, 4) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                libc::close(reads);
                libc::close(writes);
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop((reads, writes));
        let mut browser = Browser {
            child,
            to: to.into(),
            from: BufReader::new(from.into()),
            profile,
            session: String::new(),
            sent: 0,
            events: Vec::new(),
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let id = &target["targetId"];
        let attached =
            browser.call("Target.attachToTarget", json!({"targetId": id, "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.offline(true);
        browser
    }

    /// Takes the network away, or gives it back.
    pub fn offline(&mut self, offline: bool) {
        let conditions = json!({"offline": offline, "latency": 0,
            "downloadThroughput": if offline { 0 } else { -1 },
            "uploadThroughput": if offline { 0 } else { -1 }});
        self.call("Network.emulateNetworkConditions", conditions);
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).unwrap()
    }

    /// Asks for something, and returns the answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        loop {
            let mut answer = self.read();
            if answer["id"] == json!(self.sent) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// What an expression is in the page; a promise is waited for.
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Goes to a file and waits until it is loaded.
    pub fn open(&mut self, path: &Path) {
        self.visit(&format!("file://{}", path.display()));
    }

    /// Opens an address and waits until all is there.
    pub fn visit(&mut self, url: &str) {
        self.events.clear();
        let gone = self.call("Page.navigate", json!({"url": url}));
        assert!(gone["errorText"].is_null(), "{url}: {gone}");
        while !self.events.iter().any(|e| e["method"] == "Page.loadEventFired") {
            let event = self.read();
            self.events.push(event);
        }
    }

    /// A window so wide, in a theme.
    pub fn look(&mut self, width: u32, theme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let theme = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.call("Emulation.setEmulatedMedia", theme);
    }

    /// Presses and releases a key.
    pub fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "text": if kind == "keyDown" { text } else { "" }});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Something of the mouse, at a place of the window.
    pub fn mouse(&mut self, kind: &str, x: f64, y: f64, more: Value) {
        let mut params = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        self.call("Input.dispatchMouseEvent", params);
    }

    /// Until what was drawn last is on the screen.
    pub fn settle(&mut self) {
        self.eval(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
        );
    }

    /// Waits until an expression is true: a busy machine may draw frames before input has come.
    pub fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.eval(expression) != json!(true) {
            assert!(begun.elapsed() < Duration::from_secs(20), "never came true: {expression}");
            self.settle();
        }
    }

    /// Errors and warnings that the page caused, and all that it asked for besides itself.
    pub fn complaints(&self) -> Vec<&Value> {
        let bad = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        let own = |e: &Value| e["params"]["type"] == "Document";
        let is_bad = |e: &&Value| match e["method"].as_str() {
            Some("Network.requestWillBeSent") => !own(e),
            Some("Page.javascriptDialogOpening") => true,
            Some(method) => bad.contains(&method),
            None => false,
        };
        self.events.iter().filter(is_bad).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It has helpers of its own, which end with it when it is asked to.
        let mut bytes = serde_json::to_vec(&json!({"id": 0, "method": "Browser.close"})).unwrap();
        bytes.push(0);
        if self.to.write_all(&bytes).is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
