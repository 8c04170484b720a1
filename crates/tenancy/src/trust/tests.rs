use rstest::rstest;
use serde_json::{Value, json};

use super::*;

/// The settings' admin, an owner of both tenants, one of each, and a stranger.
const ROBOT: &str = "system:serviceaccount:ops:robot";
const SOLAR: &str = r#"{"tenant":"solar","labels":[],"annotations":[]}"#;

fn settings(claims: &str) -> Settings {
    let identify = json!([{"annotation": "team"}, {"jsonPath": {"path": "$.namespace.metadata.labels.team", "prefix": "team-"}}]);
    let admins = json!({"serviceAccounts": ["ops:robot"]});
    Settings::from_value(&json!({"claims": claims, "identify": identify, "admins": admins}))
        .expect("settings")
}

fn tenant(name: &str, owners: Option<&[&str]>) -> Tenant {
    let owners = owners.map(|names| {
        names.iter().map(|name| json!({"kind": "User", "name": name})).collect::<Vec<_>>()
    });
    let mut object = json!({"metadata": {"name": name}, "spec": {}});
    if let Some(owners) = owners {
        object["spec"]["owners"] = json!(owners);
    }
    settings("judged").tenant(&object).expect("a tenant")
}

fn by(user: &str) -> Value {
    json!({"username": user, "groups": []})
}

fn moved(user: &str, values: &[&str]) -> Value {
    json!({"username": user, "groups": [], "moved": values})
}

fn metadata(ledger: Option<&str>, stamp: Option<Value>, marked: bool) -> Metadata {
    let ledger = ledger.map(|text| (crate::ledger::ANNOTATION.to_owned(), text.to_owned()));
    let stamp = stamp.map(|stamp| (CREATOR.to_owned(), stamp.to_string()));
    let mark = marked.then(|| (UNCLAIMED.to_owned(), "true".to_owned()));
    let annotations = ledger.into_iter().chain(stamp).chain(mark).collect();
    Metadata { annotations, ..Metadata::default() }
}

/// What becomes of a namespace that the rules give to lunar.
fn check(claims: &str, metadata: &Metadata, lunar: &Tenant) -> Result<(), Doubt> {
    let settings = settings(claims);
    let (ledger, _) = crate::plan::read_ledger(metadata);
    let solar = tenant("solar", Some(&["sol", "both"]));
    Trust { settings: &settings, metadata, ledger: &ledger }
        .check_claim(lunar, |name| (name == "solar").then_some(&solar))
}

#[rstest]
#[case::creator_of_solar(Some(by("sol")), Err(Doubt::Moved))]
#[case::may_claim_but_not_leave(Some(by("luna")), Err(Doubt::Moved))]
#[case::may_both(Some(by("both")), Ok(()))]
#[case::an_admin_created_it(Some(by(ROBOT)), Err(Doubt::Moved))]
#[case::an_admin_moved_it(Some(moved(ROBOT, &["lunar"])), Ok(()))]
#[case::an_admin_moved_it_by_path(Some(moved(ROBOT, &["team-lunar"])), Ok(()))]
#[case::an_admin_moved_it_elsewhere(Some(moved(ROBOT, &["nova"])), Err(Doubt::Moved))]
#[case::an_admin_took_it_away(Some(moved(ROBOT, &[])), Err(Doubt::Moved))]
#[case::no_admin_any_more(Some(moved("sol", &["lunar"])), Err(Doubt::Moved))]
#[case::unreadable(Some(json!("x")), Err(Doubt::Moved))]
#[case::nobody_on_record(None, Err(Doubt::Moved))]
fn recorded_for_another(#[case] stamp: Option<Value>, #[case] expected: Result<(), Doubt>) {
    let metadata = metadata(Some(SOLAR), stamp.clone(), false);
    let lunar = tenant("lunar", Some(&["luna", "both"]));
    assert_eq!(check("judged", &metadata, &lunar), expected);
    let trusted = if stamp.is_none() { Ok(()) } else { expected };
    assert_eq!(check("trusted", &metadata, &lunar), trusted);
}

