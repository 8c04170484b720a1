//! Kinds of autoscalers, in group, version, plural and shape as these install them, and a pool of
//! each without a node.

/// A definition: `names` are its kind, plural, singular, and what else it is called.
fn definition(group: &str, version: &str, scope: &str, names: [&str; 4], more: &str) -> String {
    let [kind, plural, singular, called] = names;
    let any = "type: object, x-kubernetes-preserve-unknown-fields: true";
    format!(
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  names: {{kind: {kind}, listKind: {kind}List, plural: {plural}, singular: {singular}, {called}}}
  scope: {scope}
  versions:
  - name: {version}
    served: true
    storage: true
    subresources: {{status: {{}}}}
    schema: {{openAPIV3Schema: {{type: object, {more}properties: {{spec: {{{any}}}, status: {{{any}}}}}}}}}
"
    )
}

pub(super) fn definitions() -> String {
    let names = ["NodePool", "nodepools", "nodepool", "categories: [karpenter]"];
    let karpenter = definition("karpenter.sh", "v1", "Cluster", names, "required: [spec], ");
    let of_cluster_api =
        [("MachineDeployment", "md"), ("MachinePool", "mp")].map(|(kind, short)| {
            let singular = kind.to_lowercase();
            let called = format!("shortNames: [{short}], categories: [cluster-api]");
            let names = [kind, &format!("{singular}s"), &singular, &called];
            definition("cluster.x-k8s.io", "v1beta1", "Namespaced", names, "")
        });
    format!("{karpenter}---{}", of_cluster_api.join("---"))
}

/// These kinds and others.
pub(super) fn and(definitions: &str) -> String {
    format!("{definitions}\n---{}", self::definitions())
}

pub(super) const POOLS: &str = "
apiVersion: karpenter.sh/v1
kind: NodePool
metadata: {name: general}
spec:
  template:
    metadata: {labels: {team: platform}}
    spec:
      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}
      requirements:
      - {key: pool, operator: In, values: [solar, stellar]}
      - {key: kubernetes.io/arch, operator: In, values: [amd64]}
  limits: {cpu: 100}
  disruption: {consolidationPolicy: WhenEmptyOrUnderutilized, consolidateAfter: 1m}
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: MachineDeployment
metadata:
  name: md-terra
  namespace: default
  annotations:
    cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size: '0'
    cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size: '5'
    capacity.cluster-autoscaler.kubernetes.io/labels: pool=terra,example.com/disk=ssd
spec:
  clusterName: workload
  replicas: 0
  selector: {matchLabels: {}}
  template:
    metadata: {labels: {cluster.x-k8s.io/cluster-name: workload}}
    spec:
      clusterName: workload
      bootstrap: {dataSecretName: join}
      infrastructureRef: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: DockerMachineTemplate, name: md-terra}
";
