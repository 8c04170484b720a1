//! Features: what users of Helm charts expect of any chart, and get by values.

use rstest::rstest;
use serde_json::{Value, json};

use super::{everything_optional, named, of_kind, rendered, sets, the};
use crate::helm::{CHART, helm};
use crate::landlord::run;

/// The dashboard's Service answers /metrics with 404.
#[test]
fn a_service_monitor_selects_what_serves_metrics() {
    let objects = rendered(json!({"serviceMonitor": {"enabled": true}, "web": {"enabled": true}}));
    let monitor = &the(&objects, "ServiceMonitor")["spec"];
    assert_eq!(monitor["namespaceSelector"], json!({"matchNames": ["landlord"]}));
    let wanted = monitor["selector"]["matchLabels"].as_object().expect("labels");
    let is_selected = |service: &&&Value| {
        wanted.iter().all(|(key, value)| &service["metadata"]["labels"][key] == value)
    };
    let services = of_kind(&objects, "Service");
    let selected: Vec<_> =
        services.iter().filter(is_selected).map(|one| &one["metadata"]["name"]).collect();
    assert_eq!((services.len(), selected), (2, vec![&json!("landlord-metrics")]));
}

#[rstest]
#[case::none(json!({}), "ghcr.io/landlord-dev/landlord:", "registry://ghcr.io/landlord-dev/landlord-policy:")]
#[case::of_the_image(json!({"image": {"registry": "r.example.com:5000/mirror"}}), "r.example.com:5000/mirror/landlord-dev/landlord:", "registry://ghcr.io/landlord-dev/landlord-policy:")]
#[case::of_everything(json!({"global": {"imageRegistry": "r.example.com"}, "image": {"registry": "other"}}), "r.example.com/landlord-dev/landlord:", "registry://r.example.com/landlord-dev/landlord-policy:")]
#[case::of_a_repository(json!({"image": {"registry": "r.example.com", "repository": "library/landlord"}}), "r.example.com/library/landlord:", "registry://ghcr.io/")]
#[case::in_the_repository(json!({"image": {"repository": "localhost/landlord"}}), "localhost/landlord:", "registry://ghcr.io/")]
fn a_registry_takes_the_place_of_another(
    #[case] values: Value,
    #[case] image: &str,
    #[case] module: &str,
) {
    let mut values = values;
    values["policy"] = json!({"enabled": true});
    let objects = rendered(values);
    let pods = [
        &the(&objects, "Deployment")["spec"]["template"]["spec"],
        &the(&objects, "Job")["spec"]["template"]["spec"],
        &the(&objects, "Pod")["spec"],
    ];
    for pod in pods {
        let found = pod["containers"][0]["image"].as_str().expect("an image");
        assert!(found.starts_with(image), "{found}");
    }
    let found = the(&objects, "ClusterAdmissionPolicy")["spec"]["module"].as_str().expect("one");
    assert!(found.starts_with(module), "{found}");
}

/// Metadata of everything that is rendered, with that of Pods.
fn all_metadata(objects: &[Value]) -> Vec<&Value> {
    let templates = objects.iter().map(|one| &one["spec"]["template"]["metadata"]);
    let extra =
        |metadata: &&Value| metadata["name"].as_str().is_some_and(|name| name.ends_with("extra"));
    let all = objects.iter().map(|one| &one["metadata"]).chain(templates);
    all.filter(|metadata| !metadata.is_null() && !extra(metadata)).collect()
}

#[test]
fn common_metadata_is_on_all_objects_and_pods() {
    for (what, mut values) in sets() {
        values["commonLabels"] = json!({"division": "platform", "app.kubernetes.io/name": "mine"});
        values["commonAnnotations"] = json!({"cost": "1"});
        let objects = rendered(values);
        for metadata in all_metadata(&objects) {
            let (labels, annotations) = (&metadata["labels"], &metadata["annotations"]);
            assert!(
                labels["division"] == "platform"
                    && labels["app.kubernetes.io/name"] == "landlord"
                    && annotations["cost"] == "1",
                "{what}: {metadata}"
            );
        }
    }
}

