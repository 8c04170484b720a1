//! Sabotage: somebody in the controller's place breaks a law, so that it can be seen that this is
//! noticed.

use chaos::event::Sabotage;
use k8s_openapi::api::core::v1::{Namespace as KubeNamespace, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams};

use super::{Namespace, Stage, json};

const WHO: &str = "saboteur";

impl Stage {
    pub(super) async fn sabotage(&mut self, what: Sabotage, name: Namespace) {
        if self.namespace(name).is_none() {
            return;
        }
        self.laws.unfenced.insert(WHO.to_owned());
        let ((client, _connection), name) = (self.server.connect(WHO), name.to_string());
        let namespaces: Api<KubeNamespace> = Api::all(client.clone());
        match what {
            Sabotage::Key => {
                let patch = Patch::Merge(json!({"metadata": {"labels": {"own": "stolen"}}}));
                drop(namespaces.patch(&name, &PatchParams::default(), &patch).await);
            }
            Sabotage::Loss => drop(namespaces.delete(&name, &DeleteParams::default()).await),
            Sabotage::Placement => {
                let pod = self.add_pod(&name);
                let patch = Patch::Merge(
                    json!({"spec": {"schedulingGates": [], "nodeSelector": {"pool": "foreign"}}}),
                );
                drop(
                    Api::<Pod>::namespaced(client, &name)
                        .patch(&pod, &PatchParams::default(), &patch)
                        .await,
                );
            }
        }
    }
}
