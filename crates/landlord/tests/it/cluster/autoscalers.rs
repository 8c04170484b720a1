//! Kinds of autoscalers, in group, version, plural and shape as these install them, and a pool of
//! each without a node.

pub(super) const DEFINITIONS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: nodepools.karpenter.sh}
spec:
  group: karpenter.sh
  names: {kind: NodePool, listKind: NodePoolList, plural: nodepools, singular: nodepool, categories: [karpenter]}
  scope: Cluster
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, required: [spec], properties: {spec: {type: object, required: [template], x-kubernetes-preserve-unknown-fields: true}, status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: machinedeployments.cluster.x-k8s.io}
spec:
  group: cluster.x-k8s.io
  names: {kind: MachineDeployment, listKind: MachineDeploymentList, plural: machinedeployments, singular: machinedeployment, shortNames: [md], categories: [cluster-api]}
  scope: Namespaced
  versions:
  - name: v1beta1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}, status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: machinepools.cluster.x-k8s.io}
spec:
  group: cluster.x-k8s.io
  names: {kind: MachinePool, listKind: MachinePoolList, plural: machinepools, singular: machinepool, shortNames: [mp], categories: [cluster-api]}
  scope: Namespaced
  versions:
  - name: v1beta1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}, status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
";

/// These kinds and others.
pub(super) fn and(definitions: &str) -> String {
    format!("{definitions}\n---{DEFINITIONS}")
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
