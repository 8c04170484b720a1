//! Cases in which it cannot be told whose a namespace is, or what its tenant wants cannot be written.

use std::time::Duration;

use assessment::Reason;
use fake_apiserver::{Admission, AdmissionRule, InMemory, Kind};
use serde_json::{Value, json};

use super::case::{Case, Group, Told};
use super::objects::{
    LEDGER, NODE_SELECTOR, POOL, TENANT, TOLERATIONS, admit_all, annotate, deny, edit, good, label,
    namespace, put, put_annotated, remove, wants,
};

const CREATOR: &str = "landlord.dev/creator";
const CLAIM: &str = "the claim is corrected";
const FIXED: &str = "the tenant is corrected";
const ADOPTED: &str = "the claim is taken back, or an admin runs `landlord adopt`";

pub(super) fn all() -> Vec<Case> {
    [claims(), records(), tenants_gone(), wishes(), hooks(), capsule(), rivals(), pods()]
        .into_iter()
        .flatten()
        .collect()
}

fn by_any_label() -> Value {
    json!({"identify": [{"jsonPath": {"path": "$.namespace.metadata.labels[*]", "prefix": "tenant-"}}, {"label": TENANT}]})
}

fn by_team(kind: &str) -> Value {
    json!({"identify": [{kind: "team"}, {"label": TENANT}]})
}

fn stamp(user: &str) -> String {
    json!({"username": user, "groups": []}).to_string()
}

/// Web as the guard lets this user create it.
fn stamped(user: &str) -> Value {
    let mut new = namespace("web", "solar");
    new["metadata"]["annotations"][CREATOR] = json!(stamp(user));
    new
}

fn claims() -> Vec<Case> {
    let case = |what, reason: Reason| Case::new(Group::Claim, what, reason, CLAIM);
    let long = "x".repeat(1000);
    vec![
        case("one rule finds two tenants", Reason::AmbiguousClaim)
            .set(by_any_label())
            .broken(|it| {
                label(it, "a", "tenant-solar");
                label(it, "b", "tenant-lunar");
            })
            .restored(|it| label(it, "b", "none"))
            .told(Told::Event),
        case("the claim is longer than any name", Reason::AmbiguousClaim)
            .set(by_team("annotation"))
            .broken(move |it| annotate(it, "team", &long))
            .restored(|it| annotate(it, "team", "solar"))
            .told(Told::Event),
        case("the claim is a name that no object can have", Reason::UnknownTenant)
            .set(by_team("annotation"))
            .broken(|it| annotate(it, "team", "no name!"))
            .restored(|it| annotate(it, "team", "solar"))
            .told(Told::Event),
        case("it comes to claim a tenant that does not exist", Reason::UnknownTenant)
            .set(by_team("label"))
            .broken(|it| label(it, "team", "nobody"))
            .restored(|it| label(it, "team", "solar"))
            .told(Told::Event),
        case("a new namespace claims a tenant that does not exist", Reason::UnknownTenant)
            .fresh()
            .broken(|it| put(it, namespace("web", "nobody")))
            .restored(|it| label(it, TENANT, "solar"))
            .told(Told::Event),
    ]
}

fn records() -> Vec<Case> {
    let case = |what, reason: Reason| Case::new(Group::Claim, what, reason, ADOPTED);
    let owned = || json!({"owners": [{"kind": "User", "name": "sol"}]});
    let scope = |scope: &str| json!({"guard": {"scope": scope}});
    let unlabel = |it: &InMemory| edit(it, |metadata| remove(metadata, "labels", TENANT));
    vec![
        case("it comes to claim another tenant, by a label that landlord seals", Reason::Unverified)
            .set(by_team("label"))
            .broken(|it| label(it, "team", "lunar"))
            .restored(|it| label(it, "team", "solar"))
            .told(Told::Event),
        case("it comes to claim another tenant, by a label that anybody may write", Reason::Unverified)
            .set(by_any_label())
            .broken(|it| label(it, "a", "tenant-lunar"))
            .restored(|it| label(it, "a", "tenant-solar"))
            .told(Told::Event),
        case("a user without the right to claim the tenant has created it", Reason::Unverified)
            .set(json!({"admins": {"users": ["ops"]}}))
            .fresh()
            .broken(|it| put(it, stamped("stranger")))
            .edited(move |it| wants(it, &owned()))
            .restored(|it| annotate(it, CREATOR, &stamp("ops"))),
        case("its label is taken away, guard with `scope: all`", Reason::Unverified)
            .set(scope("all"))
            .broken(unlabel)
            .restored(|it| label(it, TENANT, "solar"))
            .told(Told::Event),
        case("its label is taken away, guard with `scope: labelled`", Reason::Unverified)
            .set(scope("labelled"))
            .broken(unlabel)
            .restored(|it| label(it, TENANT, "solar"))
            .told(Told::Event)
            .open("the guard does not look at it; while the guard is there, its *seal* puts the label back"),
        case("a user creates it without a claim, under `unclaimed: reject`", Reason::Unclaimed)
            .set(json!({"unclaimed": "reject", "guard": {"scope": "all"}, "admins": {"users": ["ops"]}}))
            .fresh()
            .broken(|it| {
                let mut new = stamped("stranger");
                remove(&mut new["metadata"], "labels", TENANT);
                put(it, new);
            })
            .restored(|it| {
                annotate(it, CREATOR, &stamp("ops"));
                label(it, TENANT, "solar");
            })
            .told(Told::Event),
    ]
}

