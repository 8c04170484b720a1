//! The page in a real browser.

use std::process::Command;

use serde_json::{Value, json};

use crate::built::{TURN, page, root};
use crate::site::Site;
use test_support::browser::Browser;

const HOSTILE: &str =
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

/// The whole page, step by step: a browser takes longer to start than all of it.
#[tokio::test]
async fn the_page_works() {
    let _turn = TURN.lock().await;
    let (site, browser) = (Site::start().await, Browser::start().await);
    browser.show_as(1280, 900, "light").await;
    show(&browser, &site.url).await;
    stories_come_first(&browser).await;
    choose(&browser, "getting-started").await;
    it_plans_as_one_types(&browser).await;
    faults_are_at_their_lines(&browser).await;
    examples_are_loaded(&browser).await;
    requests_are_answered(&browser).await;
    markup_stays_text(&browser).await;
    it_is_shared_by_its_address(&browser, &site.url).await;
    it_is_used_by_keyboard(&browser, &site.url).await;
    the_theme_is_kept(&browser, &site.url).await;
    it_is_accessible(&browser, &site.url).await;
    it_works_offline(&browser).await;
    let requests = browser.requests().await;
    // The browser's own pages are there before ours.
    let allowed = [site.url.as_str(), "data:", "blob:", "about:", "chrome:"];
    let foreign = |url: &&String| !allowed.iter().any(|start| url.starts_with(start));
    assert_eq!(
        requests.iter().filter(foreign).collect::<Vec<_>>(),
        [""; 0],
        "nothing leaves the origin"
    );
    assert!(
        requests.iter().any(|url| url.ends_with("engine_bg.wasm")),
        "requests are seen at all: {requests:?}"
    );
    assert_eq!(browser.complaints().await, [""; 0], "the browser has nothing to complain about");
    a_script_in_the_page_would_not_run(&browser).await;
    browser.close().await;
}

/// From another page, so that it is a page of its own each time.
async fn show(browser: &Browser, url: &str) {
    browser.open("about:blank").await;
    browser.open(url).await;
    browser.until("document.documentElement.dataset.shown").await;
}

/// Writes into an editor, as a paste would, and waits for the answer.
async fn write(browser: &Browser, editor: &str, text: &str) {
    let script = "const area = document.getElementById(arguments[0]); area.value = arguments[1];
                  window.shown = document.documentElement.dataset.shown; area.dispatchEvent(new Event('input', {bubbles: true}));";
    browser.run(script, json!([editor, text])).await;
    browser.until("document.documentElement.dataset.shown !== window.shown").await;
}

async fn read_text(browser: &Browser, selector: &str) -> String {
    let text = browser
        .run(
            "return document.querySelector(arguments[0])?.innerText ?? 'nothing'",
            json!([selector]),
        )
        .await;
    text.as_str().unwrap_or_default().to_owned()
}

/// Six buttons; the policy's answer stands before the plan, and what changes before what does not.
async fn stories_come_first(browser: &Browser) {
    let stories = "return [...document.querySelectorAll('#stories button')].map((one) => one.innerText).join()";
    assert_eq!(
        browser.run(stories, json!([])).await,
        "A tenant’s pool,A stolen claim,Drift,Production needs a cost centre,Capsule,Rancher"
    );
    browser.sees("One namespace: 1 to change.").await;
    // No key is broken within a word.
    let broken = "return [...document.querySelectorAll('th code')].flatMap((code) => [...code.childNodes]).filter((node) => { const range = document.createRange(); range.selectNodeContents(node); return range.getClientRects().length > 1; }).length";
    assert_eq!(browser.run(broken, json!([])).await, 0);
    tell(browser, "A stolen claim").await;
    let status = read_text(browser, "#status").await;
    assert!(status.starts_with("Denied, 403. One namespace"), "{status}");
    let order = "return document.getElementById('answer').compareDocumentPosition(document.getElementById('plan')) === Node.DOCUMENT_POSITION_FOLLOWING";
    assert_eq!(browser.run(order, json!([])).await, true);
    // What was edited comes back.
    write(browser, "request", "").await;
    browser.run("document.getElementById('reset').click()", json!([])).await;
    browser.until("document.getElementById('status').innerText.startsWith('Denied, 403')").await;
    tell(browser, "A tenant’s pool").await;
    choose(browser, "getting-started").await;
    let shown = "return [...document.querySelectorAll('.namespace')].map((one) => `${one.querySelector('.name').textContent} ${one.querySelector('details')?.open ?? 'shown'}`).join()";
    assert_eq!(
        browser.run(shown, json!([])).await,
        "solar-batch shown,solar-web shown,scratch shown,lunar-lab false"
    );
    what_is_in_the_ledger_is_not_foreign(browser).await;
}

