//! The command line against a real cluster: what it says where something is in the way, names that
//! shells complete, and kubectl's plugin.

use std::path::Path;
use std::process::Command;

use local_cluster::process::Program;
use local_cluster::user::User;
use local_cluster::{Cluster, kubewarden};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::world::{World, eventually};
use crate::completions::offered;
use crate::landlord::{Run, binary, root, run_command, run_on};

const STRANGER: &str = "stranger";

async fn world() -> World {
    let world =
        World::on(Cluster::builder().user(User::new(STRANGER, Vec::<String>::new())), "landlord")
            .await;
    world.set_tenant("solar", json!({"labels": {"a": "b"}})).await;
    world.create("solar-web", "solar", json!({})).await;
    world
}

/// Runs a command with this kubeconfig.
async fn landlord(words: String, kubeconfig: &Path) -> Run {
    let words = format!("{words} --kubeconfig={}", kubeconfig.display());
    tokio::task::spawn_blocking(move || run_on(&words, "")).await.expect("the command")
}

#[track_caller]
fn says(run: &Run, parts: &[&str]) {
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{}", run.err);
    parts.iter().for_each(|part| assert!(run.err.contains(part), "no {part:?} in {}", run.err));
}

#[tokio::test]
async fn what_is_in_the_way_is_said_with_a_way_out() {
    let world = world().await;
    let admin = world.cluster.kubeconfig();
    let settings = format!("--settings={}", world.cluster.file("settings.yaml").display());

    let no_kubewarden = landlord("status".to_owned(), &admin).await;
    says(
        &no_kubewarden,
        &[
            "there is no kind ClusterAdmissionPolicy",
            "no ConfigMap landlord/landlord-settings",
            "--lease-namespace",
            "--settings FILE",
        ],
    );
    world.cluster.apply(kubewarden::DEFINITION).await.expect("the kind");
    let status = async || landlord("status".to_owned(), &admin).await;
    eventually("the kind to be served", async || !status().await.err.contains("there is no kind"))
        .await;
    says(
        &status().await,
        &[
            "there is no ClusterAdmissionPolicy \"landlord\"",
            "no ConfigMap landlord/landlord-settings",
            "--policy",
            "--settings FILE",
        ],
    );
    rights_that_are_missing_are_named(&world, &settings).await;
    what_files_say_is_judged(&world, &settings).await;
}

async fn rights_that_are_missing_are_named(world: &World, settings: &str) {
    let stranger = world.cluster.kubeconfig_of(STRANGER);
    let no_right_to_settings = landlord("status".to_owned(), &stranger).await;
    says(
        &no_right_to_settings,
        &[
            "fix: ask for the right",
            "`kubectl auth can-i get clusteradmissionpolicies.policies.kubewarden.io -A`",
        ],
    );
    let forbidden = landlord(format!("plan {settings}"), &stranger).await;
    assert!(
        !forbidden.err.contains("Status {"),
        "the API server's words, no more: {}",
        forbidden.err
    );
    says(
        &forbidden,
        &[
            "cannot list resource",
            "fix: ask for the right",
            "`kubectl auth can-i list tenants.landlord.dev -A`",
        ],
    );
}

async fn what_files_say_is_judged(world: &World, settings: &str) {
    let admin = world.cluster.kubeconfig();
    let broken = world.cluster.file("broken.yaml");
    std::fs::write(&broken, "{conflict: keep}").expect("a file");
    says(
        &landlord(format!("plan --settings={}", broken.display()), &admin).await,
        &["broken.yaml", "did you mean `conflicts`?"],
    );

    let mut kubeconfig: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(&admin).expect("a kubeconfig"))
            .expect("YAML");
    kubeconfig["users"][0]["user"]["token"] = json!("nobody's");
    let unknown = world.cluster.file("unknown");
    std::fs::write(&unknown, kubeconfig.to_string()).expect("a file");
    says(
        &landlord(format!("plan {settings}"), &unknown).await,
        &["fix: the API server does not know you", "kubectl auth whoami"],
    );

    let capsule = world.cluster.file("foreign.yaml");
    std::fs::write(
        &capsule,
        json!({"tenantSource": {"custom": {"apiVersion": "example.com/v1", "kind": "Pool"}}})
            .to_string(),
    )
    .expect("a file");
    says(
        &landlord(format!("plan --settings={}", capsule.display()), &admin).await,
        &["example.com/v1 Pool is not installed", "definition"],
    );
}

