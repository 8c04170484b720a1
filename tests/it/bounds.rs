//! Bounds: what the largest inputs that anybody can send cost the compiled policy, counted in
//! instructions and pages of memory, and what it answers. No input may cost more than in proportion
//! to its size, so that none is made to run into the policy server's deadline.
//!
//! `cargo test -p landlord-policy --test it bounds:: -- --nocapture` prints the table of
//! `docs/security.md`.

use std::sync::{Arc, LazyLock};

use policy_host::{Cost, Gauge, Objects};
use rstest::rstest;
use serde_json::Value;

use crate::compiled::wasm;

mod bomb;
mod namespaces;
mod requesters;
mod settings;
mod tenants;

use bomb::Bomb;

/// What any bomb may cost. wasmtime runs some 2.5 billion instructions a second on a slow core, and
/// Kubewarden's deadline are two seconds.
const MOST_FUEL: u64 = 2_500_000_000;
/// 32 MiB.
const MOST_PAGES: u64 = 512;
/// What twice the input may cost: twice as much, and something for trees and sorting.
const DOUBLE: f64 = 2.3;
const ACCEPTED: &str = "\"accepted\":true";
const VALID: &str = "\"valid\":true";
/// Most bytes of a message, with what says that it was cut.
const MOST_TEXT: usize = 4096 + 64;

static GAUGE: LazyLock<Gauge> = LazyLock::new(|| {
    Gauge::compile(&std::fs::read(wasm()).expect("the built policy")).expect("a policy")
});

/// What the compiled policy answers to a bomb, and what that costs.
fn explode(bomb: &Bomb) -> (Cost, Value) {
    let host = Arc::new(Objects::from_values(bomb.objects.clone()).expect("objects"));
    let (operation, payload) = bomb.call();
    let cost = GAUGE.call(operation, payload.as_bytes(), host, 4 * MOST_FUEL).expect("an answer");
    let answer: Value = serde_json::from_slice(&cost.answer).expect("JSON");
    assert!(cost.fuel <= MOST_FUEL, "{} million instructions", cost.fuel / 1_000_000);
    assert!(cost.pages <= MOST_PAGES, "{} pages", cost.pages);
    assert!(
        answer["message"].as_str().unwrap_or_default().len() <= MOST_TEXT,
        "a message that nobody reads: {}",
        answer["message"]
    );
    (cost, answer)
}

/// A row of the table.
fn print_cost(bomb: &Bomb, cost: &Cost, ratio: f64) {
    let name = std::thread::current()
        .name()
        .and_then(|name| name.rsplit("::").next().map(str::to_owned))
        .unwrap_or_default();
    let (million, kilobytes) = (cost.fuel / 1_000_000, bomb.bytes() / 1000);
    println!(
        "{name:44} {kilobytes:6} KB {million:6} million {ratio:5.2} times {:4} pages",
        cost.pages
    );
}