/// Of a tenant with a mistake nothing is wanted, and its keys are landlord's all the same.
async fn what_is_in_the_ledger_is_not_foreign(browser: &Browser) {
    write(browser, "tenant", "apiVersion: landlord.dev/v1alpha1\nkind: Tenant\nmetadata: {name: solar}\nspec: {nodeselector: {}}\n").await;
    let whys = "return [...document.querySelectorAll('.namespace')].find((one) => one.querySelector('.name').textContent === 'solar-batch').querySelectorAll('tr.foreign').length";
    browser.sees("in the ledger; it stays while there is an error").await;
    assert_eq!(browser.run(whys, json!([])).await, 0);
    browser.run("document.getElementById('reset').click()", json!([])).await;
    browser.until("document.querySelectorAll('.faults li').length === 0").await;
}

/// Chooses a story.
async fn tell(browser: &Browser, story: &str) {
    let script = "window.shown = document.documentElement.dataset.shown; [...document.querySelectorAll('#stories button')].find((one) => one.innerText === arguments[0]).click()";
    browser.run(script, json!([story])).await;
    browser.until("document.documentElement.dataset.shown !== window.shown").await;
    assert_eq!(read_text(browser, "#stories [aria-pressed=true]").await, story);
}

async fn it_plans_as_one_types(browser: &Browser) {
    browser.sees("4 namespaces: 2 to change, 1 unclaimed, 1 compliant.").await;
    browser.sees("pool=solar,tier=prod").await;
    browser.sees("override 0").await;
    browser
        .run("const area = document.getElementById('namespace'); area.focus(); area.setSelectionRange(0, area.value.length)", json!([]))
        .await;
    let keys = ["a", "p", "i", "V", "e", "r", "s", "i", "o", "n", ":", " ", "v", "1"];
    browser.press(&keys).await;
    browser.sees("No namespace to plan").await;
    write(browser, "namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: typed, labels: {landlord.dev/tenant: lunar}}").await;
    browser.sees("One namespace: 1 to change.").await;
    browser.sees("Tenant lunar, by the rule label:landlord.dev/tenant").await;
    // What it shows is what `landlord plan -o json` would print.
    let shown = browser
        .run("return JSON.parse(document.getElementById('json').textContent)", json!([]))
        .await;
    assert_eq!(
        (&shown["apiVersion"], &shown["namespaces"][0]["name"]),
        (&json!("landlord.dev/plan/v1"), &json!("typed"))
    );
}

async fn faults_are_at_their_lines(browser: &Browser) {
    write(browser, "settings", "conflicts: keep\nidentify:\n- lable: x\n").await;
    browser.sees("line 3, column 3: identify[0]: unknown variant `lable`").await;
    browser.sees("One mistake to correct first").await;
    let state = "const area = document.getElementById('settings'); return [area.getAttribute('aria-invalid'), [...document.querySelectorAll('.gutter .wrong')].map((one) => one.textContent).join()]";
    assert_eq!(browser.run(state, json!([])).await, json!(["true", "3"]));
    browser.run("document.querySelector('.faults button').click()", json!([])).await;
    let cursor = "const area = document.activeElement; return [area.id, area.value.slice(area.selectionStart, area.selectionEnd)]";
    assert_eq!(browser.run(cursor, json!([])).await, json!(["settings", "lable: x"]));
    write(browser, "settings", "").await;
    browser.sees("One namespace: 1 to change.").await;
    assert_eq!(browser.run(state, json!([])).await, json!([null, ""]));
}

async fn choose(browser: &Browser, example: &str) {
    let script = "const select = document.getElementById('example'); select.value = [...select.options].find((one) => one.text === arguments[0]).value;
                  window.shown = document.documentElement.dataset.shown; select.dispatchEvent(new Event('change', {bubbles: true}));";
    browser.run(script, json!([example])).await;
    browser.until("document.documentElement.dataset.shown !== window.shown").await;
}

