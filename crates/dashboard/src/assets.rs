//! Assets: the pages and what belongs to them, embedded into the binary. They hold no data, so
//! nobody is asked who they are.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// The dashboard. A debug build reads both from the checkout as they are.
#[derive(RustEmbed)]
#[folder = "../../web/dashboard"]
struct Dashboard;

/// The playground, where `make playground` was run before this was compiled; its page runs
/// WebAssembly.
#[derive(RustEmbed)]
#[folder = "../../target/playground"]
struct Playground;

const PLAYGROUND: &str = "playground";
/// Nothing but the binary's own files; no inline code or style, no frame, no form that goes
/// anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";
const PLAYGROUND_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                                 base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether the playground was built into this binary.
pub(super) fn have_playground() -> bool {
    Playground::get("index.html").is_some()
}

/// One file, or its index.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if path == PLAYGROUND {
        return Redirect::permanent("/playground/").into_response();
    }
    let name = if path.is_empty() || path.ends_with('/') {
        format!("{path}index.html")
    } else {
        path.to_owned()
    };
    match file(&name) {
        Some(file) => answer(&name, file, &headers),
        None => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
    }
}

fn file(name: &str) -> Option<EmbeddedFile> {
    match name.split_once('/') {
        Some((PLAYGROUND, inside)) => Playground::get(inside),
        _ => Dashboard::get(name),
    }
}

fn answer(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let policy = if name.starts_with(PLAYGROUND) { PLAYGROUND_POLICY } else { POLICY };
    let common = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy.to_owned()),
    ];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, kind(name))], file.data).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

/// Headers of every answer.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn page() -> EmbeddedFile {
        file("index.html").expect("the page")
    }

    #[rstest]
    #[case::page("index.html", "text/html; charset=utf-8", false)]
    #[case::module("views/overview.js", "text/javascript; charset=utf-8", false)]
    #[case::playground("playground/index.html", "text/html; charset=utf-8", true)]
    #[case::engine("playground/engine_bg.wasm", "application/wasm", true)]
    fn each_file_has_its_kind_and_its_policy(
        #[case] name: &str,
        #[case] kind: &str,
        #[case] runs_wasm: bool,
    ) {
        let answer = answer(name, page(), &HeaderMap::new());
        let header = |name| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let policy = header(header::CONTENT_SECURITY_POLICY);
        assert_eq!(
            (header(header::CONTENT_TYPE), policy.contains("'wasm-unsafe-eval'")),
            (kind, runs_wasm)
        );
        assert!(
            policy.starts_with("default-src 'none'")
                && !policy.contains("unsafe-inline")
                && !policy.contains("http"),
            "{policy}"
        );
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let tag = answer("index.html", page(), &HeaderMap::new())
            .headers()
            .get(header::ETAG)
            .cloned()
            .expect("a tag");
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        assert_eq!(answer("index.html", page(), &known).status(), StatusCode::NOT_MODIFIED);
    }

    /// The files of both pages, as the checkout has them.
    fn pages() -> Vec<(String, String)> {
        let web = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        let folders = ["dashboard", "dashboard/views", "playground"];
        let entries = folders.iter().flat_map(|folder| {
            std::fs::read_dir(web.join(folder))
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path())
        });
        let files = entries.filter(|path| path.is_file());
        let read = |path: std::path::PathBuf| {
            let text = std::fs::read_to_string(&path).expect("a text");
            (path.display().to_string(), text)
        };
        files.map(read).collect()
    }

    /// Left: what a page called the thing on the right as well.
    const OTHER_NAMES: [(&str, &str); 9] = [
        ("Of no tenant", "Unclaimed"),
        ("nobody’s", "unclaimed"),
        ("anybody", "any user"),
        ("'Waiting'", "Pending, of namespaces"),
        ("Not every namespace is compliant", "Promise not kept"),
        ("would stray", "run outside"),
        ("Recent outcomes", "Activity"),
        ("'Said'", "Message"),
        ("faults to fix", "mistakes to correct"),
    ];

    #[test]
    fn one_thing_has_one_name() {
        let pages = pages();
        assert!(pages.len() > 25, "{}", pages.len());
        // A held Pod is the one thing that waits.
        let is_meant = |path: &str, name: &str| {
            name == "'Waiting'" && (path.ends_with("held.js") || path.ends_with("parts.js"))
        };
        for (path, text) in &pages {
            for (name, instead) in OTHER_NAMES {
                let is_there = text.contains(name) && !is_meant(path, name);
                assert!(!is_there, "{path} says {name:?} for {instead:?}");
            }
        }
    }

    /// What ends it, for each reason of the documentation, and for no other.
    #[test]
    fn each_reason_has_its_repair() {
        let pages = pages();
        let (_, repairs) =
            pages.iter().find(|(path, _)| path.ends_with("repair.js")).expect("repair.js");
        let docs = include_str!("../../../docs/troubleshooting.md");
        let (_, table) =
            docs.split_once("## Namespaces that are not compliant").expect("the chapter");
        let cells = table.split("\n## ").next().unwrap_or_default().lines();
        let cells = cells.filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
        let named: std::collections::BTreeSet<&str> = cells
            .flat_map(|(cell, _)| cell.split(['`', ',', ' ']))
            .filter(|word| !word.is_empty())
            .collect();
        let keys: std::collections::BTreeSet<&str> = repairs
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split_once(": "))
            .map(|(key, _)| key)
            .collect();
        assert_eq!(keys, named);
    }
}