/// The roles of docs/operations.md, given to the stranger.
async fn give_documented_rights(world: &World) {
    let docs =
        std::fs::read_to_string(root().join("docs/operations.md")).expect("the documentation");
    for name in ["landlord:audit", "landlord:doctor"] {
        let role = docs
            .split("```yaml\n")
            .filter_map(|block| block.split("```").next())
            .find(|block| block.contains(name))
            .expect("the role");
        let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": STRANGER}]});
        world.cluster.apply(&format!("{role}---\n{binding}")).await.expect("rights");
    }
}

/// Without Kubewarden they are in a ConfigMap, wherever the controller is; with it, the policy's
/// count.
#[tokio::test]
async fn the_settings_of_a_controller_that_is_alone_are_found() {
    let world = world().await;
    let stranger = world.cluster.kubeconfig_of(STRANGER);
    give_documented_rights(&world).await;
    let alone =
        std::fs::read_to_string(root().join("deploy/controller-only.yaml")).expect("the manifests");
    world.cluster.apply(&alone).await.expect("the ConfigMap");
    let audit = landlord("audit".to_owned(), &stranger).await;
    assert_eq!(audit.code, Some(0), "{}", audit.err);
    let doctor = landlord("doctor -o json".to_owned(), &stranger).await;
    let report: Value =
        serde_json::from_str(&doctor.out).unwrap_or_else(|error| panic!("{error}: {}", doctor.err));
    let state = |check: &str| {
        report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| one["check"] == check)
            .expect("a finding")["state"]
            .clone()
    };
    assert_eq!(
        (state("webhook"), state("unclaimed")),
        (json!("skipped"), json!("ok")),
        "{report:#}"
    );

    let named = landlord("audit --policy ladnlord".to_owned(), &stranger).await;
    says(&named, &["there is no kind ClusterAdmissionPolicy"]);
    let elsewhere = landlord("audit --lease-namespace elsewhere".to_owned(), &stranger).await;
    says(&elsewhere, &["no ConfigMap elsewhere/landlord-settings"]);
    let broken = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "landlord-settings", "namespace": "default"}, "data": {"settings.yaml": "{conflict: keep}"}});
    world.cluster.apply(&broken.to_string()).await.expect("a ConfigMap");
    let broken = landlord("audit --lease-namespace default".to_owned(), &stranger).await;
    says(
        &broken,
        &["settings.yaml of ConfigMap default/landlord-settings", "did you mean `conflicts`?"],
    );
}

#[tokio::test]
async fn shells_are_offered_the_names_of_the_cluster() {
    let world = world().await;
    let kubeconfig = world.cluster.kubeconfig();
    let ask = |words: &'static str| {
        let kubeconfig = kubeconfig.clone();
        async move {
            tokio::task::spawn_blocking(move || offered(words, Some(&kubeconfig)))
                .await
                .expect("bash")
        }
    };
    // A cluster that is slow to answer within a second is asked again.
    eventually("the namespace", async || ask("landlord explain solar-").await == ["solar-web"])
        .await;
    eventually("the tenant", async || ask("landlord status so").await == ["solar"]).await;
    eventually("the tenant of a flag", async || {
        ask("landlord plan --tenant so").await == ["solar"]
    })
    .await;
    // The line says where to ask: it counts more than the environment and the current context.
    let mut config: Value =
        serde_saphyr::from_str(&std::fs::read_to_string(&kubeconfig).expect("a kubeconfig"))
            .expect("YAML");
    let mut context = config["contexts"][0].clone();
    context["name"] = json!("here");
    config["contexts"] = json!([context, {"name": "dead", "context": {"cluster": "dead", "user": context["context"]["user"]}}]);
    config["clusters"] = json!([config["clusters"][0], {"name": "dead", "cluster": {"server": "https://127.0.0.1:9"}}]);
    config["current-context"] = json!("dead");
    let other = world.cluster.file("other");
    std::fs::write(&other, config.to_string()).expect("a file");
    let words = format!("landlord explain --kubeconfig {} --context here solar-", other.display());
    let offer = |words: String| async {
        tokio::task::spawn_blocking(move || offered(&words, Some(Path::new("/nowhere"))))
            .await
            .expect("bash")
    };
    eventually("the namespace of the line's cluster", async || {
        offer(words.clone()).await == ["solar-web"]
    })
    .await;
    assert_eq!(offer(words.replace("here", "dead")).await, [""]);
}

