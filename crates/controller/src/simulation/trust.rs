//! Law 8: whatever is edited, a namespace changes its tenant by an admission request or an admin's act
//! only. Two hundred namespaces of users, admins and nobody on record, and one that is left alone.

use fake_apiserver::Kind;
use serde_json::json;

use super::*;

const MANY: usize = 200;
const CREATOR: &str = "landlord.dev/creator";
const UNCLAIMED: &str = "landlord.dev/unclaimed";
const ROBOT: &str = "system:serviceaccount:ops:robot";
/// Who created the namespaces, in turn: an owner of solar, an admin, an owner of both tenants, and
/// nobody on record.
const CREATORS: [Option<&str>; 4] = [Some("sol"), Some(ROBOT), Some("both"), None];

fn owned(name: &str, pool: &str, owners: &[&str], prefixes: &[&str]) -> Value {
    let owners: Vec<Value> =
        owners.iter().map(|name| json!({"kind": "User", "name": name})).collect();
    tenant(
        name,
        json!({"owners": owners, "nodeSelector": {"pool": pool}, "namespaces": {"prefixes": prefixes}}),
    )
}

fn settings(more: Value) -> Value {
    let mut settings = json!({"admins": {"serviceAccounts": ["ops:robot"]}});
    settings
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().cloned().expect("settings"));
    settings
}

fn name(prefix: &str, number: usize) -> String {
    format!("{prefix}-{number}")
}

/// Tenants solar and lunar, and namespaces as the guard stamps them.
fn server(prefix: &str, label: &str) -> InMemory {
    let server = InMemory::default();
    server.put(owned("solar", "a", &["sol", "both"], &[prefix])).expect("a tenant");
    server.put(owned("lunar", "b", &["luna", "both"], &[])).expect("a tenant");
    for number in 0..MANY {
        let mut object = namespace(&name(prefix, number), label);
        if label.is_empty() {
            object["metadata"]["labels"]
                .as_object_mut()
                .expect("labels")
                .remove("landlord.dev/tenant");
        }
        if let Some(user) = CREATORS[number % CREATORS.len()] {
            let stamp = json!({"username": user, "groups": []}).to_string();
            object["metadata"]["annotations"][CREATOR] = json!(stamp);
        }
        server.put(object).expect("a namespace");
    }
    server.put(namespace("control", "solar")).expect("a namespace");
    server
}

fn edit(server: &InMemory, prefix: &str, change: impl Fn(&mut Value)) {
    for number in 0..MANY {
        let object = server.object("Namespace", &name(prefix, number)).expect("a namespace");
        let mut object = (*object).clone();
        change(&mut object["metadata"]);
        server.put(object).expect("an edit");
    }
}

impl Simulation {
    async fn until_idle_with(&self, prefix: &str, decided: impl Fn(&Self, usize, &str) -> bool) {
        self.until("a decision on each", |this| {
            this.is_idle() && (0..MANY).all(|number| decided(this, number, &name(prefix, number)))
        })
        .await;
        assert!(self.is_in_pool("control", "a"), "the control stays");
        assert_eq!(self.trouble("control"), None);
    }

    /// Owners of both tenants move; of the others each stays where it is and is reported.
    async fn until_only_owners_of_both_move(&self, prefix: &str) {
        self.until_idle_with(prefix, |this, number, name| {
            if CREATORS[number % CREATORS.len()] == Some("both") {
                this.is_in_pool(name, "b") && this.trouble(name).is_none()
            } else {
                this.is_in_pool(name, "a") && this.trouble(name) == Some("Unverified")
            }
        })
        .await;
    }

    fn restart_with(self, settings: &Value) -> Self {
        let server = self.server.clone();
        drop(self);
        Self::start_with(server, settings)
    }

    async fn settled_with(server: InMemory, settings: &Value) -> Self {
        let simulation = Self::start_with(server, settings);
        simulation.until_compliant().await;
        simulation
    }
}

/// A rule comes to read what users wrote while it meant nothing.
#[tokio::test(start_paused = true)]
async fn a_new_rule_moves_nobody() {
    let simulation = Simulation::settled_with(server("web", "solar"), &settings(json!({}))).await;
    edit(&simulation.server, "web", |metadata| metadata["annotations"]["team"] = json!("lunar"));
    let simulation =
        simulation.restart_with(&settings(json!({"identify": [{"annotation": "team"}]})));
    simulation.until_only_owners_of_both_move("web").await;
}