/// Tenants that are not there any more; they want no other pool then.
fn tenants_gone() -> Vec<Case> {
    let case = |what, cure| {
        Case::new(Group::Claim, what, Reason::UnknownTenant, cure)
            .edited(|_| {})
            .restored(good)
            .told(Told::Event)
    };
    let created = "it is created again";
    let lapse = Case {
        lasts: Duration::from_secs(45),
        ..case("its tenant was deleted less than a minute ago", created)
    };
    let kind = || Kind::cluster("landlord.dev/v1alpha1", "Tenant", "tenants");
    vec![
        lapse
            .broken(|it| assert!(it.remove("Tenant", "solar")))
            .open("the tenant may come back, and this is the pool that it wanted last"),
        case(
            "its tenant was deleted more than a minute ago, so that its keys are released",
            created,
        )
        .broken(|it| assert!(it.remove("Tenant", "solar"))),
        case(
            "all tenants, or half of them at once, were deleted",
            "they are created again, or ten minutes after the first is back",
        )
        .broken(|it| assert!(["solar", "lunar"].iter().all(|name| it.remove("Tenant", name))))
        .open("tenants may come back, and this is the pool that it wanted last"),
        case("the kind of tenants is not served", "it is served again, with its tenants")
            .broken(|it| assert!(it.withdraw("Tenant").is_some()))
            .restored(move |it| {
                it.define(kind());
                good(it);
            })
            .open("tenants may come back, and this is the pool that it wanted last"),
    ]
}

fn wishes() -> Vec<Case> {
    let case = |what, reason: Option<Reason>, spec: Value| {
        Case::new(Group::Tenant, what, reason, FIXED)
            .edited(move |it| wants(it, &spec))
            .restored(good)
    };
    vec![
        case("a label whose value is none, once its template is rendered", Some(Reason::InvalidValue), json!({"labels": {"full": "{{namespace}} is no value"}})),
        case("an annotation whose key is none, once its template is rendered", Some(Reason::InvalidKey), json!({"annotations": {"a/{{namespace}}/b": "no key"}})),
        case("a node selector that cannot be one", Some(Reason::InvalidTenant), json!({"nodeSelector": {"pool": "=="}})),
        case("a hook that cannot be read", Some(Reason::InvalidTenant), json!({"hooks": [{"name": "bad", "require": [{"path": "$.namespace.metadata.name", "matches": "("}]}]})),
        case("more to restore later than fits into the ledger", Some(Reason::PreviousTooLarge), json!({"release": "restore", "annotations": {"big": "small"}}))
            .broken(|it| annotate(it, "big", &"x".repeat(17_000))),
        case("tolerations, under `conflicts: reject`, where the namespace has others", Some(Reason::Conflicted),
             json!({"conflicts": "reject", "tolerations": [{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}]}))
            .broken(|it| annotate(it, TOLERATIONS, "[]")),
        case("a label, under `conflicts: reject`, where the namespace has another value", Some(Reason::Conflicted), json!({"conflicts": "reject", "labels": {"team": "sun"}}))
            .broken(|it| label(it, "team", "mine")),
        case("a label that would take the namespace away from it", Some(Reason::InvalidTenant), json!({"labels": {"a": "tenant-lunar"}}))
            .set(by_any_label()),
    ]
}

