//! Browser: a headless Chromium, driven by WebDriver (https://www.w3.org/TR/webdriver2/).

use std::fs;
use std::path::Path;
use std::time::Duration;

use local_cluster::Process;
use local_cluster::process::Program;
use local_cluster::waiting::PATIENCE;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http_client::Http;

/// How often something is looked for, 100 ms apart.
const LOOKS: u128 = PATIENCE.as_millis() / LOOK.as_millis();
const LOOK: Duration = Duration::from_millis(100);

pub struct Browser {
    http: Http,
    session: String,
    _driver: Process,
    _folder: TempDir,
}

impl Browser {
    /// Starts one. `scripts/install-tools browser` installs it.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("chromedriver.log");
        let driver = Program::new("chromedriver", "chromedriver", &log)
            .arg("--port=0")
            .env("HOME", folder.path());
        let driver = driver.start().expect("a keeper");
        let http = Http::new(&address(&log).await);
        let session = session(&http, folder.path()).await;
        Self { http, session, _driver: driver, _folder: folder }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let uri = format!("/session/{}/{path}", self.session);
        let request = http::Request::post(uri)
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes());
        let answer = self.http.send(request.expect("a request")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()["value"].clone()
    }

    pub async fn open(&self, url: &str) {
        self.post("url", json!({"url": url})).await;
    }

    /// What a function's body returns.
    pub async fn run(&self, script: &str, arguments: Value) -> Value {
        self.post("execute/sync", json!({"script": script, "args": arguments})).await
    }

    /// What an asynchronous function's body returns.
    pub async fn run_async(&self, script: &str, arguments: Value) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, (error) => done(`failed: ${{error.stack}}`));"
        );
        self.post("execute/async", json!({"script": script, "args": arguments})).await
    }

    /// Waits until this expression is true.
    pub async fn until(&self, expression: &str) {
        for _ in 0..LOOKS {
            if self.run(&format!("return Boolean({expression})"), json!([])).await == true {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        let text = self.run("return document.body.innerText", json!([])).await;
        panic!(
            "{expression}: not within {} s; the page says:\n{}",
            PATIENCE.as_secs(),
            text.as_str().unwrap_or_default()
        );
    }

    /// Waits until the page shows this text.
    pub async fn sees(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Presses keys, one after the other. Names as in WebDriver's table of keys.
    pub async fn press(&self, keys: &[&str]) {
        let code = |key: &&str| match *key {
            "Tab" => "\u{e004}".to_owned(),
            "Enter" => "\u{e007}".to_owned(),
            "Escape" => "\u{e00c}".to_owned(),
            "End" => "\u{e010}".to_owned(),
            other => other.to_owned(),
        };
        let strokes = keys.iter().map(code).flat_map(|key| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>()}]});
        self.post("actions", actions).await;
    }

    /// Sets the size of what is shown, and the system's theme.
    pub async fn show_as(&self, width: u32, height: u32, theme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": "reduce"}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// What the browser complained about since it was asked last: errors of scripts, refused
    /// requests, violations of the policy.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({"type": "browser"})).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .map(|entry| {
                format!(
                    "{} {}",
                    entry["level"].as_str().unwrap_or_default(),
                    entry["message"].as_str().unwrap_or_default()
                )
            })
            .collect()
    }

    /// The addresses of everything that the browser asked for since it was asked last.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.post("se/log", json!({"type": "performance"})).await;
        let messages = entries.as_array().cloned().unwrap_or_default().into_iter();
        let messages = messages
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok());
        let sent =
            messages.filter(|message| message["message"]["method"] == "Network.requestWillBeSent");
        sent.filter_map(|message| {
            message["message"]["params"]["request"]["url"].as_str().map(str::to_owned)
        })
        .collect()
    }

    /// What is shown, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        let picture = self.devtools("Page.captureScreenshot", json!({})).await;
        base64(picture["data"].as_str().expect("a picture"))
    }

    pub async fn close(self) {
        let path = format!("/session/{}", self.session);
        self.http.send(http::Request::delete(path).body(Vec::new()).expect("a request")).await;
    }
}

/// Where the driver listens, once it does.
async fn address(log: &Path) -> String {
    const SAYS: &str = "was started successfully on port ";
    for _ in 0..LOOKS {
        let text = fs::read_to_string(log).unwrap_or_default();
        if let Some((_, rest)) = text.split_once(SAYS) {
            let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
            return format!("http://127.0.0.1:{port}");
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!(
        "chromedriver does not start (scripts/install-tools browser): {}",
        fs::read_to_string(log).unwrap_or_default()
    );
}

async fn session(http: &Http, folder: &Path) -> String {
    // A sandbox of its own needs rights that root in a container does not have; what is opened is
    // our own page.
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-first-run",
        &profile,
    ];
    let capabilities = json!({"alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        "timeouts": {"script": 240_000},
    }});
    let body = json!({"capabilities": capabilities}).to_string().into_bytes();
    let request =
        http::Request::post("/session").header("content-type", "application/json").body(body);
    let answer = http.send(request.expect("a request")).await;
    let session = answer.json()["value"]["sessionId"].as_str().map(str::to_owned);
    session.unwrap_or_else(|| panic!("no browser (scripts/install-tools browser): {}", answer.text))
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}
