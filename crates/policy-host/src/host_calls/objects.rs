//! Objects: host calls answered from a set of objects, as a cluster that holds these and no others
//! would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::{GetResource, HostCall, HostCalls, not_found, not_granted};

/// Objects by kind and name, and the kinds that the policy was granted.
#[derive(Debug, Default)]
pub struct Objects {
    /// `(apiVersion, kind)`.
    granted: BTreeSet<(String, String)>,
    objects: BTreeMap<Place, Value>,
    asked: Mutex<Vec<Value>>,
}

/// API version, kind, namespace and name of an object.
type Place = (String, String, Option<String>, String);

/// Something that is no Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("object {index} has no {field}: give Kubernetes objects as the API server has them")]
pub struct ObjectsError {
    /// Counted from 0.
    pub index: usize,
    pub field: &'static str,
}

impl Objects {
    /// These objects, with every kind among them granted.
    pub fn from_values(objects: impl IntoIterator<Item = Value>) -> Result<Self, ObjectsError> {
        let objects = objects
            .into_iter()
            .enumerate()
            .map(|(index, object)| Ok((place(index, &object)?, object)));
        let objects = objects.collect::<Result<BTreeMap<_, _>, ObjectsError>>()?;
        let granted = objects
            .keys()
            .map(|(api_version, kind, ..)| (api_version.clone(), kind.clone()))
            .collect();
        Ok(Self { granted, objects, asked: Mutex::default() })
    }

    /// Grants one more kind (`contextAwareResources`).
    pub fn granting(mut self, api_version: &str, kind: &str) -> Self {
        self.granted.insert((api_version.to_owned(), kind.to_owned()));
        self
    }

    /// Every request so far, as it was sent.
    pub fn requests(&self) -> Vec<Value> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn get(&self, request: &GetResource) -> Result<Vec<u8>, String> {
        let GetResource { api_version, kind, name, namespace, .. } = request;
        if !self.granted.contains(&(api_version.clone(), kind.clone())) {
            return Err(not_granted(api_version, kind));
        }
        let place = (api_version.clone(), kind.clone(), namespace.clone(), name.clone());
        let object = self.objects.get(&place).ok_or_else(|| not_found(request))?;
        Ok(object.to_string().into_bytes())
    }
}

fn place(index: usize, object: &Value) -> Result<Place, ObjectsError> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let needed = |pointer, field| text(pointer).ok_or(ObjectsError { index, field });
    Ok((
        needed("/apiVersion", "apiVersion")?,
        needed("/kind", "kind")?,
        text("/metadata/namespace"),
        needed("/metadata/name", "metadata.name")?,
    ))
}

impl HostCalls for Objects {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let request = match HostCall::read(binding, namespace, operation, payload)? {
            HostCall::Log => return Ok(Vec::new()),
            HostCall::GetResource(request) => request,
            _ => return Err(format!("{operation} needs a cluster: use `policy-host serve`")),
        };
        let sent = serde_json::from_slice(payload).unwrap_or_default();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        self.get(&request)
    }
}
