//! The page in a real browser.

use std::process::Command;

use super::findings::what_is_known;
use super::scene::{HOSTILE, edit_solar, set};
use super::*;
use crate::landlord::root;
use test_support::browser::Browser;

/// Each view, and what it shows of the scene.
pub(super) const VIEWS: [(&str, &str); 9] = [
    ("#/overview", "Promise not kept"),
    ("#/namespaces", "lunar-api-01"),
    ("#/namespaces?state=troubled&sort=state", "shadow-api"),
    ("#/tenant/payments", "HookRejected"),
    ("#/held", "shadow-api/held-1"),
    ("#/backfill", "Writes under way"),
    ("#/strategy", "What would change it"),
    ("#/contested", "What ends it"),
    ("#/outcomes", "Written"),
];

/// The whole page, step by step: a cluster and a browser take longer to start than all of it.
#[tokio::test]
async fn every_view_works() {
    let mut world = set().await;
    let (url, browser) = (address(&world, "one"), Browser::start().await);
    browser.show_as(1280, 900, "light").await;
    every_view_shows_what_there_is(&browser, &url).await;
    what_is_known(&browser, &url).await;
    it_is_accessible(&browser, &url).await;
    markup_stays_text(&browser, &url).await;
    it_is_live(&browser, &url, &world).await;
    a_backfill_is_watched(&browser, &url, &world).await;
    addresses_and_keys(&browser, &url).await;
    pods_outside_are_looked_for_on_demand(&browser, &url).await;
    ten_thousand_rows_are_a_window(&browser, &url).await;
    the_playground_is_behind_a_link(&browser, &url).await;
    nothing_leaves_the_origin(&browser, &url).await;
    assert_eq!(browser.complaints().await, [""; 0], "the browser has nothing to complain about");
    it_comes_back(&browser, &url, &mut world).await;
    browser.close().await;
}

pub(super) async fn show(browser: &Browser, url: &str, view: &str, text: &str) {
    // From another page, so that it is a page of its own each time.
    browser.open("about:blank").await;
    browser.open(&format!("{url}/{view}")).await;
    browser.until("document.querySelector('#view')?.getAttribute('aria-busy') === 'false'").await;
    browser.sees(text).await;
}

async fn fits(browser: &Browser, view: &str) {
    let wide = browser
        .run(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
            json!([]),
        )
        .await;
    assert_eq!(wide, 0, "{view} is wider than the window");
}

async fn every_view_shows_what_there_is(browser: &Browser, url: &str) {
    for (view, text) in VIEWS {
        show(browser, url, view, text).await;
        fits(browser, view).await;
    }
    show(browser, url, "#/contested", "ignoreDifferences").await;
    browser.sees("argocd-controller").await;
    show(browser, url, "#/tenant/solar", "solar-1, solar-2, solar-3").await;
    show(browser, url, "#/tenant/mars", "no node matches").await;
    browser.until("document.querySelector('#live').dataset.state === 'live'").await;
}

/// axe-core finds nothing, in either theme; nor in the dialog of a namespace.
async fn it_is_accessible(browser: &Browser, url: &str) {
    let found =
        Command::new(root().join("scripts/install-tools")).arg("axe").output().expect("bash");
    let path = String::from_utf8(found.stdout).expect("a path");
    let axe = std::fs::read_to_string(path.trim()).expect("axe-core: scripts/install-tools axe");
    for (width, theme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        browser.show_as(width, 900, theme).await;
        for (view, text) in VIEWS
            .into_iter()
            .chain([("#/namespaces?search=shadow&open=shadow-api", "landlord explain shadow-api")])
        {
            show(browser, url, view, text).await;
            fits(browser, view).await;
            browser.run(&axe, json!([])).await;
            let script = "const {violations} = await axe.run(); return violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);";
            assert_eq!(
                browser.run_async(script, json!([])).await,
                json!([]),
                "{view} in {theme} at {width}"
            );
        }
    }
    browser.show_as(1280, 900, "light").await;
}

async fn markup_stays_text(browser: &Browser, url: &str) {
    for view in [
        "#/namespaces?search=hostile&open=hostile",
        "#/namespaces?search=payments&state=conflicted",
        "#/tenant/payments",
        "#/overview",
        "#/outcomes?search=onerror",
    ] {
        show(browser, url, view, "<img src=x").await;
        let found = browser
            .run("return [document.querySelectorAll('img[src=x], [onerror]').length, document.title.includes('owned')]", json!([]))
            .await;
        assert_eq!(found, json!([0, false]), "{view}");
    }
    // A tenant of that name in the address is no markup, either.
    show(
        browser,
        url,
        &format!("#/tenant/{}", "%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'owned'%22%3E"),
        HOSTILE,
    )
    .await;
}