/// A tenant that everybody may claim is no way out of one that only its owners leave.
#[rstest]
#[case(Some(by("sol")), Ok(()))]
#[case(Some(by("luna")), Err(Doubt::Moved))]
#[case(Some(by(ROBOT)), Err(Doubt::Moved))]
#[case(None, Err(Doubt::Moved))]
fn to_everybodys_tenant(#[case] stamp: Option<Value>, #[case] expected: Result<(), Doubt>) {
    let metadata = metadata(Some(SOLAR), stamp, false);
    assert_eq!(check("judged", &metadata, &tenant("lunar", None)), expected);
}

#[rstest]
#[case::an_owner(Some(by("luna")), Ok(()))]
#[case::an_admin(Some(by(ROBOT)), Ok(()))]
#[case::a_stranger(Some(by("mallory")), Err(Doubt::Creator))]
#[case::an_admin_moved_it_elsewhere(Some(moved(ROBOT, &["nova"])), Err(Doubt::Moved))]
#[case::unreadable(Some(json!(1)), Err(Doubt::Creator))]
#[case::older_than_landlord(None, Ok(()))]
fn never_adopted(#[case] stamp: Option<Value>, #[case] expected: Result<(), Doubt>) {
    let metadata = metadata(None, stamp.clone(), false);
    assert_eq!(check("judged", &metadata, &tenant("lunar", Some(&["luna"]))), expected);
    let open = if expected == Err(Doubt::Moved) { expected } else { Ok(()) };
    assert_eq!(check("judged", &metadata, &tenant("lunar", None)), open);
    let trusted = if stamp.is_none() { Ok(()) } else { expected };
    assert_eq!(check("trusted", &metadata, &tenant("lunar", Some(&["luna"]))), trusted);
}

/// A mark is a record, too: nobody's.
#[rstest]
#[case(Some(by("luna")), Ok(()))]
#[case(Some(by(ROBOT)), Err(Doubt::Moved))]
#[case(Some(moved(ROBOT, &["lunar"])), Ok(()))]
#[case(None, Err(Doubt::Moved))]
fn recorded_as_nobodys(#[case] stamp: Option<Value>, #[case] expected: Result<(), Doubt>) {
    let lunar = tenant("lunar", Some(&["luna"]));
    assert_eq!(check("judged", &metadata(None, stamp, true), &lunar), expected);
}

#[rstest]
#[case(Some(by("both")), false)]
#[case(Some(by(ROBOT)), false)]
#[case(Some(moved(ROBOT, &[])), true)]
#[case(Some(moved("sol", &[])), false)]
#[case(None, false)]
fn only_an_admin_takes_a_namespace_from_its_tenant(
    #[case] stamp: Option<Value>,
    #[case] expected: bool,
) {
    let may_leave = |claims: &str, ledger: Option<&str>| {
        let (settings, metadata) = (settings(claims), metadata(ledger, stamp.clone(), false));
        let (ledger, _) = crate::plan::read_ledger(&metadata);
        Trust { settings: &settings, metadata: &metadata, ledger: &ledger }.may_leave()
    };
    assert_eq!(may_leave("judged", Some(SOLAR)), expected);
    assert_eq!(may_leave("trusted", Some(SOLAR)), expected || stamp.is_none());
    assert!(may_leave("judged", None));
}

#[test]
fn what_an_admin_moved_is_dropped_once_it_is_carried_out() {
    let settled = |stamp: Value| Stamp::settled(&metadata(None, Some(stamp), false));
    assert_eq!(settled(by("sol")), None);
    assert_eq!(
        settled(moved(ROBOT, &["lunar"])).as_deref(),
        Some(r#"{"username":"system:serviceaccount:ops:robot","groups":[]}"#)
    );
}