/// Excluded for a maintenance, relabelled meanwhile, and looked at again.
#[tokio::test(start_paused = true)]
async fn what_happened_while_a_namespace_was_excluded_moves_nobody() {
    let simulation = Simulation::settled_with(server("web", "solar"), &settings(json!({}))).await;
    let simulation = simulation.restart_with(&settings(json!({"excludedNamespaces": ["web-*"]})));
    edit(&simulation.server, "web", |metadata| {
        metadata["labels"]["landlord.dev/tenant"] = json!("lunar")
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    let simulation = simulation.restart_with(&settings(json!({})));
    simulation.until_only_owners_of_both_move("web").await;
}

/// A tenant comes whose name and prefix namespaces have had before.
#[tokio::test(start_paused = true)]
async fn a_tenant_to_come_gets_no_namespace_of_others() {
    let by_name =
        settings(json!({"identify": [{"namePrefix": {}}, {"label": "landlord.dev/tenant"}]}));
    let simulation = Simulation::settled_with(server("future", "solar"), &by_name).await;
    simulation.server.put(owned("future", "b", &["fay", "both"], &["future-"])).expect("a tenant");
    simulation.until_only_owners_of_both_move("future").await;
}

/// Deleted, and made anew for others after its namespaces were released.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_made_anew_gets_only_what_its_owners_created() {
    let simulation = Simulation::settled_with(server("web", "solar"), &settings(json!({}))).await;
    simulation.server.remove("Tenant", "solar");
    simulation
        .until("the release", |this| {
            (0..MANY)
                .all(|number| this.metadata(&name("web", number))["annotations"][LEDGER].is_null())
        })
        .await;
    simulation.server.put(owned("solar", "c", &["new", "both"], &[])).expect("a tenant");
    simulation
        .until("a decision on each", |this| {
            (0..MANY).all(|number| {
                let name = name("web", number);
                if CREATORS[number % CREATORS.len()] == Some("both") {
                    this.is_in_pool(&name, "c")
                } else {
                    this.trouble(&name) == Some("Unverified")
                        && this.metadata(&name)["annotations"][NODE_SELECTOR].is_null()
                }
            })
        })
        .await;
}

/// The tenant does not want names any more that it had a prefix for: they stay with it, and nobody
/// marks them as free, until an admin says so by name.
#[tokio::test(start_paused = true)]
async fn a_prefix_that_is_withdrawn_frees_nobody() {
    let by_name =
        settings(json!({"identify": [{"namePrefix": {}}, {"label": "landlord.dev/tenant"}],
                                  "unclaimed": "reject", "guard": {"scope": "all"}}));
    let simulation = Simulation::settled_with(server("solar", ""), &by_name).await;
    simulation.server.put(owned("solar", "a", &["sol", "both"], &[])).expect("an edit");
    simulation
        .until_idle_with("solar", |this, _, name| {
            this.is_in_pool(name, "a")
                && this.metadata(name)["annotations"][UNCLAIMED].is_null()
                && this.trouble(name) == Some("Unverified")
        })
        .await;
}

/// As the guard records it: the admin's move is followed, and forgotten once it is written.
#[tokio::test(start_paused = true)]
async fn an_admin_moves_and_frees_by_an_edit() {
    let simulation = Simulation::settled_with(server("web", "solar"), &settings(json!({}))).await;
    let stamp = |values: Value| {
        json!(json!({"username": ROBOT, "groups": [], "moved": values}).to_string())
    };
    edit(&simulation.server, "web", |metadata| {
        metadata["labels"]["landlord.dev/tenant"] = json!("lunar");
        metadata["annotations"][CREATOR] = stamp(json!(["lunar"]));
    });
    let is_settled = |this: &Simulation, name: &str| {
        let creator = this.metadata(name)["annotations"][CREATOR].clone();
        this.trouble(name).is_none() && !creator.as_str().unwrap_or_default().contains("moved")
    };
    simulation
        .until_idle_with("web", |this, _, name| {
            this.is_in_pool(name, "b") && is_settled(this, name)
        })
        .await;
    edit(&simulation.server, "web", |metadata| {
        metadata["labels"].as_object_mut().expect("labels").remove("landlord.dev/tenant");
        metadata["annotations"][CREATOR] = stamp(json!([]));
    });
    simulation
        .until_idle_with("web", |this, _, name| {
            this.metadata(name)["annotations"][LEDGER].is_null() && is_settled(this, name)
        })
        .await;
}

/// A tenant that is deleted, and one whose kind is: what is claimed by name waits for it like any
/// other, with label, ledger and pool.
#[tokio::test(start_paused = true)]
async fn a_claim_by_name_outlives_its_tenant() {
    let by_name =
        settings(json!({"identify": [{"namePrefix": {}}, {"label": "landlord.dev/tenant"}]}));
    let simulation = Simulation::settled_with(server("solar", ""), &by_name).await;
    let kept = |this: &Simulation| {
        (0..MANY).all(|number| {
            let name = name("solar", number);
            this.is_in_pool(&name, "a")
                && this.metadata(&name)["labels"]["landlord.dev/tenant"] == "solar"
        })
    };
    let reported = |this: &Simulation| {
        (0..MANY).all(|number| this.trouble(&name("solar", number)) == Some("UnknownTenant"))
    };
    // Its kind goes; a controller that starts meanwhile writes nothing, nor where it comes back empty.
    let (kind, _): (Kind, _) = simulation.server.withdraw("Tenant").expect("it was served");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(kept(&simulation), "the kind is gone");
    simulation.server.define(kind);
    let simulation = simulation.restart_with(&by_name);
    simulation.until("reports", reported).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(kept(&simulation), "the kind is empty");
    // Replaced by force: back before anybody counts it as deleted.
    simulation.server.put(owned("solar", "a", &["sol"], &["solar"])).expect("a tenant");
    simulation.server.put(owned("lunar", "b", &["luna"], &[])).expect("a tenant");
    simulation.server.put(owned("nova", "c", &[], &[])).expect("a tenant");
    simulation.until("peace", |this| this.is_idle() && this.trouble("solar-0").is_none()).await;
    simulation.server.remove("Tenant", "solar");
    simulation.until("reports", reported).await;
    assert!(kept(&simulation), "within the grace");
    simulation.server.put(owned("solar", "a", &["sol"], &["solar"])).expect("a tenant");
    simulation.until("peace", |this| this.is_idle() && this.trouble("solar-0").is_none()).await;
    assert!(kept(&simulation), "it is back");
    // Deleted for good: the keys go, and the label stays.
    simulation.server.remove("Tenant", "solar");
    simulation
        .until("the release", |this| {
            (0..MANY).all(|number| {
                let metadata = this.metadata(&name("solar", number));
                metadata["annotations"][LEDGER].is_null()
                    && metadata["annotations"][NODE_SELECTOR].is_null()
                    && metadata["labels"]["landlord.dev/tenant"] == "solar"
            })
        })
        .await;
}
