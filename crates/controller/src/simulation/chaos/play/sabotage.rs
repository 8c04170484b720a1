//! Sabotage: a user in the controller's place breaks a law, so that it can be seen that this is
//! noticed.

use chaos::event::Sabotage;
use k8s_openapi::api::core::v1::{Namespace as KubeNamespace, Pod};
use kube::api::{Api, DeleteParams, Patch, PatchParams};

use super::{Namespace, Stage, json};

const WHO: &str = "saboteur";
/// More tries than any history allows.
const HAMMERED: usize = 500;

impl Stage {
    pub(super) async fn sabotage(&mut self, what: Sabotage, name: Namespace) {
        match what {
            Sabotage::Stall => return self.is_stalled = true,
            Sabotage::Mute => {
                self.muted.insert(name.to_string());
                return;
            }
            _ if self.namespace(name).is_none() => return,
            _ => {}
        }
        self.laws.unfenced.insert(WHO.to_owned());
        let ((client, _connection), name) = (self.server.connect(WHO), name.to_string());
        let namespaces: Api<KubeNamespace> = Api::all(client.clone());
        match what {
            Sabotage::Key => {
                let patch = Patch::Merge(json!({"metadata": {"labels": {"own": "stolen"}}}));
                drop(namespaces.patch(&name, &PatchParams::default(), &patch).await);
            }
            Sabotage::Hammer => {
                let patch = Patch::Merge(json!({"metadata": {"labels": {"own": "key"}}}));
                for _ in 0..HAMMERED {
                    drop(namespaces.patch(&name, &PatchParams::default(), &patch).await);
                }
            }
            Sabotage::Stall | Sabotage::Mute => {}
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