/// They are the texts of the binary, without the alerts that nobody wants.
#[test]
fn alerts_and_grafanas_dashboard_are_those_of_the_binary() {
    let objects = rendered(everything_optional());
    let found: Value = the(&objects, "PrometheusRule")["spec"].clone();
    let mut wanted: Value =
        serde_saphyr::from_str(&run("render alerts --plain").out).expect("YAML");
    let rules = wanted["groups"][0]["rules"].as_array_mut().expect("rules");
    let all = rules.len();
    rules.retain(|rule| rule["alert"] != "LandlordPodsHeld");
    assert_eq!(
        (found, all - 1),
        (wanted.clone(), wanted["groups"][0]["rules"].as_array().map_or(0, Vec::len))
    );
    let map = named(&objects, "ConfigMap", "landlord-grafana");
    assert_eq!(
        (&map["metadata"]["namespace"], &map["metadata"]["labels"]["grafana_dashboard"]),
        (&json!("monitoring"), &json!("1"))
    );
    assert_eq!(
        map["data"]["landlord.json"].as_str().map(str::trim_end),
        Some(run("render grafana").out.trim_end())
    );
}

#[test]
fn the_deployment_is_as_the_values_say() {
    let objects = rendered(everything_optional());
    let deployment = the(&objects, "Deployment");
    let spec = &deployment["spec"];
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    for (found, wanted) in [
        (&deployment["metadata"]["annotations"], json!({"a": "b", "cost": "1"})),
        (&spec["template"]["metadata"]["annotations"], json!({"a": "b", "cost": "1"})),
        (&spec["strategy"]["rollingUpdate"], json!({"maxSurge": "25%", "maxUnavailable": 1})),
        (&spec["revisionHistoryLimit"], json!(2)),
        (&pod["imagePullSecrets"], json!([{"name": "all"}, {"name": "pull"}])),
        (&pod["runtimeClassName"], json!("gvisor")),
        (&pod["hostNetwork"], json!(true)),
        (&pod["dnsPolicy"], json!("ClusterFirstWithHostNet")),
        (&pod["hostAliases"], json!([{"ip": "10.0.0.1", "hostnames": ["api"]}])),
        (&pod["enableServiceLinks"], json!(false)),
        (&pod["containers"][1]["name"], json!("proxy")),
        (&pod["volumes"][0]["name"], json!("settings")),
        (&pod["volumes"][1]["name"], json!("ca")),
        (&container["volumeMounts"][1]["mountPath"], json!("/etc/ssl")),
        (&container["livenessProbe"]["failureThreshold"], json!(5)),
        (&container["readinessProbe"]["initialDelaySeconds"], json!(1)),
        (&container["readinessProbe"]["httpGet"]["path"], json!("/readyz")),
        (&the(&objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], json!(1)),
        (&the(&objects, "PodDisruptionBudget")["spec"]["minAvailable"], Value::Null),
        (&the(&objects, "NetworkPolicy")["spec"]["egress"][1]["ports"][0]["port"], json!(53)),
        (&the(&objects, "ServiceMonitor")["metadata"]["namespace"], json!("monitoring")),
        (&the(&objects, "ServiceMonitor")["spec"]["endpoints"][0]["scrapeTimeout"], json!("10s")),
        (&the(&objects, "Secret")["metadata"]["name"], json!("landlord-extra")),
        (&the(&objects, "LimitRange")["metadata"]["name"], json!("extra")),
    ] {
        assert_eq!(*found, wanted);
    }
    let level = rendered(json!({"logLevel": "debug"}));
    let env = &the(&level, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env[0]["name"], "LANDLORD_LOG");
    assert!(env[0]["value"].as_str().is_some_and(|value| value.starts_with("debug,kube=warn")));
}

/// Who may edit tenants decides on nodes and owners: by default nobody gets that unasked.
#[test]
fn kubernetes_own_roles_read_tenants_and_do_not_write_them() {
    let aggregated = |values: Value| {
        let objects = rendered(values);
        ["view", "edit"].map(|role| {
            let role = named(&objects, "ClusterRole", &format!("landlord:tenants-{role}"));
            let labels = role["metadata"]["labels"].as_object().expect("labels").clone();
            labels.into_iter().filter(|(key, _)| key.contains("aggregate-to")).count()
        })
    };
    assert_eq!(aggregated(json!({})), [3, 0]);
    assert_eq!(aggregated(json!({"rbac": {"aggregate": {"view": false, "edit": true}}})), [0, 1]);
}

#[rstest]
#[case::by_version(&["--kube-version=1.36.0"], true)]
#[case::too_old(&["--kube-version=1.35.2"], false)]
#[case::served(&["--kube-version=1.35.2", "--api-versions=v1/Namespace", "--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"], true)]
#[case::switched_off(&["--kube-version=1.36.0", "--api-versions=v1/Namespace"], false)]
fn the_guard_is_on_where_the_server_can(#[case] server: &[&str], #[case] is_on: bool) {
    let words = ["template", "landlord", CHART, "--show-only=templates/deployment.yaml"];
    let run = helm(words.iter().chain(server).copied(), &json!({}), None);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(run.out.contains("- --guard\n"), is_on, "{}", run.out);
}
