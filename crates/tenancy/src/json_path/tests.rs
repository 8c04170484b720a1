//! Tables and laws of JSONPath.

use super::*;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

fn document() -> Value {
    json!({
        "request": {"userInfo": {"groups": ["tenant:solar", "tenant:wind", 3]}},
        "namespace": {"metadata": {
            "name": "prod-1",
            "annotations": {"field.cattle.io/projectId": "c-1:p-2"},
            "ownerReferences": [
                {"kind": "Pod", "name": "x", "controller": true, "meta": {"rank": "1", "tier": 2}},
                {"kind": "Tenant", "name": "solar", "meta": {"rank": "2", "other": "1"}},
                {"kind": "Tenant", "name": "wind", "size": 2.5},
            ],
        }},
        "tenant": {"a-b": "dash", "list": [["p", "q"], ["r"]], "o": {"inner": ["not", "me"]}},
    })
}

#[rstest]
#[case("$.namespace.metadata.name", &["prod-1"])]
#[case("$['namespace'][\"metadata\"][ 'name' ]", &["prod-1"])]
#[case("$.namespace.metadata.annotations['field.cattle.io/projectId']", &["c-1:p-2"])]
#[case("$.tenant.a-b", &["dash"])]
#[case("$.request.userInfo.groups[*]", &["tenant:solar", "tenant:wind"])]
#[case("$.request.userInfo.groups.*", &["tenant:solar", "tenant:wind"])]
#[case("$.request.userInfo.groups[1]", &["tenant:wind"])]
#[case("$.request.userInfo.groups[-2]", &["tenant:wind"])]
#[case("$.request.userInfo.groups[-5]", &[])]
#[case("$.request.userInfo.groups[9]", &[])]
#[case("$.request.userInfo.groups[0:1]", &["tenant:solar"])]
#[case("$.request.userInfo.groups[1:]", &["tenant:wind"])]
#[case("$.request.userInfo.groups[2:1]", &[])]
#[case("$.request.userInfo.groups[:]", &["tenant:solar", "tenant:wind"])]
#[case("$.tenant.o[0]", &[])]
#[case("$.tenant.list[*][0]", &["p", "r"])]
#[case("$.tenant.list[0:2][*]", &["p", "q", "r"])]
#[case("$..name", &["prod-1", "x", "solar", "wind"])]
#[case("$..meta.rank", &["1", "2"])]
#[case("$.namespace..meta['rank']", &["1", "2"])]
#[case("$..ownerReferences[0].name", &["x"])]
#[case("$..ownerReferences[*].name", &["x", "solar", "wind"])]
#[case("$.absent.name", &[])]
#[case("$.request.userInfo.groups[?(@ == 'tenant:solar')]", &["tenant:solar"])]
#[case("$..ownerReferences[?(@.size == 002.50)].name", &["wind"])]
fn selects(#[case] path: &str, #[case] strings: &[&str]) {
    assert_eq!(JsonPath::parse(path).unwrap().strings(&document()), strings);
}

#[rstest]
#[case("$.namespace.metadata.annotations['a.b/c']", &["namespace", "metadata", "annotations", "a.b/c"])]
#[case("$.namespace.metadata.labels[*]", &[])]
#[case("$.namespace..team", &[])]
fn members(#[case] path: &str, #[case] expected: &[&str]) {
    assert_eq!(JsonPath::parse(path).unwrap().members(), expected);
}

#[rstest]
#[case("@.kind == 'Tenant'", &["solar", "wind"])]
#[case("@.kind=='Tenant'&&@.name!='wind'", &["solar"])]
#[case("@.kind == 'Nope' || @.name == 'wind'", &["wind"])]
#[case("@.name == 'x' || @.name == 'wind' && @.kind == 'Tenant'", &["x", "wind"])]
#[case("(@.name == 'x' || @.name == 'wind') && @.kind == 'Tenant'", &["wind"])]
#[case("@.meta.rank == '1'", &["x"])]
#[case("@['meta']['rank'] == \"2\"", &["solar"])]
#[case("@.meta", &["x", "solar"])]
#[case("@.size", &["wind"])]
#[case("@.controller == true", &["x"])]
#[case("@.controller != true", &["solar", "wind"])]
#[case("@.meta.tier >= 2", &["x"])]
#[case("@.meta.tier > 2", &[])]
#[case("@.meta.tier == 2.0", &["x"])]
#[case("@.size < 3", &["wind"])]
#[case("@.size == 2.5", &["wind"])]
#[case("@.size > -1", &["wind"])]
#[case("@.size == '2.5'", &[])]
#[case("@.name < 't'", &["solar"])]
fn filters(#[case] condition: &str, #[case] names: &[&str]) {
    let path = format!("$.namespace.metadata.ownerReferences[?({condition})].name");
    assert_eq!(JsonPath::parse(&path).unwrap().strings(&document()), names);
}

#[test]
fn filters_follow_one_another() {
    let path = "$.namespace.metadata.ownerReferences[?(@.kind == 'Tenant')].meta[?(@ == '1')]";
    assert_eq!(JsonPath::parse(path).unwrap().strings(&document()), ["1"]);
}