#[tokio::test]
async fn kubectl_finds_the_plugin() {
    let world = world().await;
    let folder = tempfile::tempdir().expect("a folder");
    let bin = folder.path().join("bin");
    let installed = run_command(
        Command::new(root().join("scripts/install")).arg(binary()).arg(folder.path()),
        "",
    );
    assert_eq!(installed.code, Some(0), "{}", installed.err);
    let kubectl = world.cluster.binaries().path("kubectl");
    let (kubeconfig, settings) = (world.cluster.kubeconfig(), world.cluster.file("settings.yaml"));
    let run = |words| kubectl_landlord(&kubectl, words, &bin, &kubeconfig, &settings);
    let plugins = run("plugin list").await;
    assert!(plugins.out.contains("kubectl-landlord"), "{}{}", plugins.out, plugins.err);
    let status = run("landlord status -o json").await;
    assert_eq!(status.code, Some(2), "its exit codes come through: {}", status.err);
    assert!(status.out.contains("\"name\": \"solar\""), "{}", status.out);
    let help = run("landlord --help").await;
    assert!(
        help.out.contains("Usage: kubectl landlord")
            && help.out.contains("kubectl landlord plan -o diff"),
        "{}",
        help.out
    );
}

async fn kubectl_landlord(
    kubectl: &Path,
    words: &str,
    bin: &Path,
    kubeconfig: &Path,
    settings: &Path,
) -> Run {
    let mut command = Command::new(kubectl);
    command
        .args(words.split_whitespace())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command.env("HOME", bin).env("KUBECONFIG", kubeconfig).env("LANDLORD_SETTINGS", settings);
    tokio::task::spawn_blocking(move || run_command(&mut command, "")).await.expect("kubectl")
}

/// Reports follow each other until Ctrl-C, which is no error then.
#[tokio::test]
async fn watching_ends_by_ctrl_c() {
    let world = world().await;
    for command in ["status", "audit"] {
        let log = world.cluster.log(command);
        let settings = format!("--settings={}", world.cluster.file("settings.yaml").display());
        let kubeconfig = format!("--kubeconfig={}", world.cluster.kubeconfig().display());
        let words = [
            command.to_owned(),
            "--watch".to_owned(),
            "--interval=1".to_owned(),
            "-o=json".to_owned(),
            settings,
            kubeconfig,
        ];
        let mut process =
            Program::new(command, binary(), &log).args(words).start().expect("the command starts");
        let reports =
            || std::fs::read_to_string(&log).unwrap_or_default().matches("\"apiVersion\"").count();
        eventually("two reports", async || reports() >= 2).await;
        process.signal(Signal::SIGINT).expect("a signal");
        eventually("its end", async || !process.runs()).await;
        assert_eq!(
            process.ended().expect("a status").and_then(|status| status.code()),
            Some(0),
            "{}",
            process.last_words()
        );
    }
}

/// A user who may read one namespace and tenants, and list nothing.
#[tokio::test]
async fn one_namespace_is_explained_and_adopted_without_a_right_to_list() {
    let world = world().await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["solar-web"], "verbs": ["get", "patch"]},
        {"apiGroups": ["landlord.dev"], "resources": ["tenants"], "verbs": ["get"]}]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "one"}, "rules": rules});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "one"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "one"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": STRANGER}]});
    for object in [role, binding] {
        world.cluster.apply(&object.to_string()).await.expect("a right");
    }
    let stranger = world.cluster.kubeconfig_of(STRANGER);
    let settings = format!("--settings={}", world.cluster.file("settings.yaml").display());
    let command = async |words: &str| landlord(format!("{words} {settings}"), &stranger).await;

    let listed = command("plan").await;
    assert!(listed.err.contains("cannot be listed"), "{}", listed.err);
    let explained = command("explain solar-web").await;
    assert_eq!((explained.code, explained.err.as_str()), (Some(0), ""));
    let adopted = command("adopt solar-web").await;
    assert_eq!((adopted.code, adopted.err.as_str()), (Some(0), ""));
    assert_eq!(adopted.out, "solar-web: adopted for tenant \"solar\"\n");
    says(&command("explain solar-db").await, &["namespace \"solar-db\" cannot be read"]);
}
