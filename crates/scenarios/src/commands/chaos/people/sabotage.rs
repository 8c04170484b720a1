//! Sabotage: a law is broken on purpose, to show that it is noticed.

use chaos::event::Sabotage;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{People, api};

impl People {
    pub(super) async fn sabotage(&mut self, what: Sabotage, name: &str) {
        let Some(found) = self.read(name).await else { return };
        match what {
            // With the controller's rights, and as it writes: of a state that it names.
            Sabotage::Key => {
                let version = &found["metadata"]["resourceVersion"];
                let patch = Patch::Merge(
                    json!({"metadata": {"resourceVersion": version, "labels": {"own": "stolen"}}}),
                );
                let api = api(&self.controller.clone(), "Namespace", None);
                self.ask(async { api.patch(name, &PatchParams::default(), &patch).await }).await;
            }
            // Behind everybody's back.
            Sabotage::Loss => {
                let api = api(&self.admin.clone(), "Namespace", None);
                self.ask(async { api.delete(name, &DeleteParams::default()).await.map(drop) })
                    .await;
            }
            // The guard lets admins name nodes.
            Sabotage::Placement => {
                let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stray"},
                                 "spec": {"nodeName": "foreign-a", "containers": [{"name": "web", "image": "web"}]}});
                let api = api(&self.admin.clone(), "Pod", Some(name));
                if let Ok(pod) = serde_json::from_value(pod)
                    && self
                        .ask(async { api.create(&PostParams::default(), &pod).await })
                        .await
                        .is_some()
                {
                    self.meet(&format!("{name}/stray"));
                }
            }
            // Those are looked at in memory.
            Sabotage::Hammer | Sabotage::Stall | Sabotage::Mute => {}
        }
    }
}