async fn it_is_live(browser: &Browser, url: &str, world: &World) {
    show(browser, url, "#/tenant/lunar?search=lunar-new", "No namespace fits").await;
    browser.run("window.same = true", json!([])).await;
    world.create("lunar-new", "lunar", json!({})).await;
    browser
        .until("document.querySelector('.listing tbody')?.innerText.includes('lunar-new')")
        .await;
    browser.until("document.querySelector('.listing tbody').innerText.includes('Compliant')").await;
    assert_eq!(browser.run("return window.same", json!([])).await, true, "it was not loaded again");
    world.set_tenant("mars", json!({"nodeSelector": {"pool": "solar"}})).await;
    show(browser, url, "#/tenant/mars", "pool=solar").await;
}

async fn a_backfill_is_watched(browser: &Browser, url: &str, world: &World) {
    // The edit before was of six.
    show(browser, url, "#/backfill", "The last one wrote 6 namespaces").await;
    // It is over in seconds: what the page shows meanwhile is noted in the page.
    let script = "
        window.progress = 0;
        const look = () => { window.progress = Math.max(window.progress, Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow') ?? 0)); };
        new MutationObserver(look).observe(document.body, {attributes: true, childList: true, subtree: true});";
    browser.run(script, json!([])).await;
    edit_solar(world, "4712").await;
    browser.until("window.progress > 0").await;
    browser.sees("The last one wrote 48 namespaces").await;
}

async fn addresses_and_keys(browser: &Browser, url: &str) {
    // A filter is in the address, and the address is a filter.
    show(browser, url, "#/namespaces", "lunar-api-01").await;
    browser.run("document.querySelector('input[type=search]').focus()", json!([])).await;
    browser.press(&["s", "o", "l", "a", "r"]).await;
    browser.until("location.hash === '#/namespaces?search=solar'").await;
    browser.until("document.querySelector('.count').innerText === '48 namespaces'").await;
    // Headings sort; focus stays.
    browser.run("document.querySelector('[data-focus=sort-name]').focus()", json!([])).await;
    browser.press(&["Enter"]).await;
    browser.until("document.querySelector('[aria-sort=descending]') && document.activeElement.dataset.focus === 'sort-name'").await;
    browser.until("location.hash.includes('descending=true')").await;
    // A namespace opens by keyboard, and closes.
    browser.run("document.querySelector('.listing tbody button').focus()", json!([])).await;
    browser.press(&["Enter"]).await;
    browser
        .until("document.querySelector('dialog').open && location.hash.includes('open=solar-')")
        .await;
    browser.press(&["Escape"]).await;
    browser
        .until("!document.querySelector('dialog').open && !location.hash.includes('open=')")
        .await;
    // An address within the view is another view, and what was open does not change it.
    browser.run("document.querySelector('.listing tbody button').click()", json!([])).await;
    browser.until("document.querySelector('dialog').open").await;
    browser.run("location.hash = '#/namespaces?state=failed'", json!([])).await;
    browser.until("document.querySelector('select').value === 'failed' && location.hash === '#/namespaces?state=failed'").await;
    // The first stop is the way past the navigation.
    show(browser, url, "#/overview", "Tenants").await;
    browser.press(&["Tab"]).await;
    browser.until("document.activeElement.className === 'skip'").await;
    browser.press(&["Enter"]).await;
    browser.until("document.activeElement.id === 'main'").await;
    // The theme is chosen here, against the system's.
    browser
        .run(
            "document.getElementById('theme').click(); document.getElementById('theme').click()",
            json!([]),
        )
        .await;
    browser.until("getComputedStyle(document.documentElement).colorScheme === 'dark'").await;
    browser.run("document.getElementById('theme').click()", json!([])).await;
}

async fn pods_outside_are_looked_for_on_demand(browser: &Browser, url: &str) {
    show(browser, url, "#/tenant/solar", "Look for Pods outside").await;
    browser.run("[...document.querySelectorAll('button')].find((one) => one.innerText.startsWith('Look')).click()", json!([])).await;
    browser.sees("solar-web-00/batch-7").await;
    browser.sees("1 of 1 Pod outside").await;
    browser.sees("NodeName").await;
}

/// Of ten thousand rows those that can be seen are in the page; what is scrolled to is fetched.
async fn ten_thousand_rows_are_a_window(browser: &Browser, url: &str) {
    show(browser, url, "#/overview", "Tenants").await;
    let script = "
        const {Table} = await import('/table.js');
        let asked = 0;
        const row = (index) => ({name: `web-${index}`});
        const fetch = async (offset, limit) => { asked += 1; return {matching: 10000, items: Array.from({length: Math.min(limit, 10000 - offset)}, (_, at) => row(offset + at))}; };
        const table = new Table({label: 'Many', columns: [{label: 'Name', cell: (one) => one.name}], fetch, empty: () => ''});
        document.getElementById('view').replaceChildren(table.node);
        await table.reload();
        const rows = () => [...table.body.querySelectorAll('tr:not(.spacer)')];
        const before = rows().length;
        table.scroller.scrollTop = table.scroller.scrollHeight;
        for (let look = 0; look < 3000 && rows().at(-1)?.innerText !== 'web-9999'; look += 1) await new Promise((resolve) => { setTimeout(resolve, 20); });
        const last = rows().at(-1);
        return {before, after: rows().length, last: last.innerText, index: last.getAttribute('aria-rowindex'), count: table.table.getAttribute('aria-rowcount'), asked};";
    let found = browser.run_async(script, json!([])).await;
    assert_eq!(
        (&found["last"], &found["index"], &found["count"]),
        (&json!("web-9999"), &json!("10001"), &json!("10001")),
        "{found}"
    );
    for rows in [&found["before"], &found["after"]] {
        assert!(rows.as_u64().is_some_and(|rows| (10..60).contains(&rows)), "{found}");
    }
    assert!(found["asked"].as_u64().is_some_and(|asked| asked <= 6), "{found}");
}

/// With the headers of the controller, under which it compiles WebAssembly and nothing else.
async fn the_playground_is_behind_a_link(browser: &Browser, url: &str) {
    let made = Command::new("make")
        .args(["--no-print-directory", "playground"])
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .output();
    let made = made.expect("make");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    show(browser, url, "#/overview", "Playground").await;
    browser.run("document.querySelector('#nav a[href=\"playground/\"]').click()", json!([])).await;
    browser
        .until("location.pathname === '/playground/' && document.documentElement.dataset.shown")
        .await;
    browser.sees("One namespace: 1 to change").await;
    show(browser, url, "#/overview", "Tenants").await;
}

/// Everything that was asked for since the browser began came from the controller, and the policy
/// says that nothing else may be.
async fn nothing_leaves_the_origin(browser: &Browser, url: &str) {
    let requests = browser.requests().await;
    assert!(requests.len() > 100, "{}", requests.len());
    // The browser's own first page is made of its own files, and axe-core looks at a picture that
    // it brings along.
    let own = [format!("{url}/"), "about:".to_owned(), "chrome:".to_owned(), "data:".to_owned()];
    let foreign: Vec<&String> =
        requests.iter().filter(|one| !own.iter().any(|own| one.starts_with(own))).collect();
    assert_eq!(foreign, Vec::<&String>::new());
    let script = "
        const broken = [];
        document.addEventListener('securitypolicyviolation', (event) => broken.push(event.effectiveDirective));
        await fetch('http://127.0.0.1:9/').catch(() => {});
        const inline = document.createElement('script');
        inline.textContent = 'window.owned = true';
        document.body.append(inline);
        for (let look = 0; look < 3000 && broken.length < 2; look += 1) await new Promise((resolve) => { setTimeout(resolve, 20); });
        return {broken, owned: window.owned === true};";
    assert_eq!(
        browser.run_async(script, json!([])).await,
        json!({"broken": ["connect-src", "script-src-elem"], "owned": false})
    );
    let complaints = browser.complaints().await;
    assert!(
        complaints
            .iter()
            .all(|one| one.contains("Content Security Policy") || one.contains("127.0.0.1:9")),
        "{complaints:?}"
    );
}

/// A controller that ends and another on the same address: the page says so, and goes on.
async fn it_comes_back(browser: &Browser, url: &str, world: &mut World) {
    use nix::sys::signal::Signal;

    show(browser, url, "#/overview", "Tenants").await;
    world.end_controller(0, Signal::SIGTERM).await;
    browser.sees("connection lost").await;
    // What is shown is grey, and dated.
    browser.until("document.body.hasAttribute('data-stale')").await;
    browser
        .until("/As of \\d\\d:\\d\\d:\\d\\d: /.test(document.getElementById('notices').innerText)")
        .await;
    browser
        .until("getComputedStyle(document.getElementById('view')).filter === 'grayscale(1)'")
        .await;
    let flag = format!("--web={}", url.strip_prefix("http://").expect("an address"));
    world.flags = vec!["--guard"];
    world.add_controller_with(&["--policy=landlord", &flag], "two").await;
    browser.until("document.querySelector('#live').dataset.state === 'live'").await;
    browser.sees("Promise not kept").await;
    browser.until("!document.body.hasAttribute('data-stale')").await;
}
