//! What a reader concludes from the page: that nothing is green that is not known, that numbers lead
//! to what they count, that charts and texts say what they mean.

use serde_json::json;

use super::page::show;
use test_support::browser::Browser;

pub(super) async fn what_is_known(browser: &Browser, url: &str) {
    each_part_has_a_light(browser, url).await;
    the_audit_is_the_last_light(browser).await;
    numbers_lead_to_what_they_count(browser, url).await;
    lines_are_of_the_series_that_counts(browser).await;
    a_namespace_says_what_to_do(browser, url).await;
    lines_are_copied(browser, url).await;
    nothing_is_hidden_on_a_phone(browser, url).await;
    other_pages_are_linked(browser, url).await;
}

/// All is installed, but a tenant's pool has no node, a namespace is in trouble, and nobody has
/// looked for Pods outside.
async fn each_part_has_a_light(browser: &Browser, url: &str) {
    show(browser, url, "#/overview", "Promise not kept").await;
    let lights = "return [...document.querySelectorAll('.light')].map((one) => one.className)";
    assert_eq!(
        browser.run(lights, json!([])).await,
        json!([
            "light good",
            "light unused",
            "light unknown",
            "light wrong",
            "light wrong",
            "light unknown"
        ])
    );
    for text in [
        "The guard is enforced, in the form mutating",
        "No webhook of a ClusterAdmissionPolicy \"landlord\" is in force",
        "No node matches a node selector of tenant mars",
        "namespaces need attention",
        "Not audited: start the controller with --audit",
    ] {
        browser.sees(text).await;
    }
}

/// With and without an audit of the controller's own.
async fn the_audit_is_the_last_light(browser: &Browser) {
    let script = "
        const {withAudit} = await import('/promise.js');
        const part = (name, state, says) => ({name, state, says});
        const promise = {state: 'unknown', says: '?', parts: [part('guard', 'good', 'g'), part('podsOutside', 'unknown', 'not audited')]};
        const now = Date.parse('2026-02-04T00:00:00Z');
        const shown = (audit) => { const {state, says, parts} = withAudit(promise, audit, now); return [state, parts[1].state, parts[1].says, says]; };
        return [shown(undefined), shown({enabled: false, outside: 0}), shown({enabled: true, outside: null}), shown({enabled: true, outside: 0, since: '2026-01-01T00:00:00Z', notJudged: 0}), shown({enabled: true, outside: 0, notJudged: 3}), shown({enabled: true, outside: 2, since: null})];";
    let ok = "Every part that it rests on is in order.";
    assert_eq!(
        browser.run_async(script, json!([])).await,
        json!([
            ["unknown", "unknown", "not audited", "?"],
            ["unknown", "unknown", "not audited", "?"],
            ["unknown", "unknown", "the first audit is not over yet", "?"],
            ["kept", "good", "0 Pods outside for 34 days", ok],
            ["unknown", "unknown", "0 Pods outside, but 3 Pods could not be judged", "?"],
            [
                "broken",
                "wrong",
                "2 Pods run outside their tenant’s pool",
                "2 Pods run outside their tenant’s pool."
            ],
        ])
    );
}

async fn numbers_lead_to_what_they_count(browser: &Browser, url: &str) {
    for (tile, hash, text) in [
        ("Need attention", "#/namespaces?state=attention", "lunar-api-01"),
        ("Unclaimed", "#/namespaces?state=unclaimed", "sandbox"),
        ("Held Pods", "#/held", "shadow-api/held-1"),
    ] {
        show(browser, url, "#/overview", tile).await;
        let click = "[...document.querySelectorAll('.tile')].find((one) => one.querySelector('dt').innerText === arguments[0]).querySelector('a').click()";
        browser.run(click, json!([tile])).await;
        browser.until(&format!("location.hash === {}", json!(hash))).await;
        browser.sees(text).await;
    }
    // A held Pod in full.
    browser.run("document.querySelector('.listing tbody button').click()", json!([])).await;
    browser.sees("its namespace is not ready: UnknownTenant").await;
    browser.until("[...document.querySelectorAll('dialog code')].some((one) => one.innerText === 'landlord explain shadow-api')").await;
    // The tile says which kinds there are, and not one of them only.
    show(browser, url, "#/overview", "conflicted (").await;
}