fn hooks() -> Vec<Case> {
    let case = |what, reason: Reason, hook: Value| {
        let spec = json!({"hooks": [hook]});
        Case::new(Group::Tenant, what, reason, "the namespace or the hook is corrected")
            .broken(|it| annotate(it, "zone", "no value!"))
            .edited(move |it| wants(it, &spec))
            .restored(good)
    };
    let zone = json!({"zone": {"fromPath": "$.namespace.metadata.annotations.zone"}});
    let needs = |on_failure: &str| {
        let require = json!([{"path": "$.namespace.metadata.labels.env", "exists": true}]);
        json!({"name": "env", "onFailure": on_failure, "require": require})
    };
    vec![
        case(
            "a hook whose node selector cannot be made of the namespace",
            Reason::HookRejected,
            json!({"name": "zone", "set": {"nodeSelector": zone}}),
        ),
        case(
            "a hook whose label cannot be made of the namespace",
            Reason::HookRejected,
            json!({"name": "zone", "set": {"labels": zone}}),
        ),
        case("a hook whose requirement does not hold", Reason::HookRejected, needs("reject")),
        case("the same with `onFailure: warn`", Reason::HookWarning, needs("warn"))
            .told(Told::Event),
    ]
}

const CAPSULE: &str = "capsule.clastix.io/v1beta2";

fn capsule_tenant(spec: &Value) -> Value {
    json!({"apiVersion": CAPSULE, "kind": "Tenant", "metadata": {"name": "solar"}, "spec": spec})
}

fn capsule() -> Vec<Case> {
    let case = |what, reason: Reason, spec: Value| {
        Case::new(Group::Tenant, what, reason, FIXED)
            .set(json!({"tenantSource": "capsule"}))
            .beginning(Some("pool=a"), |it| {
                it.define(Kind::cluster(CAPSULE, "Tenant", "tenants"));
                put(it, capsule_tenant(&json!({"nodeSelector": {"pool": "a"}})));
                for name in ["web", "control"] {
                    let mut object = namespace(name, "solar");
                    object["metadata"]["labels"] = json!({"capsule.clastix.io/tenant": "solar"});
                    put(it, object);
                }
            })
            .edited(move |it| put(it, capsule_tenant(&spec)))
            .restored(|it| put(it, capsule_tenant(&json!({"nodeSelector": {"pool": POOL}}))))
            .told(Told::Event)
    };
    let switches = json!({"namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}, "labels": {"env": "a"}});
    vec![
        case(
            "of Capsule: a node selector among the annotations that no Pod could be created with",
            Reason::InvalidNodeSelector,
            json!({"namespaceOptions": {"additionalMetadata": {"annotations": {NODE_SELECTOR: "a=b=c"}}}}),
        ),
        case(
            "of Capsule: list items that switch each other on and off",
            Reason::DoesNotComeToRest,
            json!({"nodeSelector": {"pool": POOL}, "namespaceOptions": {"additionalMetadataList": [switches], "managedMetadataOnly": true}}),
        ),
    ]
}

fn rivals() -> Vec<Case> {
    let case = |what, rival| {
        Case::new(Group::Rival, what, Reason::Contested, "it has written nothing for ten minutes")
            .contested(rival)
    };
    let hook = json!({"name": "team", "remove": {"labels": ["team"]}});
    vec![
        case("it gives the node selector another value", |it| {
            it["annotations"][NODE_SELECTOR] = json!("pool=rival")
        }),
        case("it takes the node selector away", |it| remove(it, "annotations", NODE_SELECTOR)),
        case("it takes the ledger away", |it| remove(it, "annotations", LEDGER)),
        case("it takes the tenant's label away, which landlord writes from another claim; guard with `scope: all`", |it| {
            remove(it, "labels", TENANT)
        })
        .set(json!({"identify": [{"annotation": "team"}], "guard": {"scope": "all"}}))
        .beginning(Some("pool=a"), put_annotated),
        case("it gives another label of the tenant's another value", |it| {
            it["labels"]["billing"] = json!("mine")
        }),
        case("it puts a label back that a hook takes away", |it| {
            it["labels"]["team"] = json!("mine")
        })
        .set(json!({"hooks": [hook]})),
    ]
}

fn pods() -> Vec<Case> {
    let case =
        |what, reason: Reason, cure| Case::new(Group::Pods, what, reason, cure).told(Told::Pod);
    let denial = || {
        AdmissionRule::new(Admission::Deny { code: 403, retry_after: 0 }).only("pods").within("web")
    };
    vec![
        case(
            "it waits for its namespace for half a minute",
            Reason::WaitingForNamespace,
            "the namespace is ready",
        )
        .broken(|it| deny(it, 403))
        .restored(admit_all),
        case(
            "its own `nodeSelector` is another than the tenant's",
            Reason::SelectorClash,
            "it is created anew without that key",
        )
        .waiting(json!({"nodeSelector": {"pool": "mine"}}))
        .restored(|it| assert!(it.remove("Pod", "web/build"))),
        case(
            "a webhook or policy refuses that its gate goes",
            Reason::Forbidden,
            "the webhook or policy lets the patch pass",
        )
        .waiting(json!({}))
        .broken(move |it| it.faults().admit_by(denial()))
        .restored(admit_all),
    ]
}