/// What is large in one way costs in proportion to how large it is.
#[rstest]
#[case::one_annotation(
    namespaces::annotation,
    500_000,
    "all annotations together have 500004 bytes; reduce them to 262144"
)]
#[case::labels(namespaces::labels, 10_000, ACCEPTED)]
#[case::labels_of_an_update(namespaces::labels_edited, 10_000, ACCEPTED)]
#[case::labels_without_a_name(namespaces::labels_of_generated, 10_000, ACCEPTED)]
#[case::lists_in_lists(
    namespaces::nested,
    1000,
    "the request is not the JSON that Kubewarden sends, recursion limit exceeded"
)]
#[case::a_long_list(namespaces::wide, 250_000, ACCEPTED)]
#[case::a_long_claim(namespaces::long_claim, 500_000, "no tenant has one of more than")]
#[case::a_long_name(namespaces::long_name, 500_000, ACCEPTED)]
#[case::a_long_key(namespaces::long_key, 500_000, ACCEPTED)]
#[case::a_ledger(namespaces::ledger, 5_000, ACCEPTED)]
#[case::a_ledger_of_garbage(namespaces::ledger_of_garbage, 100_000, ACCEPTED)]
#[case::a_ledger_that_restores(namespaces::ledger_with_previous, 2_500, ACCEPTED)]
#[case::a_stamp(namespaces::stamp, 5_000, ACCEPTED)]
#[case::owner_references(namespaces::owner_references, 10_000, "finds several tenants")]
#[case::a_pod(namespaces::pod, 10_000, ACCEPTED)]
#[case::a_pod_and_its_tolerations(namespaces::pod_with_tolerations, 2_500, ACCEPTED)]
#[case::groups(requesters::groups, 10_000, "claims tenant \"solar\", which \"jane\" does not own")]
#[case::groups_that_claim(requesters::groups_by_path, 10_000, "finds several tenants")]
#[case::groups_in_a_hook(
    requesters::groups_by_hook,
    10_000,
    "and 9980 more, it must be \"tenant:none\""
)]
#[case::owners(tenants::owners, 10_000, "which \"jane\" does not own")]
#[case::a_tenants_labels(tenants::labels, 2_000, ACCEPTED)]
#[case::overrides(tenants::overrides, 1_000, ACCEPTED)]
#[case::overrides_of_selectors(tenants::override_selectors, 1_000, ACCEPTED)]
#[case::overrides_of_tolerations(tenants::override_tolerations, 1_000, ACCEPTED)]
#[case::overrides_and_their_terms(tenants::override_terms, 1_000, ACCEPTED)]
#[case::templates(tenants::templates, 1_000, ACCEPTED)]
#[case::templates_without_a_name(tenants::templates_of_generated, 1_000, ACCEPTED)]
#[case::a_long_template(tenants::long_template, 100_000, ACCEPTED)]
#[case::a_tenants_hooks(tenants::hooks, 16, ACCEPTED)]
#[case::a_nested_tenant(tenants::nested, 1000, "spec.data.x: invalid type")]
#[case::prefixes(tenants::prefixes, 10_000, ACCEPTED)]
#[case::capsules_items(tenants::capsule_items, 1_000, ACCEPTED)]
#[case::capsules_forbidden_labels(
    tenants::capsule_names,
    2_000,
    "does not meet what tenant \"solar\" requires"
)]
#[case::capsules_forbidden_labels_of_an_update(tenants::capsule_names_edited, 1_000, ACCEPTED)]
#[case::clashes(tenants::clashes, 2_000, "conflicts with tenant \"solar\"")]
#[case::clashes_of_an_update(tenants::clashes_edited, 2_000, ACCEPTED)]
#[case::inline_tenants(settings::inline, 1_000, ACCEPTED)]
#[case::inline_tenants_when_checked(settings::inline_checked, 1_000, VALID)]
#[case::hooks(settings::hooks, 500, ACCEPTED)]
#[case::an_expression(settings::expression, 2_000, "it must match")]
#[case::an_expression_and_labels(settings::expression_over_labels, 5_000, "it must match")]
#[case::an_expression_and_annotations(settings::expression_over_annotations, 30, "bytes in all)")]
#[case::a_path_and_labels(settings::paths_over_labels, 5_000, ACCEPTED)]
#[case::a_path_that_descends(settings::path_that_descends, 10_000, ACCEPTED)]
#[case::globs(settings::globs, 1_000, ACCEPTED)]
#[case::stars(settings::stars, 500_000, ACCEPTED)]
#[case::rules(settings::identify, 1_000, ACCEPTED)]
#[case::an_unknown_field(settings::unknown_field, 200_000, "unknown field")]
#[case::a_long_expression(settings::long_expression, 200_000, "shorten it to 512")]
#[case::a_long_path(settings::long_path, 200_000, "shorten it to 256")]
fn no_bomb_costs_more_than_in_proportion(
    #[case] make: fn(usize) -> Bomb,
    #[case] size: usize,
    #[case] words: &str,
) {
    let bomb = make(size);
    let (once, answer) = explode(&bomb);
    let told = answer["message"].as_str().map_or_else(|| answer.to_string(), str::to_owned);
    assert!(told.contains(words), "{}", told.chars().take(1000).collect::<String>());
    let (twice, _) = explode(&make(2 * size));
    let ratio = twice.fuel as f64 / once.fuel as f64;
    print_cost(&bomb, &once, ratio);
    assert!(ratio <= DOUBLE, "twice the size costs {ratio:.2} times as much");
}

/// What costs more than in proportion is bounded by number, and the largest is borne.
#[rstest]
#[case::a_megabyte_of_labels(namespaces::labels, 32_000, "leaves no room")]
#[case::a_megabyte_of_labels_of_an_update(namespaces::labels_edited, 32_000, "leaves no room")]
#[case::as_many_hooks_as_there_may_be(settings::hooks_checked, 1_000, VALID)]
#[case::as_many_hooks_in_reverse(settings::hooks_in_reverse, 1_000, ACCEPTED)]
#[case::more_hooks(settings::hooks_checked, 1_001, "write at most 1000")]
#[case::a_costly_expression(settings::costly_expression, 4_096, "bytes in all)")]
#[case::a_longer_value(settings::costly_expression, 4_097, "bytes in all)")]
fn the_largest_is_borne(#[case] make: fn(usize) -> Bomb, #[case] size: usize, #[case] words: &str) {
    let bomb = make(size);
    let (cost, answer) = explode(&bomb);
    print_cost(&bomb, &cost, 1.0);
    let told = answer["message"].as_str().map_or_else(|| answer.to_string(), str::to_owned);
    assert!(told.contains(words), "{}", told.chars().take(1000).collect::<String>());
}