/// A failed namespace is not drawn by the line of those that are pending.
async fn lines_are_of_the_series_that_counts(browser: &Browser) {
    let script = "
        const {areas, span} = await import('/chart.js');
        const times = [0, 10, 20, 30].map((second) => new Date(second * 1000).toISOString());
        const series = (name, values) => ({name, class: name, values});
        const chart = areas('Drift', times, [series('failed', [0, 1, 1, 1]), series('pending', [0, 0, 0, 0])], {unit: 'namespaces', least: 4});
        const lines = (name) => [...chart.querySelectorAll(`.${name} polyline`)].map((one) => one.getAttribute('points').split(' ').length);
        return [lines('failed'), lines('pending'), chart.querySelector('.top').textContent, chart.querySelector('.legend').textContent, span(times, 'last hour', 3600).slice(0, 6), span(times, 'last half minute', 30)];";
    assert_eq!(
        browser.run_async(script, json!([])).await,
        json!([[4], [], "4 namespaces", "failed 1pending 0", "since ", "last half minute"])
    );
}

async fn a_namespace_says_what_to_do(browser: &Browser, url: &str) {
    show(browser, url, "#/namespaces?search=shadow&open=shadow-api", "What ends it").await;
    browser
        .sees("Create the tenant, or move the namespace: landlord move shadow-api --to TENANT")
        .await;
    browser.until("document.querySelector('dialog a[href$=\"troubleshooting.md#namespaces-that-are-not-compliant\"]')").await;
    show(browser, url, "#/namespaces?search=lunar-api-01&open=lunar-api-01", "Group lunar-admins")
        .await;
}

/// What is to be copied stands alone, with a button.
async fn lines_are_copied(browser: &Browser, url: &str) {
    show(browser, url, "#/contested", "What ends it").await;
    let lines = "return document.querySelector('.snippet code').innerText";
    let lines = browser.run(lines, json!([])).await;
    let text = lines.as_str().unwrap_or_default();
    let yaml: serde_json::Value = serde_saphyr::from_str(text).expect("YAML");
    assert_eq!(
        yaml["spec"]["ignoreDifferences"][0]["jsonPointers"],
        json!(["/metadata/labels/team"]),
        "{text}"
    );
    browser.run("document.querySelector('.snippet button').click()", json!([])).await;
    browser.until("/^(Copied|Selected: copy it)$/.test(document.querySelector('.snippet button').innerText)").await;
}

/// Every view can be reached, and rows say what their hidden columns would.
async fn nothing_is_hidden_on_a_phone(browser: &Browser, url: &str) {
    browser.show_as(390, 844, "light").await;
    show(browser, url, "#/namespaces?search=shadow", "shadow-api").await;
    let links = "return [...document.querySelectorAll('#nav a')].filter((one) => { const box = one.getBoundingClientRect(); return box.left < 0 || box.right > 390 || box.height === 0; }).map((one) => one.innerText)";
    assert_eq!(browser.run(links, json!([])).await, json!([]));
    browser.sees("ghost – UnknownTenant").await;
    browser.show_as(1280, 900, "light").await;
}

async fn other_pages_are_linked(browser: &Browser, url: &str) {
    show(browser, url, "#/nonsense/x", "There is no view “nonsense/x”").await;
    show(browser, url, "#/overview", "Release notes (").await;
    let links = "return [...document.querySelectorAll('#links a')].map((one) => one.innerText.split(' (')[0])";
    assert_eq!(
        browser.run(links, json!([])).await,
        json!(["Documentation", "About this page", "API description", "Release notes", "Source"])
    );
}