async fn examples_are_loaded(browser: &Browser) {
    let names = browser
        .run(
            "return [...document.getElementById('example').options].map((one) => one.text)",
            json!([]),
        )
        .await;
    let names: Vec<&str> =
        names.as_array().expect("names").iter().filter_map(Value::as_str).collect();
    assert!(names.len() > 60, "{names:?}");
    for example in ["pod-security", "istio-opt-in", "selector-in", "getting-started"] {
        choose(browser, example).await;
        assert!(read_text(browser, "#status").await.contains("namespace"), "{example}");
        assert_eq!(
            browser.run("return document.querySelectorAll('.faults li').length", json!([])).await,
            0,
            "{example}"
        );
    }
}

async fn requests_are_answered(browser: &Browser) {
    choose(browser, "create-conflict-rejected").await;
    browser.sees("Denied, 409").await;
    browser.sees("CREATE of solar-web by ada").await;
    choose(browser, "update-tampers-with-node-selector").await;
    browser.sees("Admitted, and changed").await;
    choose(browser, "getting-started").await;
    assert_eq!(read_text(browser, "#answer").await, "");
    write(browser, "request", "{}").await;
    browser.sees("CREATE of solar-web by kubernetes-admin").await;
    write(browser, "request", "").await;
}

async fn markup_stays_text(browser: &Browser) {
    let (name, label) = (json!(HOSTILE), json!({HOSTILE: HOSTILE, "landlord.dev/tenant": HOSTILE}));
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label, "annotations": label}});
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": HOSTILE}, "spec": {HOSTILE: HOSTILE}});
    write(browser, "tenant", &tenant.to_string()).await;
    write(browser, "namespace", &namespace.to_string()).await;
    write(
        browser,
        "request",
        &json!({"operation": HOSTILE, "userInfo": {"username": HOSTILE}}).to_string(),
    )
    .await;
    browser.sees("<img src=x onerror=").await;
    write(browser, "settings", &json!({HOSTILE: 1}).to_string()).await;
    browser.sees("unknown field `<img src=x").await;
    write(browser, "settings", "").await;
    let found = browser
        .run("return [document.querySelectorAll('img[src=x], [onerror], main script').length, document.title.includes('owned')]", json!([]))
        .await;
    assert_eq!(found, json!([0, false]));
}

async fn it_is_shared_by_its_address(browser: &Browser, url: &str) {
    show(browser, url).await;
    let unlike_others = "# ünlike 🎉\napiVersion: v1\nkind: Namespace\nmetadata: {name: shared}\n";
    write(browser, "namespace", unlike_others).await;
    browser.run("document.getElementById('share').click()", json!([])).await;
    browser.until("location.hash.startsWith('#1.')").await;
    let link = browser.run("return location.href", json!([])).await;
    let link = link.as_str().expect("a link").to_owned();
    assert!(link.len() < 2000, "{} characters", link.len());
    show(browser, &link).await;
    assert_eq!(
        browser.run("return document.getElementById('namespace').value", json!([])).await,
        unlike_others
    );
    browser.sees("One namespace: 1 unclaimed.").await;
    // What was cut off is told, and the page works.
    show(browser, &link[..link.len() - 9]).await;
    browser.sees("This link cannot be read (a part of it is missing or was changed)").await;
    browser.sees("One namespace: 1 to change.").await;
    // So is what unpacks to more than anybody typed.
    let bomb = "const packed = new Blob([new Uint8Array(1 << 25)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
                const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
                return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');";
    let bomb = browser.run_async(bomb, json!([])).await;
    show(browser, &format!("{url}#1.{}", bomb.as_str().expect("text"))).await;
    browser.sees("larger than 1 MB").await;
}