#[rstest]
#[case("", "is empty")]
#[case("$]", "is not valid at")]
#[case("$.", "is not valid at")]
#[case("$..", "is not valid at")]
#[case("$..*", "is not valid at")]
#[case("$..a..b", "is not valid at")]
#[case("$x", "is not valid at")]
#[case(" $.a", "is not valid at")]
#[case("$.a ", "is not valid at")]
#[case("a.b", "is not valid at")]
#[case("@.a", "is not valid at")]
#[case("$.a[::0]", "is not valid at")]
#[case("$.a[0:1:0]", "is not valid at")]
#[case("$.a[]", "is not valid at")]
#[case("$.a[-]", "is not valid at")]
#[case("$.a[--1]", "is not valid at")]
#[case("$.a[1,2]", "is not valid at")]
#[case("$.a['x','y']", "is not valid at")]
#[case("$.a[1234567890]", "is not valid at")]
#[case("$.a['it\\'s']", "is not valid at")]
#[case("$.a['x\"]", "is not valid at")]
#[case("$[?(@.a == 1e999)]", "is not valid at")]
#[case("$[?(@.a == 1.)]", "is not valid at")]
#[case("$[?(@.a == )]", "is not valid at")]
#[case("$[?(@.a == @.b)]", "is not valid at")]
#[case("$[?($.a)]", "is not valid at")]
#[case("$[?(@['x'1])]", "is not valid at")]
#[case("$[?(@.a", "is not valid at")]
#[case("$[?()]", "is not valid at")]
#[case("$[?((((((((((@.a))))))))))]", "deeper than")]
fn refuses(#[case] path: &str, #[case] part: &str) {
    let error = JsonPath::parse(path).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

#[rstest]
#[case("[", 10_000, "shorten it to")]
#[case("[", 100, "is not valid at")]
#[case(".abcdefghi", 30, "shorten it to")]
#[case("[*]", MAX_STEPS + 1, "more than")]
#[case("[?(", 60, "is not valid at")]
fn refuses_much(#[case] part: &str, #[case] times: usize, #[case] expected: &str) {
    let error = JsonPath::parse(&format!("${}", part.repeat(times))).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[rstest]
#[case("$.request.userInfo", Some("request"), true)]
#[case("$['request']", Some("request"), true)]
#[case("$.namespace.request", Some("namespace"), false)]
#[case("$.tenant", Some("tenant"), false)]
#[case("$", None, true)]
#[case("$.*", None, true)]
#[case("$..groups", None, true)]
fn knows_its_root(#[case] path: &str, #[case] root: Option<&str>, #[case] reads_request: bool) {
    let path = JsonPath::parse(path).unwrap();
    assert_eq!((path.root(), path.reads_request()), (root, reads_request));
}

#[test]
fn the_whole_document() {
    let document = document();
    assert_eq!(JsonPath::parse("$").unwrap().select(&document), [&document]);
}

/// What is in a path, glued together at random.
fn pathlike() -> impl Strategy<Value = String> {
    let parts = [
        ".a", "..a", ".*", "[*]", "['a']", "[0]", "[-1]", "[0:2]", "[-3:]", "[:]", "[?(", "@",
        ".b", " == ", "'x'", "1", ".5", " && ", " || ", "(", ")]", ")", "[", "]", "$", "<", "!",
        "\\", "é", "e999",
    ];
    proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..14)
        .prop_map(|parts| format!("${}", parts.concat()))
}

fn jsons() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!("x")),
        Just(json!(1)),
        Just(json!(0.5)),
        Just(json!(true))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Every value inside a document with its place, so that steps can be checked by where they lead.
fn places(value: &Value, place: String) -> Vec<(String, &Value)> {
    let inside: Vec<_> = match value {
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .flat_map(|(n, value)| places(value, format!("{place}/{n}")))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| places(value, format!("{place}/{name}")))
            .collect(),
        _ => Vec::new(),
    };
    std::iter::once((place, value)).chain(inside).collect()
}

/// The places of what a path selects, found by identity.
fn selected(path: &str, document: &Value) -> Vec<String> {
    let places = places(document, String::new());
    let place = |value: &Value| {
        places
            .iter()
            .find(|(_, at)| std::ptr::eq(*at, value))
            .expect("a value of the document")
            .0
            .clone()
    };
    JsonPath::parse(path).unwrap().select(document).into_iter().map(place).collect()
}

proptest! {
    #[test]
    fn no_text_panics(path in ".{0,60}") {
        let _ = JsonPath::parse(&path);
    }

    #[test]
    fn no_path_panics(path in pathlike(), document in jsons()) {
        if let Ok(path) = JsonPath::parse(&path) {
            path.select(&document);
        }
    }

    #[test]
    fn a_descent_finds_every_member_of_that_name(document in jsons()) {
        let mut found = selected("$..a", &document);
        let mut expected: Vec<String> = places(&document, String::new()).into_iter().map(|(place, _)| place).filter(|place| place.ends_with("/a")).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_slice_is_a_run_of_elements(list in proptest::collection::vec(0..9, 0..6), from in -7..7i32, to in -7..7i32) {
        let at = |index: i32| if index < 0 { (list.len() as i32 + index).max(0) } else { index.min(list.len() as i32) };
        let expected: Vec<String> = (at(from)..at(to)).map(|n| format!("/{n}")).collect();
        prop_assert_eq!(selected(&format!("$[{from}:{to}]"), &json!(list)), expected);
    }

    #[test]
    fn the_order_of_members_means_nothing(document in jsons()) {
        let mut sorted = selected("$.*", &document);
        sorted.sort();
        prop_assert_eq!(selected("$.*", &document), sorted);
    }
}
