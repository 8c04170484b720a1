//! Policy: the ClusterAdmissionPolicy, as far as strategies read and write it – its conditions, and
//! two annotations.

use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::{Value, json};
use tenancy::keys::FIELD_MANAGER;
use tenancy::settings::strategy::Mode;

use crate::settings::policies;

mod match_conditions;

/// The mode that our condition stands for; written together with it.
pub const MODE: &str = "landlord.dev/strategy";
/// The mode that a user asked for by `landlord strategy --pin`.
pub const PIN: &str = "landlord.dev/strategy-pin";
/// After a pinned mode: also without a guard.
const WITHOUT_GUARD: &str = "without-guard";

/// What was read of it.
#[derive(Clone, Debug)]
pub struct Policy {
    pub name: String,
    pub uid: String,
    version: String,
    conditions: Vec<Value>,
    pub settings: Value,
    /// What our annotation says; `None` where there is none.
    pub mode: Option<Mode>,
    pub pin: Option<Pin>,
    /// Whether its settings have it place Pods.
    pub places_pods: bool,
}

/// A mode by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub mode: Mode,
    pub without_guard: bool,
}

impl Pin {
    /// The annotation's value. Anything else is no pin.
    fn parse(text: &str) -> Option<Self> {
        let (mode, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let without_guard = match rest.trim() {
            "" => false,
            WITHOUT_GUARD => true,
            _ => return None,
        };
        Some(Self { mode: Mode::parse(mode)?, without_guard })
    }

    fn to_annotation(self) -> String {
        if self.without_guard {
            format!("{} {WITHOUT_GUARD}", self.mode)
        } else {
            self.mode.to_string()
        }
    }
}

impl Policy {
    /// The policy of that name, if there is one. Where Kubewarden is not installed there is none.
    pub async fn read(client: &Client, name: &str) -> Result<Option<Self>, Error> {
        match policies(client).get(name).await {
            Ok(found) => Ok(Some(Self::from_object(found))),
            Err(Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every policy, anyone who's it is.
    pub async fn all(client: &Client) -> Result<Vec<Self>, Error> {
        match policies(client).list(&ListParams::default()).await {
            Ok(found) => Ok(found.into_iter().map(Self::from_object).collect()),
            Err(Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    pub fn from_object(object: DynamicObject) -> Self {
        let DynamicObject { metadata, data, .. } = object;
        let annotations = metadata.annotations.unwrap_or_default();
        let conditions = data.pointer("/spec/matchConditions").and_then(Value::as_array).cloned();
        Self {
            name: metadata.name.unwrap_or_default(),
            uid: metadata.uid.unwrap_or_default(),
            version: metadata.resource_version.unwrap_or_default(),
            conditions: conditions.unwrap_or_default(),
            settings: data.pointer("/spec/settings").cloned().unwrap_or_default(),
            mode: annotations.get(MODE).and_then(|mode| Mode::parse(mode)),
            pin: annotations.get(PIN).and_then(|pin| Pin::parse(pin)),
            places_pods: data.pointer("/spec/settings/pods/place") == Some(&Value::Bool(true)),
        }
    }

    /// Puts a mode's condition in place; nothing is written where it is there already.
    pub async fn apply(
        &mut self,
        client: &Client,
        mode: Mode,
        expression: &str,
    ) -> Result<(), Error> {
        let conditions = match_conditions::with(&self.conditions, expression);
        if conditions == self.conditions && self.mode == Some(mode) {
            return Ok(());
        }
        self.patch(client, Some(mode), conditions).await
    }

    /// Takes the condition away; nothing is written where there is none.
    pub async fn withdraw(&mut self, client: &Client) -> Result<(), Error> {
        let conditions = match_conditions::without(&self.conditions);
        if conditions == self.conditions && self.mode.is_none() {
            return Ok(());
        }
        self.patch(client, None, conditions).await
    }

    /// Guarded by the version: anyone who edits the conditions at the same moment is not undone.
    async fn patch(
        &mut self,
        client: &Client,
        mode: Option<Mode>,
        conditions: Vec<Value>,
    ) -> Result<(), Error> {
        let metadata =
            json!({"resourceVersion": self.version, "annotations": {MODE: mode.map(Mode::word)}});
        let patch = json!({"metadata": metadata, "spec": {"matchConditions": conditions}});
        *self = Self::from_object(
            policies(client).patch(&self.name, &params(), &Patch::Merge(patch)).await?,
        );
        Ok(())
    }

    /// Whether a strategy has left anything in it.
    pub fn is_touched(&self) -> bool {
        self.mode.is_some()
            || self.pin.is_some()
            || match_conditions::without(&self.conditions) != self.conditions
    }

    /// Deletes it from the cluster.
    pub async fn delete(&self, client: &Client) -> Result<(), Error> {
        match policies(client).delete(&self.name, &DeleteParams::default()).await {
            Err(Error::Api(status)) if status.code == 404 => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Pins a mode, or unpins it.
    pub async fn pin(&mut self, client: &Client, pin: Option<Pin>) -> Result<(), Error> {
        let patch = json!({"metadata": {"annotations": {PIN: pin.map(Pin::to_annotation)}}});
        *self = Self::from_object(
            policies(client).patch(&self.name, &params(), &Patch::Merge(patch)).await?,
        );
        Ok(())
    }
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("hybrid", Some((Mode::Hybrid, false)))]
    #[case(" controller without-guard", Some((Mode::Controller, true)))]
    #[case("auto", None)]
    #[case("hybrid loudly", None)]
    #[case("", None)]
    fn pins(#[case] text: &str, #[case] expected: Option<(Mode, bool)>) {
        let pin = Pin::parse(text);
        assert_eq!(pin, expected.map(|(mode, without_guard)| Pin { mode, without_guard }));
        assert!(pin.is_none_or(|pin| Pin::parse(&pin.to_annotation()) == Some(pin)));
    }
}