async fn it_is_used_by_keyboard(browser: &Browser, url: &str) {
    show(browser, url).await;
    let focused = "return document.activeElement.id || document.activeElement.className || document.activeElement.tagName";
    let mut stops = Vec::new();
    for _ in 0..20 {
        browser.press(&["Tab"]).await;
        stops.push(browser.run(focused, json!([])).await.as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(
        stops,
        [
            "skip",
            "example",
            "share",
            "reset",
            "theme",
            "story",
            "story",
            "story",
            "story",
            "story",
            "story",
            "settings",
            "tenant",
            "namespace",
            "request",
            "SUMMARY",
            "A",
            "A",
            "A",
            "BODY"
        ]
    );
    browser.run("document.getElementById('theme').focus()", json!([])).await;
    browser.press(&["Enter"]).await;
    assert_eq!(read_text(browser, "#theme").await, "Theme: light");
}

async fn the_theme_is_kept(browser: &Browser, url: &str) {
    let ground = "return getComputedStyle(document.body).backgroundColor";
    show(browser, url).await;
    let light = browser.run(ground, json!([])).await;
    browser.run("document.getElementById('theme').click()", json!([])).await;
    show(browser, url).await;
    assert_eq!(read_text(browser, "#theme").await, "Theme: dark");
    assert_ne!(browser.run(ground, json!([])).await, light);
    browser.run("document.getElementById('theme').click()", json!([])).await;
    assert_eq!(read_text(browser, "#theme").await, "Theme: system");
    browser.show_as(1280, 900, "light").await;
    assert_eq!(browser.run(ground, json!([])).await, light);
}

/// axe-core finds nothing, in either theme, wide and narrow, with and without faults.
async fn it_is_accessible(browser: &Browser, url: &str) {
    let found =
        Command::new(root().join("scripts/install-tools")).arg("axe").output().expect("bash");
    let path = String::from_utf8(found.stdout).expect("a path");
    let axe = std::fs::read_to_string(path.trim()).expect("axe-core: scripts/install-tools axe");
    let script = "const {violations} = await axe.run(); return violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);";
    for (width, theme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")] {
        browser.show_as(width, 900, theme).await;
        show(browser, url).await;
        browser.run(&axe, json!([])).await;
        for example in
            ["getting-started", "create-conflict-rejected", "update-tampers-with-node-selector"]
        {
            choose(browser, example).await;
            browser.run("document.getElementById('machine').open = true", json!([])).await;
            assert_eq!(
                browser.run_async(script, json!([])).await,
                json!([]),
                "{example}, {width} wide, {theme}"
            );
            // Each value says what it is where the headings are not shown.
            let labels = "return [...document.querySelectorAll('td')].filter((one) => getComputedStyle(one, '::before').content === 'none').length";
            assert!(width > 390 || browser.run(labels, json!([])).await == 0, "{example}");
            let wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth", json!([])).await;
            assert_eq!(wide, 0, "{example} is wider than {width}");
        }
        write(browser, "tenant", "a: [").await;
        assert_eq!(
            browser.run_async(script, json!([])).await,
            json!([]),
            "a fault, {width} wide, {theme}"
        );
    }
    browser.show_as(1280, 900, "light").await;
}

/// Once it is loaded it needs nobody.
async fn it_works_offline(browser: &Browser) {
    browser.devtools("Network.enable", json!({})).await;
    browser
        .devtools(
            "Network.emulateNetworkConditions",
            json!({"offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}),
        )
        .await;
    choose(browser, "create-conflict-kept").await;
    browser.sees("kept:").await;
    write(browser, "request", "").await;
    browser.run("document.getElementById('share').click()", json!([])).await;
    browser.until("location.hash.startsWith('#1.')").await;
    browser
        .devtools(
            "Network.emulateNetworkConditions",
            json!({"offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}),
        )
        .await;
}

/// The page's own policy, anyone who serves it. It comes last: the browser complains, as it should.
async fn a_script_in_the_page_would_not_run(browser: &Browser) {
    let html = std::fs::read_to_string(page().join("index.html")).expect("the page");
    assert!(
        !html.contains("unsafe-inline") && html.contains("script-src 'self' 'wasm-unsafe-eval'")
    );
    let script = "const script = document.createElement('script'); script.textContent = 'document.title = \"owned\"'; document.head.append(script);
                  const image = document.createElement('img'); image.setAttribute('onerror', 'document.title = \"owned\"'); image.src = 'nowhere.png'; document.body.append(image);
                  await new Promise((resolve) => { image.addEventListener('error', resolve); });
                  let far = 'allowed'; try { await fetch('http://localhost:1/'); } catch (error) { far = 'refused'; }
                  return [document.title.includes('owned'), far];";
    assert_eq!(browser.run_async(script, json!([])).await, json!([false, "refused"]));
    let complaints = browser.complaints().await.join("\n");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
}
