//! JSONPath held against a library that reads all of RFC 9535: on what both read, both find the
//! same. The order of an object's members is ours (`tenancy::json_path`), so results are compared
//! as sets with repetitions.

use std::cell::Cell;

use jsonpath_rust::JsonPath as _;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tenancy::json_path::{JsonPath, JsonPathError};

const NAMES: [&str; 4] = ["a", "b", "c-d", "na.me/x"];

/// Values, names and indices are few, so that paths meet them.
fn scalar() -> impl Strategy<Value = Value> {
    select(vec![
        json!("a"),
        json!("b"),
        json!(""),
        json!("1"),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(true),
        json!(false),
        json!(null),
    ])
}

fn document() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 40, 4, |inner| {
        let members =
            btree_map(select(NAMES.to_vec()).prop_map(str::to_owned), inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![".a", ".b"]).prop_map(str::to_owned),
        select(NAMES.to_vec()).prop_map(|name| format!("['{name}']")),
        select(NAMES.to_vec()).prop_map(|name| format!("[\"{name}\"]")),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let place = vec(prop_oneof![member(), (-2..3).prop_map(|at| format!("[{at}]"))], 0..3)
        .prop_map(|steps| format!("@{}", steps.concat()));
    let literal = select(vec!["'a'", "'b'", "''", "'1'", "0", "1", "-1", "1.5", "true", "false"]);
    let compared = (place.clone(), select(vec!["==", "!=", "<", "<=", ">", ">="]), literal)
        .prop_map(|(place, sign, literal)| format!("{place} {sign} {literal}"));
    let exists = place.prop_filter("`@` alone is no test", |place| place.len() > 1);
    prop_oneof![3 => compared, 1 => exists].prop_recursive(2, 6, 3, |inner| {
        (vec(inner, 2..4), select(vec![" && ", " || "]))
            .prop_map(|(all, sign)| format!("({})", all.join(sign)))
    })
}

fn step() -> impl Strategy<Value = String> {
    let bound =
        || prop_oneof![Just(String::new()), (-3..4).prop_map(|bound: i32| bound.to_string())];
    prop_oneof![
        4 => member(),
        1 => select(vec![".*", "[*]"]).prop_map(str::to_owned),
        1 => (-3..4).prop_map(|at| format!("[{at}]")),
        1 => (bound(), bound()).prop_map(|(from, to)| format!("[{from}:{to}]")),
        2 => condition().prop_map(|condition| format!("[?({condition})]")),
    ]
}

/// With one descent at most, as ours are.
fn path() -> impl Strategy<Value = String> {
    let descent = prop_oneof![2 => Just(""), 1 => Just("..a"), 1 => Just("..b")];
    (vec(step(), 0..3), descent, vec(step(), 0..3)).prop_map(|(before, descent, after)| {
        format!("${}{descent}{}", before.concat(), after.concat())
    })
}

fn sorted<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut texts: Vec<String> = values.into_iter().map(Value::to_string).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn both_find_the_same() {
    let (found, cases) = (Cell::new(0), 4000);
    let law = |(document, path): (Value, String)| {
        let ours = match JsonPath::parse(&path) {
            Err(JsonPathError::TooLong { .. } | JsonPathError::TooManySteps { .. }) => {
                return Ok(());
            }
            read => read.map_err(|error| TestCaseError::fail(error.to_string()))?,
        };
        let theirs = document
            .query(&path)
            .map_err(|error| TestCaseError::fail(format!("{path}: the library says {error}")))?;
        let ours = ours.select(&document);
        prop_assert_eq!(sorted(ours.iter().copied()), sorted(theirs), "{} in {}", path, document);
        found.set(found.get() + u32::from(!ours.is_empty()));
        Ok(())
    };
    TestRunner::new(Config { cases, ..Config::default() })
        .run(&(document(), path()), law)
        .unwrap_or_else(|error| panic!("{error}"));
    let found = found.get();
    assert!(found > cases / 20, "{found} of {cases} paths found something");
}
